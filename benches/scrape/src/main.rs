//! Prints how long a scrape takes with 100,000 tenants, how many series it has, and what calls cost meanwhile.

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

/// The times of the calls of all tenants in turn, one after the other, until told to stop, in nanoseconds.
fn calls(search: &Dependency, tenants: &[String], is_over: &AtomicBool) -> Histogram<u64> {
    let mut times = Histogram::new_with_bounds(1, 10_000_000_000, 3).expect("bounds in order");
    let mut at = 0;
    while !is_over.load(Relaxed) {
        // Far from the one before, as tenants that come at random.
        at = (at + 7_919) % tenants.len();
        let begun = Instant::now();
        if let Ok(permit) = search.acquire(&tenants[at]) {
            permit.record(black_box(Outcome::Success));
        }
        let took = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        times.saturating_record(took);
    }
    times
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
        .max_tenants(TENANTS)
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
    let mut alone = (0..SCRAPES)
        .map(|_| scraper.scrape())
        .collect::<Result<Vec<_>, _>>()?;
    let begun = Instant::now();
    let is_over = AtomicBool::new(false);
    let (meanwhile, mut amid) = thread::scope(|scope| {
        let calling = scope.spawn(|| calls(&search, &tenants, &is_over));
        let amid: Result<Vec<_>, _> = (0..SCRAPES).map(|_| scraper.scrape()).collect();
        is_over.store(true, Relaxed);
        (calling.join(), amid)
    });
    let lasted = begun.elapsed();
    let is_over = AtomicBool::new(false);
    let before = thread::scope(|scope| {
        let calling = scope.spawn(|| calls(&search, &tenants, &is_over));
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
    print(
        "while nobody scrapes",
        &before.map_err(|_| "a call panicked")?,
    );
    print("during scrapes", &meanwhile.map_err(|_| "a call panicked")?);
    Ok(())
}
