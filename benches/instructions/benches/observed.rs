//! Those who watch the circuits of a load while its calls are counted: one for each feature of this package.
#![cfg(feature = "otel")]

use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use prometheus::Registry;
use tower_tenant_breaker::CircuitBreakerRegistry;
use tower_tenant_breaker::otel::OtelMetrics;

pub struct Observed {
    _registry: CircuitBreakerRegistry,
    _metrics: OtelMetrics,
    _provider: SdkMeterProvider,
}

/// Registered with an SDK and a reader, and collected once.
pub fn observe(registry: &CircuitBreakerRegistry) -> Observed {
    let names = Registry::new();
    let exporter = opentelemetry_prometheus::exporter().with_registry(names.clone());
    let exporter = exporter.build().unwrap();
    let provider = SdkMeterProvider::builder().with_reader(exporter).build();
    let metrics = OtelMetrics::builder(registry)
        .register(&provider.meter("instructions"))
        .unwrap();
    let told = names.gather();
    assert!(told.len() > 10, "all of it is told");
    Observed {
        _registry: registry.clone(),
        _metrics: metrics,
        _provider: provider,
    }
}
