use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use tower_tenant_breaker::otel::OtelMetrics;
use tower_tenant_breaker::{CircuitBreakerRegistry, Dependency, OpenPeriod, Outcome, Policy};

use crate::collected::{Collected, Reader};
use crate::{Temporality, observe, policy};

/// The counters as they were last, and that none of them fell since.
#[derive(Default)]
struct Rising(BTreeMap<(String, Vec<(String, String)>), f64>);

impl Rising {
    fn take_in(&mut self, seen: &Collected) {
        let mut now = BTreeMap::new();
        for series in seen.0.iter().filter(|series| series.is_counter) {
            let of = (series.name.clone(), series.attributes.clone());
            now.insert(of, series.value);
        }
        for (of, before) in &self.0 {
            let after = now.get(of).copied();
            assert!(after >= Some(*before), "{of:?}: {before}, then {after:?}");
        }
        self.0 = now;
    }

    fn of(&self, name: &str) -> f64 {
        let of_name = self.0.iter().filter(|((of, _), _)| of == name);
        of_name.map(|(_, value)| value).sum()
    }
}

#[tokio::test(start_paused = true)]
async fn no_count_falls_as_circuits_make_room_for_others() {
    let registry = CircuitBreakerRegistry::builder().max_tenants(16);
    let observed = observe(registry.build().unwrap(), 5);
    let search = observed
        .registry
        .dependency_with("search", Policy::default());
    let search = search.unwrap();
    let mut rising = Rising::default();
    for round in 0..20 {
        for tenant in 0..16 {
            let permit = search.acquire(&format!("{round}-{tenant}")).unwrap();
            permit.record(Outcome::Success);
        }
        rising.take_in(&observed.reader.collect());
        tokio::time::advance(Duration::from_secs(600)).await;
    }
    assert_eq!(rising.of("circuit_breaker.calls"), 320.0);
    assert!(search.len() <= 16);
}

#[test]
fn no_count_falls_while_calls_and_two_readers_go_on() {
    let registry = CircuitBreakerRegistry::builder().max_tenants(16);
    let registry = registry.build().unwrap();
    let readers = [Temporality::Cumulative; 2].map(Reader::new);
    let mut provider = SdkMeterProvider::builder();
    for reader in &readers {
        provider = provider.with_reader(reader.clone());
    }
    let provider = provider.build();
    let metrics = OtelMetrics::builder(&registry);
    let _metrics = metrics.register(&provider.meter("test")).unwrap();
    let policy = policy().open_for(OpenPeriod::fixed(Duration::from_millis(1)));
    let policy = policy.build().unwrap();
    let search = registry.dependency_with("search", policy).unwrap();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for caller in 0..2 {
            let (search, is_over) = (&search, &is_over);
            scope.spawn(move || call_until(is_over, search, caller));
        }
        let collecting = readers.map(|reader| {
            scope.spawn(move || {
                let mut rising = Rising::default();
                for _ in 0..300 {
                    rising.take_in(&reader.collect());
                }
            })
        });
        let collected = collecting.map(|reader| reader.join());
        is_over.store(true, Relaxed);
        for reader in collected {
            reader.unwrap();
        }
    });
}

fn call_until(is_over: &AtomicBool, search: &Dependency, caller: usize) {
    for turn in 0_usize.. {
        if is_over.load(Relaxed) {
            break;
        }
        let tenant = format!("{caller}-{}", turn % 40);
        let Ok(permit) = search.acquire(&tenant) else {
            continue;
        };
        match turn % 7 {
            0..=2 => permit.record(Outcome::failure()),
            3 => drop(permit),
            4 => permit.record(Outcome::throttled()),
            _ => permit.record(Outcome::Success),
        }
    }
}
