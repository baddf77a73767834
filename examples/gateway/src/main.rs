//! Two gateways in front of one upstream, over real HTTP: what one tenant's outage costs the others
//! where each tenant has a circuit of its own, and where all share one.
//!
//! `cargo run --release --package gateway -- --help` says more. Read on in `gateways.rs`: the stack is
//! there, in ten lines. With `--outage`, what a whole dependency's outage is: read on in `outage/`.

mod args;
mod gateways;
mod load;
mod outage;
mod progress;
mod report;
mod scenario;
mod serve;
mod upstream;

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use self::args::{Args, HELP};
use self::gateways::Gateway;
use self::load::Lane;
use self::report::{Figures, Sickness};
use self::scenario::{OUTAGES, Outage};
use self::upstream::{Health, Upstream};

#[tokio::main]
async fn main() -> ExitCode {
    let args = match Args::parse(std::env::args_os().skip(1)) {
        Ok(args) => args,
        Err(error) => {
            eprintln!("{error}; --help says what there is");
            return ExitCode::from(2);
        }
    };
    if args.help {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    let ran = if args.outage {
        outage::run(args).await
    } else {
        run(args).await
    };
    match ran {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("could not run: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the first story, and returns whether it showed what it should.
async fn run(args: Args) -> Result<bool, Box<dyn Error>> {
    let upstream = Upstream::start().await?;
    let isolated = Lane::new(Gateway::isolated(&upstream).await?);
    let shared = Lane::new(Gateway::shared(&upstream).await?);
    let lanes = [isolated.clone(), shared.clone()];
    if !args.json {
        progress::introduce(&lanes, upstream.address);
    }

    // From the beginning, so that it has seen what it shows.
    let page = match args.serve {
        true => Some(serve::page(&isolated.gateway.registry).await?),
        false => None,
    };
    let start = Instant::now();
    let outages =
        OUTAGES.map(|outage| tokio::spawn(play(outage, upstream.clone(), start, !args.json)));
    if args.json {
        load::offer(&lanes, &upstream, start).await;
    } else {
        tokio::join!(
            load::offer(&lanes, &upstream, start),
            progress::show(&lanes, start)
        );
    }
    let mut sickness = Vec::new();
    for outage in outages {
        sickness.push(outage.await?);
    }

    let isolated_figures = Figures::of(&isolated, &upstream, &sickness);
    let shared_figures = Figures::of(&shared, &upstream, &sickness);
    if args.json {
        println!("{}", report::json_line(&isolated_figures, &shared_figures));
    } else {
        report::print_tables(&[&isolated_figures, &shared_figures]);
    }
    let complaints = report::complaints(&isolated_figures, &shared_figures);
    for complaint in &complaints {
        eprintln!("not as it should be: {complaint}");
    }
    if complaints.is_empty() && !args.json {
        let lost = shared_figures.healthy.rejected;
        println!("\nA circuit per tenant: no healthy call was lost. One for all: {lost} were.");
    }

    if let Some(page) = page {
        let commands = serve::commands(&isolated.gateway, &upstream, page);
        // The last line of stdout is the figures, where they were asked for.
        if args.json {
            eprintln!("{commands}");
        } else {
            println!("{commands}");
        }
        tokio::signal::ctrl_c().await?;
    }
    Ok(complaints.is_empty())
}

/// Makes the upstream fall sick and recover, and returns when it really did.
async fn play(outage: Outage, upstream: Upstream, start: Instant, aloud: bool) -> Sickness {
    let switch = async |at: Duration, health: Health| {
        sleep_until(start + at).await;
        upstream.set(outage.tenant, health);
        if aloud {
            let (second, tenant, now) = (at.as_secs(), outage.tenant, health.in_words());
            println!("    second {second}: for {tenant}, the upstream {now} from now on");
        }
        Instant::now()
    };
    Sickness {
        began: switch(outage.from, outage.health).await,
        ended: switch(outage.until, Health::Healthy).await,
    }
}
