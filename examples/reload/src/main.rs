//! A file of policies that changes while calls go on: what takes effect, what stays, and what a bad file does.
//!
//! `cargo run --release --package reload`. Read on in `reload.rs`.

mod files;
mod load;
mod reload;
mod watch;

use std::error::Error;
use std::process::ExitCode;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{interval, timeout};
use tower_tenant_breaker::{
    Applied, CircuitBreakerRegistry, CircuitSnapshot, CircuitState, Dependency,
};

use self::files::Directory;
use self::load::Caller;
use self::reload::{Reload, Reloader};

type BoxError = Box<dyn Error + Send + Sync>;

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

static CALLERS: [Caller; 3] = [
    Caller::new("acme"),
    Caller::new("globex"),
    Caller::new("initech"),
];

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("not as it should be: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Tells the story, until something in it is not as it should be.
async fn run() -> Result<(), BoxError> {
    let [acme, globex, initech] = &CALLERS;
    let directory = Directory::new()?;
    directory.write(files::FIRST)?;
    let registry = CircuitBreakerRegistry::builder().build()?;
    let (reloader, applied) = Reloader::start(&directory.file(), &registry)?;
    print("The program starts with this file:", files::FIRST);
    log(&applied);
    let (told, mut reloads) = unbounded_channel();
    tokio::spawn(reloader.run(told));
    let search = registry.dependency("search")?;
    tokio::spawn(load::offer(search.clone(), &CALLERS));

    acme.is_down.store(true, Relaxed);
    let opened = open(&search, acme).await?;
    println!("\nThe search is down for acme: {}.", told_of(&opened));
    ensure(
        run_of(&opened) == 3,
        "three failures in a row should have opened it",
    )?;

    print("\nThe file is replaced, while calls go on:", files::WIDER);
    directory.write(files::WIDER)?;
    log(&applied_next(&mut reloads).await?);
    let still = snapshot(&search, acme)?;
    println!(
        "acme's circuit is {} still, for another {:.0?}.",
        still.state,
        still.retry_after.unwrap_or_default()
    );
    let stays = still.state == CircuitState::Open && still.generation == opened.generation;
    ensure(
        stays && still.retry_after <= opened.retry_after,
        "the open circuit should stay as it is",
    )?;
    for (caller, failures) in [(globex, 6), (initech, 2)] {
        caller.is_down.store(true, Relaxed);
        let opened = open(&search, caller).await?;
        println!(
            "It is down for {} too: {}.",
            caller.tenant,
            told_of(&opened)
        );
        ensure(
            run_of(&opened) == failures,
            "the new thresholds should have opened it",
        )?;
    }

    print("\nSomebody makes a mistake:", files::BAD);
    let policy = search.policy();
    directory.write(files::BAD)?;
    let Reload::Refused(error) = next(&mut reloads).await? else {
        return Err("a bad file should be refused".into());
    };
    println!("refused, {error}");
    let path = "dependencies.search.latency[0].threshold: ";
    ensure(
        error.to_string().starts_with(path),
        "the error should name the path",
    )?;
    ensure(
        search.policy() == policy,
        "the policies of the file before should hold on",
    )?;
    println!("The policies of the file before hold on.");

    print("\nThe next file is a good one again:", files::DRY_RUN);
    let before = acme.admitted.load(Relaxed);
    directory.write(files::DRY_RUN)?;
    log(&applied_next(&mut reloads).await?);
    until("acme's calls are admitted", || {
        acme.admitted.load(Relaxed) > before
    })
    .await?;
    let would = snapshot(&search, acme)?;
    println!(
        "acme's circuit is {} still, and its calls are admitted.",
        would.state
    );
    ensure(
        would.state == CircuitState::Open,
        "a dry run should leave the circuit open",
    )?;

    println!("\nThe calls meanwhile:");
    for Caller {
        tenant,
        admitted,
        rejected,
        ..
    } in &CALLERS
    {
        let (admitted, rejected) = (admitted.load(Relaxed), rejected.load(Relaxed));
        println!("  {tenant:<8} {admitted:>5} admitted {rejected:>5} rejected");
    }
    Ok(())
}

fn print(what: &str, file: &str) {
    println!("{what}");
    for line in file.lines() {
        println!("    {line}");
    }
}

fn log(applied: &Applied) {
    for change in applied.changes() {
        println!("applied, {change}");
    }
}

fn ensure(holds: bool, what: &str) -> Result<(), BoxError> {
    if holds { Ok(()) } else { Err(what.into()) }
}

fn snapshot(search: &Dependency, caller: &Caller) -> Result<CircuitSnapshot, BoxError> {
    let circuit = search.circuit(caller.tenant);
    circuit
        .snapshot()
        .ok_or_else(|| "a caller should have a circuit".into())
}

fn run_of(circuit: &CircuitSnapshot) -> u32 {
    let trip = circuit.last_trip.as_ref();
    trip.map_or(0, |trip| trip.figures.consecutive_failures)
}

fn told_of(circuit: &CircuitSnapshot) -> String {
    format!(
        "its circuit is {} after {} failures in a row",
        circuit.state,
        run_of(circuit)
    )
}

/// Waits until the caller's circuit is open.
async fn open(search: &Dependency, caller: &Caller) -> Result<CircuitSnapshot, BoxError> {
    let is_open = || search.state(caller.tenant) == CircuitState::Open;
    until("a circuit opens", is_open).await?;
    snapshot(search, caller)
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) -> Result<(), BoxError> {
    let wait = async {
        let mut ticks = interval(Duration::from_millis(1));
        while !holds() {
            ticks.tick().await;
        }
    };
    timeout(PATIENCE, wait)
        .await
        .map_err(|_| format!("waited in vain until {what}").into())
}

async fn next(reloads: &mut UnboundedReceiver<Reload>) -> Result<Reload, BoxError> {
    let reload = timeout(PATIENCE, reloads.recv()).await;
    reload
        .ok()
        .flatten()
        .ok_or_else(|| "the file should have been reloaded".into())
}

async fn applied_next(reloads: &mut UnboundedReceiver<Reload>) -> Result<Applied, BoxError> {
    match next(reloads).await? {
        Reload::Applied(applied) => Ok(applied),
        Reload::Refused(error) => Err(format!("a good file should be applied: {error}").into()),
    }
}
