use opentelemetry::KeyValue;
use opentelemetry::metrics::{AsyncInstrument, Meter};

use super::OtelMetrics;
use super::source::Source;
use crate::policy::check;
use crate::survey::{DEPENDENCY, Kind, Metric, OPEN_DURATION, TenantSeries, Unit, Value, closing};
use crate::sync::{Arc, Weak};
use crate::{CircuitBreakerRegistry, Event, PolicyError};

/// The edges of [`OPEN_DURATION`]'s buckets, in seconds: open periods last from seconds to an hour.
const EDGES: [f64; 13] = [
    1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0,
];

/// An SDK has 2,000 series of an instrument if it is not told otherwise. Those of a collection and of the one before have
/// room in it.
const MOST_TENANTS: usize = 1_000;

/// Builds [`OtelMetrics`].
///
/// | field | meaning | default | bounds |
/// |---|---|---|---|
/// | [`tenants`](Self::tenants) | tenants with series of their own, in all dependencies together | 20 | up to 1,000; 0 for none |
/// | [`credential_tenants`](Self::credential_tenants) | whether those too whose ids are made of credentials | `false` | |
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it registers"]
pub struct OtelMetricsBuilder<'a> {
    registry: &'a CircuitBreakerRegistry,
    series: TenantSeries,
}

impl<'a> OtelMetricsBuilder<'a> {
    pub(super) fn new(registry: &'a CircuitBreakerRegistry) -> Self {
        Self {
            registry,
            series: TenantSeries {
                most: 20,
                of_credentials: false,
            },
        }
    }

    /// How many tenants at most have series of their own, in all dependencies together: those that are worst off. 0
    /// switches these series off; how many tenants would have one is then still told, as `tenant.left_out`.
    pub fn tenants(mut self, most: usize) -> Self {
        self.series.most = most;
        self
    }

    /// Whether tenants have series too whose ids have the form of those that
    /// [`CredentialTenant`](crate::http::CredentialTenant) makes: 32 lower-case hexadecimal digits. Without it they are
    /// among those left out.
    ///
    /// Such an id tells nothing of the credential, but it is an id of one all the same, and a new credential is a new id.
    pub fn credential_tenants(mut self, told: bool) -> Self {
        self.series.of_credentials = told;
        self
    }

    /// Makes the instruments of this meter. They read the registry, as long as what is returned is kept, and do not keep
    /// the registry alive.
    ///
    /// Once for a registry and a meter, and one registry for a meter: [the module](super#one-registry-one-meter) says what
    /// becomes of others.
    ///
    /// # Errors
    ///
    /// [`PolicyError`], where `tenants` is over 1,000.
    ///
    /// ```
    /// use opentelemetry::global;
    /// use tower_tenant_breaker::CircuitBreakerRegistry;
    /// use tower_tenant_breaker::otel::OtelMetrics;
    ///
    /// let registry = CircuitBreakerRegistry::builder().build()?;
    /// let error = OtelMetrics::builder(&registry).tenants(5_000).register(&global::meter("gateway")).unwrap_err();
    /// assert_eq!(error.to_string(), "tenants is 5000, but must be from 0 to 1000");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn register(self, meter: &Meter) -> Result<OtelMetrics, PolicyError> {
        let most = self.series.most;
        check(most <= MOST_TENANTS, "tenants", most, "from 0 to 1000")?;
        let source = Arc::new(Source::new(self.registry.downgrade(), self.series));
        for metric in Metric::ALL {
            make(meter, metric, Arc::downgrade(&source));
        }
        take_in_closings(self.registry, meter, Arc::downgrade(&source));
        Ok(OtelMetrics { _source: source })
    }
}

fn make(meter: &Meter, metric: Metric, source: Weak<Source>) {
    let described = metric.described();
    let unit = described.unit.map_or("", |unit| match unit {
        Unit::Seconds => SECONDS,
        Unit::Bytes => "By",
    });
    match described.kind {
        Kind::Counter => {
            let observe = move |instrument: &dyn AsyncInstrument<u64>| {
                read(&source, metric, |value, of| {
                    if let Value::Count(count) = value {
                        instrument.observe(count, of);
                    }
                });
            };
            let counter = meter.u64_observable_counter(described.name);
            let counter = counter.with_description(described.description);
            let _ = counter.with_unit(unit).with_callback(observe).build();
        }
        Kind::Gauge => {
            let observe = move |instrument: &dyn AsyncInstrument<f64>| {
                read(&source, metric, |value, of| {
                    if let Value::Level(level) = value {
                        instrument.observe(level, of);
                    }
                });
            };
            let gauge = meter.f64_observable_gauge(described.name);
            let gauge = gauge.with_description(described.description);
            let _ = gauge.with_unit(unit).with_callback(observe).build();
        }
    }
}

const SECONDS: &str = "s";

fn read(source: &Weak<Source>, metric: Metric, observe: impl FnMut(Value, &[KeyValue])) {
    if let Some(source) = source.upgrade() {
        source.observe(metric, observe);
    }
}

/// The one that no survey can tell: each circuit that closes is told of then.
fn take_in_closings(registry: &CircuitBreakerRegistry, meter: &Meter, source: Weak<Source>) {
    let (name, description) = OPEN_DURATION;
    let durations = meter.f64_histogram(name).with_description(description);
    let durations = durations.with_unit(SECONDS);
    let durations = durations.with_boundaries(EDGES.to_vec()).build();
    registry.watch_changes(move |event: &Event<'_>| {
        if source.strong_count() == 0 {
            return false;
        }
        if let Some((dependency, lasted)) = closing(event) {
            let of = KeyValue::new(DEPENDENCY, dependency.to_owned());
            durations.record(lasted.as_secs_f64(), &[of]);
        }
        true
    });
}
