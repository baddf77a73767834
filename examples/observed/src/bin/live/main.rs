//! The driver of `observability/live.sh`: the gateway of this package under a real Prometheus with the rules, each trouble
//! provoked until its alert fires, and made well until that is resolved; and every panel of the dashboard with data.
//!
//! `live OBSERVABILITY SCRATCH [flags of observed]`: the folder with the rules and the dashboard, and one to write to.

mod alerts;
mod cost;
mod http;
mod panels;
mod processes;
mod prometheus;
mod rules;
mod story;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;

use self::http::Http;
use self::processes::{start_gateway, start_prometheus};

type Failed = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    let began = Instant::now();
    match run().await {
        Ok(()) => {
            println!(
                "all is as it should be, after {} s",
                Instant::now().saturating_duration_since(began).as_secs()
            );
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!(
                "FAILED after {} s: {error}",
                Instant::now().saturating_duration_since(began).as_secs()
            );
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Failed> {
    let mut args = std::env::args_os().skip(1);
    let (Some(observability), Some(scratch)) = (args.next(), args.next()) else {
        return Err("say where the rules are, and where to write".into());
    };
    let (observability, scratch) = (PathBuf::from(observability), PathBuf::from(scratch));
    let read = |name: &str| {
        let path = observability.join(name);
        std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
    };
    let rules = read("rules.yml")?;
    let dashboard = serde_json::from_str(&read("dashboard.json")?)?;
    let names = rules::alerts(&rules);
    rules::have_runbooks(&names, &read("README.md")?)?;

    let http = Http::new();
    let mut gateway = start_gateway(&scratch, args).await?;
    let mut prometheus =
        start_prometheus(&http, &scratch, &rules::scaled(&rules)?, &gateway.address).await?;
    let mut terminated = signal(SignalKind::terminate())?;
    // Whichever way this ends, both are killed when they are dropped.
    tokio::select! {
        told = story::tell(&http, &gateway.address, &prometheus.api, &names, &dashboard) => told,
        died = gateway.process.wait() => Err(format!("the gateway died: {died:?}").into()),
        died = prometheus.process.wait() => Err(format!("Prometheus died: {died:?}").into()),
        _ = terminated.recv() => Err("told to end".into()),
        _ = tokio::signal::ctrl_c() => Err("told to end".into()),
    }
}
