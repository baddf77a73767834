//! A gateway that is watched: three dependencies, a thousand tenants, metrics for Prometheus, a
//! live page, and troubles to provoke.
//!
//! `cargo run --release --package observed -- --help` says more. Read on in `metrics.rs` for how the metrics are told, and
//! in `front.rs` for the breakers. `observability/live.sh` runs it under a real Prometheus.

mod args;
mod front;
mod load;
mod metrics;
mod provoke;
mod scenario;
mod stage;
mod upstream;

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;

use axum::Router;
use tokio::net::TcpListener;
use tower_tenant_breaker::CircuitBreakerRegistry;
use tower_tenant_breaker::status::StatusService;

use self::args::{Args, HELP};
use self::metrics::Metrics;
use self::scenario::ROOM;
use self::stage::Stage;

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
    match run(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("could not run: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Serves until Ctrl-C.
async fn run(args: Args) -> Result<(), Box<dyn Error>> {
    let registry = CircuitBreakerRegistry::builder()
        .max_tenants(args.tenants + ROOM)
        .build()?;
    let stage = Arc::new(Stage::default());
    let upstream = upstream::start(stage.clone()).await?;
    // Declared before the metrics are read for the first time, so that each begins at zero.
    let routes = front::routes(&registry, upstream)?;
    let metrics = Metrics::of(&registry, args.exporter)?;
    let app = Router::new()
        .merge(routes)
        .merge(metrics.routes())
        .merge(provoke::routes(stage.clone()))
        .nest_service("/breakers", StatusService::new(registry));

    let listener = TcpListener::bind(("127.0.0.1", args.port)).await?;
    let address = listener.local_addr()?;
    println!("{}", provoke::introduction(address));
    let load = load::offer(address, args.tenants, args.rate, stage);
    tokio::select! {
        served = axum::serve(listener, app) => served?,
        () = load => {}
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    Ok(())
}
