//! async-openai over two providers on loopback, a primary and a standby, and what becomes of its calls when the primary
//! is overloaded, breaks its streams, or limits a tenant.
//!
//! `cargo run --locked --release --package agents --bin llm_failover`. Read on in `models.rs`: the client with the
//! breaker and the one by hand are there, one above the other; and in `account.rs`, which keeps each provider's key
//! with it.

mod account;
mod agent;
mod limits;
mod models;
mod overload;
mod promises;
mod provider;
mod report;
mod streams;

use std::process::ExitCode;

use tower::BoxError;

use self::promises::Promises;

#[tokio::main]
async fn main() -> ExitCode {
    let mut promises = Promises::default();
    let played = play(&mut promises).await;
    let complaints = promises.complaints(played);
    for complaint in &complaints {
        eprintln!("{complaint}");
    }
    if complaints.is_empty() {
        println!("\nall promises held");
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

async fn play(promises: &mut Promises) -> Result<(), BoxError> {
    overload::play(promises).await?;
    streams::play(promises).await?;
    limits::play(promises).await
}
