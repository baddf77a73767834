//! What a recorder of the `metrics` facade is told: by which names, with which figures, and of whom.

#![cfg(feature = "metrics")]

mod by_example;
mod handles;
#[path = "../listen/mod.rs"]
mod listen;
mod prometheus;
mod run;
mod shelf;
mod tenants;
mod totals;
mod unruly;

use std::collections::BTreeMap;
use std::time::Duration;

use shelf::Shelf;
use tower_tenant_breaker::metrics::{MetricsExporter, MetricsExporterBuilder};
use tower_tenant_breaker::{
    CircuitBreakerRegistry, Dependency, OpenPeriod, Outcome, Policy, PolicyBuilder,
};

const PERIOD: Duration = Duration::from_secs(10);
const SECOND: Duration = Duration::from_secs(1);

fn registry() -> CircuitBreakerRegistry {
    CircuitBreakerRegistry::builder().build().unwrap()
}

/// Trips on the first failure, and is closed by the first probe that succeeds.
fn policy() -> PolicyBuilder {
    Policy::builder()
        .consecutive_failures(1)
        .success_threshold(1)
        .open_for(OpenPeriod::fixed(PERIOD).jitter(0.0))
}

fn declare(registry: &CircuitBreakerRegistry, name: &str) -> Dependency {
    let policy = policy().build().unwrap();
    registry.dependency_with(name, policy).unwrap()
}

fn record(dependency: &Dependency, tenant: &str, outcome: Outcome) {
    dependency.acquire(tenant).unwrap().record(outcome);
}

fn fail(dependency: &Dependency, tenant: &str) {
    record(dependency, tenant, Outcome::failure());
}

/// An exporter, and its recorder.
struct Told {
    exporter: MetricsExporter,
    shelf: Shelf,
}

impl Told {
    fn of(exporter: MetricsExporterBuilder) -> Self {
        let shelf = Shelf::default();
        let exporter = exporter.recorder(shelf.clone()).build().unwrap();
        Self { exporter, shelf }
    }

    /// The figures by name and labels, as `name{label=value}`, after a refresh.
    fn now(&self) -> Figures {
        self.exporter.refresh();
        self.last()
    }

    /// The same as of the last refresh.
    fn last(&self) -> Figures {
        Figures(self.shelf.figures())
    }
}

#[derive(Debug)]
struct Figures(BTreeMap<String, f64>);

impl Figures {
    #[track_caller]
    fn of(&self, series: &str) -> f64 {
        let figure = self.0.get(series);
        *figure.unwrap_or_else(|| panic!("{series} is not among {:#?}", self.0.keys()))
    }

    /// Those of a metric that are not zero, by their labels.
    fn not_zero(&self, metric: &str) -> Vec<(&str, f64)> {
        self.0
            .iter()
            .filter_map(|(series, figure)| {
                let labels = series.strip_prefix(metric)?.strip_prefix('{')?;
                let labels = labels.strip_suffix('}')?;
                (*figure != 0.0).then_some((labels, *figure))
            })
            .collect()
    }

    fn series(&self, metric: &str) -> usize {
        let prefix = format!("{metric}{{");
        self.0
            .keys()
            .filter(|series| series.starts_with(&prefix))
            .count()
    }
}
