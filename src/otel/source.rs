//! Where the instruments read.

use opentelemetry::KeyValue;

use super::collection::Collection;
use crate::caught::caught;
use crate::event::say;
use crate::registry::WeakRegistry;
use crate::survey::{Metric, Survey, TenantSeries, Value};
use crate::sync::Mutex;

/// What the instruments of one registration share.
#[derive(Debug)]
pub(super) struct Source {
    registry: WeakRegistry,
    series: TenantSeries,
    collection: Mutex<Collection<Survey>>,
}

impl Source {
    pub(super) fn new(registry: WeakRegistry, series: TenantSeries) -> Self {
        Self {
            registry,
            series,
            collection: Mutex::default(),
        }
    }

    /// Tells each value of a metric; none once the registry is gone.
    ///
    /// A panic ends here: the SDK calls this under a lock of its own that would stay poisoned, and then all metrics of the
    /// program would be over.
    pub(super) fn observe(&self, metric: Metric, observe: impl FnMut(Value, &[KeyValue])) {
        if caught(|| self.tell(metric, observe)).is_none() {
            say(|| tracing::error!("the reading of a metric of circuits panicked"));
        }
    }

    fn tell(&self, metric: Metric, mut observe: impl FnMut(Value, &[KeyValue])) {
        // Goes after the lock: the last handle of a registry frees all that is in it.
        let registry = self.registry.upgrade();
        let mut collection = self.collection.lock();
        let Some(registry) = &registry else {
            return collection.forget();
        };
        let take = || Survey::take(registry, self.series);
        // Under the lock, so that nobody is told of a survey that is older than what was told before.
        collection.serve(metric, take, |survey| {
            survey.each(metric, |attributes, value| {
                let of = attributes.iter();
                let of = of.map(|&(name, value)| KeyValue::new(name, value.to_owned()));
                observe(value, &of.collect::<Vec<_>>());
            });
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CircuitBreakerRegistry;

    const FEW: TenantSeries = TenantSeries {
        most: 3,
        of_credentials: false,
    };

    #[test]
    fn an_instrument_that_panics_ends_nothing_and_the_others_go_on() {
        let registry = CircuitBreakerRegistry::builder().build().unwrap();
        registry.dependency("search").unwrap();
        let source = Source::new(registry.downgrade(), FEW);
        source.observe(Metric::Opened, |_, _| panic!("on purpose"));
        let mut told = Vec::new();
        source.observe(Metric::Recovered, |value, _| told.push(value));
        assert_eq!(told, [Value::Count(0)]);
    }

    #[test]
    fn nothing_of_a_registry_that_is_gone_is_kept() {
        let registry = CircuitBreakerRegistry::builder().build().unwrap();
        registry.dependency("search").unwrap();
        let source = Source::new(registry.downgrade(), FEW);
        source.observe(Metric::Opened, |_, _| ());
        drop(registry);
        let mut told = 0;
        source.observe(Metric::Recovered, |_, _| told += 1);
        assert_eq!(told, 0);
        assert!(format!("{source:?}").contains("latest: None"));
    }
}
