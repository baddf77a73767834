//! Whatever a user wrote panics in a probe, beside others that are in flight: a dependency's panic opens the circuit as its
//! failure does, another tells nothing, and no place is lost.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use tower::Service;
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitState, Dependency, Event, Outcome, Policy,
};

use super::{CLASSIFIER_PANICS, EXTRACTOR_PANICS, FALLBACK_PANICS, TENANTS, guarded};
use crate::calls::{Call, Order, poll};
use crate::figure::Figure;

const PLACES: u32 = 3;

fn places(search: &Dependency, tenant: &str) -> u32 {
    let held: Vec<_> = (0..=PLACES)
        .map_while(|_| search.acquire(tenant).ok())
        .collect();
    let places = held.len() as u32;
    for permit in held {
        permit.record(Outcome::Ignored);
    }
    places
}

pub fn panic(probes: u64) -> Vec<Figure> {
    let observer_panics = Arc::new(AtomicBool::new(false));
    let panics = Arc::clone(&observer_panics);
    let observer = move |_: &Event<'_>| assert!(!panics.load(Relaxed), "as it was told");
    let policy = Policy::builder()
        .half_open_max_calls(PLACES)
        .abandoned_run(0)
        .build()
        .expect("a policy");
    let registry = CircuitBreakerRegistry::builder().observer(observer);
    let registry = registry.build().expect("a registry");
    let search = registry
        .dependency_with("search", policy)
        .expect("a dependency");
    let mut service = guarded(&search);

    let (mut opened, mut expected_to_open, mut stayed, mut expected_to_stay) = (0_u64, 0, 0_u64, 0);
    let (mut unwound, mut lost) = (0_u64, 0_u64);
    for number in 0..probes {
        let tenant = format!("tenant {}", number as usize % TENANTS);
        observer_panics.store(fastrand::bool(), Relaxed);
        let circuit = search.circuit(&tenant);
        circuit.open().expect("there is room");
        circuit.half_open().expect("it is open");
        let others: Vec<_> = (0..fastrand::u32(..PLACES))
            .map_while(|_| search.acquire(&tenant).ok())
            .collect();
        let mut order = Order::Answer { polls: 1 };
        let opens = match fastrand::u8(..5) {
            0 => {
                order = Order::PanicAtOnce;
                true
            }
            1 => {
                order = Order::PanicLater;
                true
            }
            2 => {
                FALLBACK_PANICS.set(true);
                order = Order::Fail;
                true
            }
            3 => {
                CLASSIFIER_PANICS.set(true);
                false
            }
            _ => {
                EXTRACTOR_PANICS.set(true);
                false
            }
        };
        let call = Call {
            tenant: tenant.clone(),
            order,
        };
        let answer = catch_unwind(AssertUnwindSafe(|| {
            let mut future = Box::pin(service.call(call));
            poll(future.as_mut()).is_ready()
        }));
        unwound += u64::from(answer.is_err());
        let state = circuit.state();
        if opens {
            expected_to_open += 1;
            opened += u64::from(state == CircuitState::Open);
        } else {
            expected_to_stay += 1;
            stayed += u64::from(state == CircuitState::HalfOpen);
        }
        drop(others);
        if opens {
            // As its period's end would.
            let _ = circuit.half_open();
        }
        lost += u64::from(places(&search, &tenant) != PLACES);
    }
    let totals = search.snapshot().totals;
    vec![
        Figure::exactly("probes in which something panicked", unwound, probes),
        Figure::exactly(
            ".. circuits that opened by an inner service that panicked or failed",
            opened,
            expected_to_open,
        ),
        Figure::exactly(
            ".. and that stayed half-open by another panic",
            stayed,
            expected_to_stay,
        ),
        Figure::exactly(
            ".. probes that circuits counted as failures",
            totals.probe_failures,
            expected_to_open,
        ),
        Figure::exactly(".. after which not all places were there", lost, 0),
    ]
}
