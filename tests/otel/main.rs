//! What OpenTelemetry's SDK is told of circuits, and when.
#![cfg(feature = "otel")]

mod calls;
mod collected;
mod latency;
mod lifetime;
mod outage;
mod prometheus;
mod readers;
mod states;
mod tenants;
mod totals;
mod volume;

use std::time::Duration;

use collected::Reader;
use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::metrics::{SdkMeterProvider, Temporality};
use tokio::time::advance;
use tower_tenant_breaker::otel::OtelMetrics;
use tower_tenant_breaker::{
    CircuitBreakerRegistry, Dependency, OpenPeriod, Outcome, Policy, PolicyBuilder,
};

const SECOND: Duration = Duration::from_secs(1);
const PERIOD: Duration = Duration::from_secs(4);

/// A provider with one reader, and what is registered with it.
struct Observed {
    registry: CircuitBreakerRegistry,
    provider: SdkMeterProvider,
    reader: Reader,
    metrics: OtelMetrics,
}

/// Two failures in a row open for four seconds, one success closes.
fn policy() -> PolicyBuilder {
    Policy::builder()
        .window(10 * SECOND)
        .without_failure_rate()
        .consecutive_failures(2)
        .open_for(OpenPeriod::exponential(PERIOD, 10 * PERIOD).jitter(0.0))
        .success_threshold(1)
}

fn registry() -> CircuitBreakerRegistry {
    CircuitBreakerRegistry::builder().build().unwrap()
}

fn provider(reader: &Reader) -> SdkMeterProvider {
    SdkMeterProvider::builder()
        .with_reader(reader.clone())
        .build()
}

fn observe(registry: CircuitBreakerRegistry, tenants: usize) -> Observed {
    let reader = Reader::new(Temporality::Cumulative);
    let provider = provider(&reader);
    let builder = OtelMetrics::builder(&registry).tenants(tenants);
    let metrics = builder.register(&provider.meter("test")).unwrap();
    Observed {
        registry,
        provider,
        reader,
        metrics,
    }
}

/// A dependency `search` under this policy, and twenty tenants observed.
fn search(policy: PolicyBuilder) -> (Observed, Dependency) {
    let observed = observe(registry(), 20);
    let policy = policy.build().unwrap();
    let search = observed.registry.dependency_with("search", policy).unwrap();
    (observed, search)
}

fn call(dependency: &Dependency, tenant: &str, outcome: Outcome) {
    dependency.acquire(tenant).unwrap().record(outcome);
}

fn open(dependency: &Dependency, tenant: &str) {
    for _ in 0..2 {
        call(dependency, tenant, Outcome::failure());
    }
}

/// Waits for the tenant's first period to be over, and has a probe close its circuit.
async fn recover(dependency: &Dependency, tenant: &str) {
    advance(PERIOD).await;
    call(dependency, tenant, Outcome::Success);
}
