//! One series, and its handle.

use ::metrics::{Counter, Gauge, Key, Label, Level, Metadata, Recorder};

use crate::survey::{Kind, Metric, Value};

/// What recorders that filter by target or level are told.
pub(super) const METADATA: Metadata<'static> =
    Metadata::new("tower_tenant_breaker::metrics", Level::INFO, None);

#[derive(Debug)]
pub(super) struct Series {
    key: Key,
    handle: Handle,
    /// Of its attributes.
    pub(super) hash: u64,
    /// In which it was told last.
    pub(super) round: u64,
}

#[derive(Debug)]
enum Handle {
    Counter(Counter),
    Gauge(Gauge),
}

impl Handle {
    fn new(kind: Kind, key: &Key, recorder: &dyn Recorder) -> Self {
        match kind {
            Kind::Counter => Self::Counter(recorder.register_counter(key, &METADATA)),
            Kind::Gauge => Self::Gauge(recorder.register_gauge(key, &METADATA)),
        }
    }
}

pub(super) fn key(name: &'static str, attributes: &[(&'static str, &str)]) -> Key {
    let label = |&(name, value): &(&'static str, &str)| Label::new(name, value.to_owned());
    Key::from_parts(name, attributes.iter().map(label).collect::<Vec<_>>())
}

impl Series {
    pub(super) fn new(
        metric: Metric,
        attributes: &[(&'static str, &str)],
        hash: u64,
        recorder: &dyn Recorder,
    ) -> Self {
        let described = metric.described();
        let key = key(described.name, attributes);
        Self {
            handle: Handle::new(described.kind, &key, recorder),
            key,
            hash,
            round: 0,
        }
    }

    pub(super) fn has(&self, attributes: &[(&'static str, &str)]) -> bool {
        let labels = self.key.labels();
        let labels = labels.map(|label| (label.key(), label.value()));
        labels.eq(attributes.iter().copied())
    }

    /// A handle of the series as the recorder has it now.
    pub(super) fn renew(&mut self, recorder: &dyn Recorder) {
        let kind = match self.handle {
            Handle::Counter(_) => Kind::Counter,
            Handle::Gauge(_) => Kind::Gauge,
        };
        self.handle = Handle::new(kind, &self.key, recorder);
    }

    pub(super) fn tell(&self, value: Value) {
        match (&self.handle, value) {
            (Handle::Counter(counter), Value::Count(count)) => counter.absolute(count),
            (Handle::Gauge(gauge), Value::Level(level)) => gauge.set(level),
            // A metric's values are all of its kind.
            (Handle::Counter(_), Value::Level(_)) | (Handle::Gauge(_), Value::Count(_)) => {}
        }
    }

    /// Told for the last time: a level falls to what it is where there is nothing to tell of. A count stays.
    pub(super) fn rest(&self, metric: Metric) {
        if let Handle::Gauge(gauge) = &self.handle {
            gauge.set(match metric {
                Metric::Latency => f64::NAN,
                _ => 0.0,
            });
        }
    }
}
