//! Those who watch the circuits of a load while its calls are counted.

use std::any::Any;

use tower_tenant_breaker::CircuitBreakerRegistry;

/// Who watches.
#[derive(Clone, Copy, Debug)]
pub enum By {
    Nobody,
    Otel,
    Metrics,
}

impl By {
    /// What the rows are headed.
    pub const fn group(self) -> &'static str {
        match self {
            Self::Nobody => "features on, nobody watches",
            Self::Otel => "watched by otel",
            Self::Metrics => "watched by metrics",
        }
    }
}

/// Kept as long as it is to watch. Of one type in all builds, so that what is counted is the same code.
pub type Watcher = Option<Box<dyn Any>>;

#[cfg(not(feature = "watched"))]
pub fn watch(by: By, _: &CircuitBreakerRegistry) -> Watcher {
    match by {
        By::Nobody => None,
        By::Otel | By::Metrics => panic!("this build has nothing that watches"),
    }
}

#[cfg(feature = "watched")]
pub fn watch(by: By, registry: &CircuitBreakerRegistry) -> Watcher {
    match by {
        By::Nobody => None,
        By::Otel => Some(Box::new((registry.clone(), otel(registry)))),
        By::Metrics => Some(Box::new((registry.clone(), metrics(registry)))),
    }
}

/// Registered with an SDK and a reader, and collected once.
#[cfg(feature = "watched")]
fn otel(registry: &CircuitBreakerRegistry) -> impl Any {
    use opentelemetry::metrics::MeterProvider;
    use opentelemetry_sdk::metrics::SdkMeterProvider;
    use prometheus::Registry;
    use tower_tenant_breaker::otel::OtelMetrics;

    let names = Registry::new();
    let exporter = opentelemetry_prometheus::exporter().with_registry(names.clone());
    let exporter = exporter.build().unwrap();
    let provider = SdkMeterProvider::builder().with_reader(exporter).build();
    let metrics = OtelMetrics::builder(registry)
        .register(&provider.meter("instructions"))
        .unwrap();
    let told = names.gather();
    assert!(told.len() > 10, "all of it is told");
    (metrics, provider)
}

/// With the recorder of an exporter, and refreshed once more.
#[cfg(feature = "watched")]
fn metrics(registry: &CircuitBreakerRegistry) -> impl Any {
    use std::sync::Arc;

    use metrics_exporter_prometheus::PrometheusBuilder;
    use tower_tenant_breaker::metrics::MetricsExporter;

    let recorder = Arc::new(PrometheusBuilder::new().build_recorder());
    let exporter = MetricsExporter::builder(registry).tenants(20);
    let exporter = exporter.recorder(Arc::clone(&recorder)).build().unwrap();
    assert!(exporter.refresh());
    let told = recorder.handle().render();
    assert!(told.contains("tool_call"), "all of it is told: {told}");
    exporter
}
