//! Prints how long a scrape takes with 100,000 tenants, how many series it has, and what calls cost meanwhile.
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "what is measured is the wall clock, on threads of its own"
)]

use std::error::Error;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use prometheus::{Encoder, Registry, TextEncoder};
use tower_tenant_breaker::otel::OtelMetrics;
use tower_tenant_breaker::{CircuitBreakerRegistry, Dependency, Outcome, Policy};

const TENANTS: usize = 100_000;
const OPEN: usize = 2_000;
const REJECTED: usize = 1_000;
/// From 100 calls on a circuit has a histogram.
const BUSY: usize = 200;
/// Circuits that a bad call has made larger.
const BAD: usize = 20_000;
const SCRAPES: usize = 20;
/// Of so many calls one is of a tenant that has no circuit yet, as long as there is room.
const A_NEWCOMER_IN: usize = 64;
const NEWCOMERS: usize = 20_000;

fn tenant(number: usize) -> String {
    format!("tenant-{number:020}")
}

/// Open circuits first, then those with a bad call, the rest with good ones alone; the last ones are busy.
fn fill(search: &Dependency) -> Result<(), Box<dyn Error>> {
    for number in 0..TENANTS {
        let tenant = tenant(number);
        search.acquire(&tenant)?.record(Outcome::Success);
        if number < BAD {
            search.acquire(&tenant)?.record(Outcome::failure());
        }
        if number < OPEN {
            let circuit = search.circuit(&tenant);
            circuit.open_for(Duration::from_secs(3600))?;
        }
        if number < REJECTED {
            search.acquire(&tenant).unwrap_err();
        }
        if number >= TENANTS - BUSY {
            for _ in 0..1_000 {
                search.acquire(&tenant)?.record(Outcome::Success);
            }
        }
    }
    Ok(())
}

struct Scraper {
    names: Registry,
    text: Vec<u8>,
}

impl Scraper {
    fn scrape(&mut self) -> Result<Duration, prometheus::Error> {
        self.text.clear();
        let begun = Instant::now();
        TextEncoder::new().encode(&self.names.gather(), &mut self.text)?;
        Ok(begun.elapsed())
    }

    fn series(&self) -> usize {
        let lines = self.text.split(|byte| *byte == b'\n');
        lines
            .filter(|line| !line.is_empty() && line[0] != b'#')
            .count()
    }
}

/// The times of calls, in nanoseconds.
struct Times {
    of_known: Histogram<u64>,
    of_newcomers: Histogram<u64>,
}

/// The times of the calls of all tenants in turn, and of newcomers among them, one after the other, until told to stop.
fn calls(search: &Dependency, tenants: &[String], new: &[String], is_over: &AtomicBool) -> Times {
    let times = || Histogram::new_with_bounds(1, 10_000_000_000, 3).expect("bounds in order");
    let (mut of_known, mut of_newcomers) = (times(), times());
    let (mut at, mut new) = (0, new.iter());
    for number in 1_usize.. {
        if is_over.load(Relaxed) {
            break;
        }
        // Far from the one before, as tenants that come at random.
        at = (at + 7_919) % tenants.len();
        let newcomer = (number % A_NEWCOMER_IN == 0).then(|| new.next()).flatten();
        let tenant = newcomer.unwrap_or(&tenants[at]);
        let begun = Instant::now();
        if let Ok(permit) = search.acquire(tenant) {
            permit.record(black_box(Outcome::Success));
        }
        let took = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let times = match newcomer {
            Some(_) => &mut of_newcomers,
            None => &mut of_known,
        };
        times.saturating_record(took);
    }
    Times {
        of_known,
        of_newcomers,
    }
}

fn print(what: &str, times: &Histogram<u64>) {
    let micros = |quantile| times.value_at_quantile(quantile) as f64 / 1e3;
    println!(
        "{what:<34}{:>10.2}{:>10.2}{:>10.2}{:>12}",
        micros(0.5),
        micros(0.999),
        times.max() as f64 / 1e3,
        times.len()
    );
}

fn main() -> Result<(), Box<dyn Error>> {
    let registry = CircuitBreakerRegistry::builder()
        .max_tenants(TENANTS + NEWCOMERS)
        .build()?;
    let search = registry.dependency_with("search", Policy::default())?;
    let names = Registry::new();
    let exporter = opentelemetry_prometheus::exporter().with_registry(names.clone());
    let provider = SdkMeterProvider::builder()
        .with_reader(exporter.build()?)
        .build();
    let _metrics = OtelMetrics::builder(&registry).register(&provider.meter("scrape"))?;
    fill(&search)?;
    let mut scraper = Scraper {
        names,
        text: Vec::new(),
    };
    scraper.scrape()?;
    assert_eq!(search.len(), TENANTS, "every tenant has its circuit");

    let tenants: Vec<_> = (0..TENANTS).map(tenant).collect();
    let newcomers: Vec<_> = (TENANTS..TENANTS + NEWCOMERS).map(tenant).collect();
    let (first, then) = newcomers.split_at(NEWCOMERS / 2);
    let mut alone = (0..SCRAPES)
        .map(|_| scraper.scrape())
        .collect::<Result<Vec<_>, _>>()?;
    let begun = Instant::now();
    let is_over = AtomicBool::new(false);
    let (meanwhile, mut amid) = thread::scope(|scope| {
        let calling = scope.spawn(|| calls(&search, &tenants, first, &is_over));
        let amid: Result<Vec<_>, _> = (0..SCRAPES).map(|_| scraper.scrape()).collect();
        is_over.store(true, Relaxed);
        (calling.join(), amid)
    });
    let lasted = begun.elapsed();
    let is_over = AtomicBool::new(false);
    let before = thread::scope(|scope| {
        let calling = scope.spawn(|| calls(&search, &tenants, then, &is_over));
        thread::sleep(lasted);
        is_over.store(true, Relaxed);
        calling.join()
    });

    println!(
        "{TENANTS} tenants, {OPEN} open, {BUSY} busy, {} series",
        scraper.series()
    );
    println!("{:<34}{:>10}{:>10}", "a scrape, in ms", "median", "longest");
    for (what, times) in [
        ("alone", Some(&mut alone)),
        ("amid calls", amid.as_mut().ok()),
    ] {
        let Some(times) = times else {
            return Err("a scrape failed".into());
        };
        times.sort();
        let millis = |at: usize| times[at].as_secs_f64() * 1e3;
        println!(
            "{what:<34}{:>10.1}{:>10.1}",
            millis(SCRAPES / 2),
            millis(SCRAPES - 1)
        );
    }
    println!(
        "{:<34}{:>10}{:>10}{:>10}{:>12}",
        "a call, in \u{b5}s", "p50", "p99.9", "longest", "calls"
    );
    let [before, meanwhile] = [before, meanwhile].map(|times| times.map_err(|_| "a call panicked"));
    let (before, meanwhile) = (before?, meanwhile?);
    print("while nobody scrapes", &before.of_known);
    print("during scrapes", &meanwhile.of_known);
    print("a newcomer's, while nobody does", &before.of_newcomers);
    print("a newcomer's, during scrapes", &meanwhile.of_newcomers);
    Ok(())
}
