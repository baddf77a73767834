//! A subscriber that makes spans of OpenTelemetry, and the spans that it has exported.

use opentelemetry::trace::{Event, Status, TracerProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use tracing::Level;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry;

use crate::listen::listen;

pub(crate) const CALL: &str = "circuit_breaker.call";

pub(crate) struct Exported {
    exporter: InMemorySpanExporter,
    _provider: SdkTracerProvider,
    _guard: DefaultGuard,
}

impl Exported {
    /// Of what this thread says up to this level, and the tests' own.
    pub(crate) fn up_to(level: Level) -> Self {
        Self::of(Targets::new().with_target("tower_tenant_breaker", level))
    }

    pub(crate) fn of(targets: Targets) -> Self {
        let exporter = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder()
            .with_simple_exporter(exporter.clone())
            .build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("tests"));
        let targets = targets.with_target("spans", Level::TRACE);
        let guard = listen(registry().with(targets).with(layer));
        Self {
            exporter,
            _provider: provider,
            _guard: guard,
        }
    }

    pub(crate) fn spans(&self) -> Vec<SpanData> {
        self.exporter.get_finished_spans().unwrap()
    }

    /// The spans of calls, and forgets all.
    pub(crate) fn calls(&self) -> Vec<SpanData> {
        let mut spans = self.spans();
        self.exporter.reset();
        spans.retain(|span| span.name == CALL);
        spans
    }

    pub(crate) fn one_call(&self) -> SpanData {
        let calls = self.calls();
        assert_eq!(calls.len(), 1, "{calls:#?}");
        calls.into_iter().next().unwrap()
    }

    /// The one span by this name.
    pub(crate) fn named(&self, name: &str) -> SpanData {
        let mut spans = self.spans();
        spans.retain(|span| span.name == name);
        assert_eq!(spans.len(), 1, "{spans:#?}");
        spans.remove(0)
    }
}

/// An attribute of a span; empty where it has none, and of one that it has twice, both.
pub(crate) fn of_span(span: &SpanData, key: &str) -> String {
    let values = span.attributes.iter().filter(|of| of.key.as_str() == key);
    values.map(|of| of.value.to_string()).collect()
}

pub(crate) fn of_event(event: &Event, key: &str) -> String {
    let values = event.attributes.iter().filter(|of| of.key.as_str() == key);
    values.map(|of| of.value.to_string()).collect()
}

/// The events of a span by this name.
pub(crate) fn events(span: &SpanData, name: &str) -> Vec<Event> {
    let events = span.events.iter().filter(|event| event.name == name);
    events.cloned().collect()
}

pub(crate) fn is_error(span: &SpanData) -> bool {
    matches!(span.status, Status::Error { .. })
}

/// Dependency, tenant, outcome, state and reason.
pub(crate) fn said(span: &SpanData) -> [String; 5] {
    ["dependency", "tenant.id", "outcome", "state", "reason"].map(|key| of_span(span, key))
}
