//! How the metrics are told: the meter of an OpenTelemetry SDK, read by its exporter for Prometheus.

use std::error::Error;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use prometheus::TextEncoder;
use tower_tenant_breaker::CircuitBreakerRegistry;
use tower_tenant_breaker::otel::OtelMetrics;

/// Metrics, as long as it is kept.
#[derive(Clone)]
pub(crate) struct Metrics {
    inner: Arc<Inner>,
}

struct Inner {
    registry: prometheus::Registry,
    /// Who holds the instruments that are read.
    _provider: SdkMeterProvider,
    _metrics: OtelMetrics,
}

impl Metrics {
    pub(crate) fn of(breakers: &CircuitBreakerRegistry) -> Result<Self, Box<dyn Error>> {
        let registry = prometheus::Registry::new();
        let exporter = opentelemetry_prometheus::exporter()
            .with_registry(registry.clone())
            .build()?;
        let provider = SdkMeterProvider::builder().with_reader(exporter).build();
        let metrics = OtelMetrics::builder(breakers).register(&provider.meter("observed"))?;
        Ok(Self {
            inner: Arc::new(Inner {
                registry,
                _provider: provider,
                _metrics: metrics,
            }),
        })
    }

    /// `GET /metrics`.
    pub(crate) fn routes(&self) -> Router {
        Router::new()
            .route("/metrics", get(scrape))
            .with_state(self.clone())
    }

    fn text(&self) -> Result<String, prometheus::Error> {
        TextEncoder::new().encode_to_string(&self.inner.registry.gather())
    }
}

async fn scrape(State(metrics): State<Metrics>) -> Response {
    // All circuits are looked at: milliseconds, in which this thread would serve nobody.
    let text = tokio::task::spawn_blocking(move || metrics.text()).await;
    match text {
        Ok(Ok(text)) => ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response(),
        failed => {
            let why = match failed {
                Ok(Err(error)) => error.to_string(),
                _ => "the metrics could not be read".to_owned(),
            };
            (StatusCode::INTERNAL_SERVER_ERROR, why).into_response()
        }
    }
}
