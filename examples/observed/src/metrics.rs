//! How the metrics are told. A program has one of the two ways; this one has both, to be chosen by a flag.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_util::MetricKindMask;
use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use prometheus::TextEncoder;
use tower_tenant_breaker::CircuitBreakerRegistry;
use tower_tenant_breaker::metrics::MetricsExporter;
use tower_tenant_breaker::otel::OtelMetrics;

use crate::args::Exporter;

/// The edges of the histogram of openings, in seconds.
const OPEN_SECONDS: [f64; 13] = [
    1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0,
];

/// How often the facade is told what the counts are.
const REFRESH: Duration = Duration::from_secs(1);

/// After which the facade's exporter forgets a tenant of whom nothing is told any more.
const IDLE: Duration = Duration::from_secs(60);

/// Metrics, as long as it is kept.
#[derive(Clone)]
pub(crate) struct Metrics {
    told: Arc<Told>,
}

enum Told {
    /// Instruments that are read when Prometheus asks.
    Otel {
        registry: prometheus::Registry,
        /// Who holds the instruments that are read.
        _provider: SdkMeterProvider,
        _metrics: OtelMetrics,
    },
    /// What the facade was told last.
    Facade(PrometheusHandle),
}

impl Metrics {
    pub(crate) fn of(
        breakers: &CircuitBreakerRegistry,
        exporter: Exporter,
    ) -> Result<Self, Box<dyn Error>> {
        let told = match exporter {
            Exporter::Otel => by_otel(breakers)?,
            Exporter::Metrics => by_facade(breakers)?,
        };
        Ok(Self {
            told: Arc::new(told),
        })
    }

    /// `GET /metrics`.
    pub(crate) fn routes(&self) -> Router {
        Router::new()
            .route("/metrics", get(scrape))
            .with_state(self.clone())
    }

    fn text(&self) -> Result<String, prometheus::Error> {
        match &*self.told {
            Told::Otel { registry, .. } => TextEncoder::new().encode_to_string(&registry.gather()),
            Told::Facade(handle) => {
                handle.run_upkeep();
                Ok(handle.render())
            }
        }
    }
}

fn by_otel(breakers: &CircuitBreakerRegistry) -> Result<Told, Box<dyn Error>> {
    let registry = prometheus::Registry::new();
    let exporter = opentelemetry_prometheus::exporter()
        .with_registry(registry.clone())
        .build()?;
    let provider = SdkMeterProvider::builder().with_reader(exporter).build();
    let metrics = OtelMetrics::builder(breakers).register(&provider.meter("observed"))?;
    Ok(Told::Otel {
        registry,
        _provider: provider,
        _metrics: metrics,
    })
}

fn by_facade(breakers: &CircuitBreakerRegistry) -> Result<Told, Box<dyn Error>> {
    let open_duration = Matcher::Full("circuit_breaker.open.duration".to_owned());
    let handle = PrometheusBuilder::new()
        .with_recommended_naming(true)
        .set_buckets_for_metric(open_duration, &OPEN_SECONDS)?
        .idle_timeout(MetricKindMask::GAUGE, Some(IDLE))
        .install_recorder()?;
    // Tenants have no series with the facade unless they are asked for.
    let exporter = MetricsExporter::builder(breakers).tenants(20).build()?;
    tokio::spawn(exporter.run(REFRESH));
    Ok(Told::Facade(handle))
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
