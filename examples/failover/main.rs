//! Two model providers on loopback, a primary and a hot standby, and the same load twice: by hand ("ask the
//! primary, and where it refuses, the standby"), and through `Failover`. Then the primary is overloaded.
//!
//! `cargo run --release --example failover`. Read on in `stacks.rs`: both ways are there, one above the other.

mod load;
mod provider;
mod report;
mod stacks;

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use self::provider::Provider;
use self::report::Way;
use self::stacks::Stack;

/// When the primary is overloaded, and how long the load lasts, from its beginning.
const OVERLOADED_FROM: Duration = Duration::from_secs(2);
const OVERLOADED_UNTIL: Duration = Duration::from_secs(8);
const RUN: Duration = Duration::from_secs(12);

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(complaints) if complaints.is_empty() => ExitCode::SUCCESS,
        Ok(complaints) => {
            for complaint in complaints {
                eprintln!("not as it should be: {complaint}");
            }
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("could not run: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Tells the story, and returns what in it was not as it should be.
async fn run() -> Result<Vec<String>, Box<dyn Error + Send + Sync>> {
    // Each way has providers of its own, so that neither feels what the other does.
    let by_hand = [Provider::primary().await?, Provider::standby().await?];
    let failover = [Provider::primary().await?, Provider::standby().await?];
    let stacks = [
        Stack::by_hand(&by_hand[0], &by_hand[1]),
        Stack::failover(&failover[0], &failover[1])?,
    ];
    report::introduce();

    let start = Instant::now();
    let ([by_hand_calls, failover_calls], ()) = tokio::join!(load::offer(&stacks, start), async {
        for (at, overloaded) in [(OVERLOADED_FROM, true), (OVERLOADED_UNTIL, false)] {
            sleep_until(start + at).await;
            by_hand[0].set_overloaded(overloaded);
            failover[0].set_overloaded(overloaded);
            report::announce(at, overloaded);
        }
    });
    let ways = [
        Way::new("by hand", by_hand_calls, &by_hand[0]),
        Way::new("Failover", failover_calls, &failover[0]),
    ];
    report::print_seconds(&ways);
    report::print_table(&ways);

    for provider in &failover {
        provider.set_overloaded(true);
    }
    let mut last = Vec::new();
    for _ in 0..3 {
        last.push(load::call(&stacks[1], "acme", start).await);
    }
    report::print_last_resort(&last);
    report::conclude(&ways);
    Ok(report::complaints(&ways, &last))
}
