//! A reader that collects where it is told to, and what it has collected, as a list of series.

use std::collections::BTreeSet;
use std::sync::{Arc, Weak};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData, ResourceMetrics};
use opentelemetry_sdk::metrics::reader::MetricReader;
use opentelemetry_sdk::metrics::{InstrumentKind, ManualReader, Pipeline, Temporality};

/// Collects on the thread that asks, whose clock a test has paused.
#[derive(Clone, Debug)]
pub(crate) struct Reader(Arc<ManualReader>);

impl Reader {
    pub(crate) fn new(temporality: Temporality) -> Self {
        let reader = ManualReader::builder().with_temporality(temporality);
        Self(Arc::new(reader.build()))
    }

    pub(crate) fn collect(&self) -> Collected {
        let mut metrics = ResourceMetrics::default();
        self.0.collect(&mut metrics).unwrap();
        Collected::new(&metrics)
    }
}

impl MetricReader for Reader {
    fn register_pipeline(&self, pipeline: Weak<Pipeline>) {
        self.0.register_pipeline(pipeline);
    }

    fn collect(&self, metrics: &mut ResourceMetrics) -> OTelSdkResult {
        self.0.collect(metrics)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn temporality(&self, kind: InstrumentKind) -> Temporality {
        self.0.temporality(kind)
    }
}

/// A value with its attributes; of a histogram its sum.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) unit: String,
    pub(crate) is_counter: bool,
    /// Sorted.
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) value: f64,
    /// Of a histogram, in its buckets.
    pub(crate) counts: Vec<u64>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Collected(pub(crate) Vec<Series>);

impl Collected {
    pub(crate) fn new(metrics: &ResourceMetrics) -> Self {
        let mut all = Vec::new();
        for scope in metrics.scope_metrics() {
            for metric in scope.metrics() {
                let mut push = |is_counter, attributes: Vec<&KeyValue>, value, counts| {
                    let attributes = attributes.into_iter();
                    let mut attributes: Vec<_> = attributes
                        .map(|pair| (pair.key.to_string(), pair.value.to_string()))
                        .collect();
                    attributes.sort();
                    all.push(Series {
                        name: metric.name().to_owned(),
                        unit: metric.unit().to_owned(),
                        is_counter,
                        attributes,
                        value,
                        counts,
                    });
                };
                match metric.data() {
                    AggregatedMetrics::U64(MetricData::Sum(sum)) => {
                        for point in sum.data_points() {
                            let value = point.value() as f64;
                            let is_counter = sum.is_monotonic();
                            push(is_counter, point.attributes().collect(), value, Vec::new());
                        }
                    }
                    AggregatedMetrics::F64(MetricData::Gauge(gauge)) => {
                        for point in gauge.data_points() {
                            let attributes = point.attributes().collect();
                            push(false, attributes, point.value(), Vec::new());
                        }
                    }
                    AggregatedMetrics::F64(MetricData::Histogram(histogram)) => {
                        for point in histogram.data_points() {
                            let counts = point.bucket_counts().collect();
                            push(false, point.attributes().collect(), point.sum(), counts);
                        }
                    }
                    other => panic!("{} is of a kind that is not ours: {other:?}", metric.name()),
                }
            }
        }
        Self(all)
    }

    /// The value of the series that has these attributes and no other.
    pub(crate) fn value(&self, name: &str, attributes: &[(&str, &str)]) -> Option<f64> {
        self.series(name, attributes).map(|series| series.value)
    }

    pub(crate) fn series(&self, name: &str, attributes: &[(&str, &str)]) -> Option<&Series> {
        let mut attributes: Vec<_> = attributes
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        attributes.sort();
        self.of(name).find(|series| series.attributes == attributes)
    }

    /// The value of `search` alone, with one further attribute or none.
    pub(crate) fn of_search(&self, name: &str, further: &[(&str, &str)]) -> Option<f64> {
        let mut attributes = vec![("dependency", "search")];
        attributes.extend(further);
        self.value(name, &attributes)
    }

    pub(crate) fn of(&self, name: &str) -> impl Iterator<Item = &Series> {
        self.0.iter().filter(move |series| series.name == name)
    }

    /// The tenants that have a series of this name.
    pub(crate) fn tenants(&self, name: &str) -> BTreeSet<&str> {
        let ids = self.of(name).flat_map(|series| &series.attributes);
        ids.filter(|(key, _)| key == "tenant.id")
            .map(|(_, id)| &**id)
            .collect()
    }

    pub(crate) fn names(&self) -> BTreeSet<&str> {
        self.0.iter().map(|series| &*series.name).collect()
    }
}
