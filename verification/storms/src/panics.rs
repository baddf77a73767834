//! Whatever a user wrote panics, at random: the circuits count it as they say, and lose nothing.

mod probes;

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use tower::{BoxError, Layer, Service, service_fn};
use tower_tenant_breaker::{
    Cause, CircuitBreakerRegistry, Dependency, Event, MissingTenant, Outcome, Policy, Tenant,
    TenantCircuitBreakerLayer, TenantExtractor,
};

use crate::calls::{Call, Order, poll, work};
use crate::figure::Figure;

const TENANTS: usize = 16;
const IN_FLIGHT: u32 = 4;

thread_local! {
    static EXTRACTOR_PANICS: Cell<bool> = const { Cell::new(false) };
    static CLASSIFIER_PANICS: Cell<bool> = const { Cell::new(false) };
    static FALLBACK_PANICS: Cell<bool> = const { Cell::new(false) };
}

fn panic_if(asked: &'static std::thread::LocalKey<Cell<bool>>) {
    assert!(!asked.take(), "as it was told");
}

#[derive(Clone, Copy, Debug)]
struct Panicky;

impl TenantExtractor<Call> for Panicky {
    fn extract<'a>(&self, call: &'a Call) -> Result<Tenant<'a>, MissingTenant> {
        panic_if(&EXTRACTOR_PANICS);
        Ok(call.tenant.as_str().into())
    }
}

/// Calls of a dependency, of which each part that a user wrote panics where it is asked to.
fn guarded(search: &Dependency) -> impl Service<Call, Response = (), Error = BoxError> + use<> {
    let layer = TenantCircuitBreakerLayer::new(search.clone(), Panicky)
        .classify(|result: Result<&(), &BoxError>| {
            panic_if(&CLASSIFIER_PANICS);
            match result {
                Ok(()) => Outcome::Success,
                Err(_) => Outcome::failure(),
            }
        })
        .fallback_on_failure(|_: Call, _: Cause<()>| {
            panic_if(&FALLBACK_PANICS);
            std::future::ready(Ok::<_, BoxError>(()))
        });
    layer.layer(service_fn(|call: Call| work(&call)))
}

pub fn storm(calls: u64) -> Vec<Figure> {
    let hook = take_hook();
    set_hook(Box::new(|_| {}));
    let mut figures = quietly(calls);
    figures.extend(probes::panic(calls / 10));
    set_hook(hook);
    figures
}

fn quietly(calls: u64) -> Vec<Figure> {
    let observed = Arc::new(AtomicU64::new(0));
    let observer_panics = Arc::new(AtomicBool::new(false));
    let observer = {
        let (observed, panics) = (Arc::clone(&observed), Arc::clone(&observer_panics));
        move |_: &Event<'_>| {
            observed.fetch_add(1, Relaxed);
            assert!(!panics.load(Relaxed), "as it was told");
        }
    };
    // Nothing trips by itself, so that every panic meets a closed circuit and can be counted.
    let policy = Policy::builder()
        .without_failure_rate()
        .without_latency()
        .consecutive_failures(u32::from(u16::MAX))
        .max_in_flight(IN_FLIGHT)
        .abandoned_run(0)
        .build()
        .expect("a policy");
    let registry = CircuitBreakerRegistry::builder().observer(observer);
    let registry = registry.build().expect("a registry");
    let search = registry
        .dependency_with("search", policy)
        .expect("a dependency");
    let mut service = guarded(&search);

    let (mut panicked, mut quiet, mut by_hand_times) = (0_u64, 0_u64, 0_u64);
    let (mut good, mut failed, mut ignored) = (0, 0, 0);
    let (mut extractors, mut fallbacks) = (0_u64, 0_u64);
    for number in 0..calls {
        let tenant = format!("tenant {}", number as usize % TENANTS);
        if number % 97 == 0 {
            // The only events here: somebody opens the circuit, and resets it.
            by_hand_times += 1;
            observer_panics.store(fastrand::bool(), Relaxed);
            let circuit = search.circuit(&tenant);
            let by_hand = catch_unwind(AssertUnwindSafe(|| {
                let _ = circuit.open();
                circuit.reset();
            }));
            quiet += u64::from(by_hand.is_ok());
            panicked += u64::from(by_hand.is_err());
        }
        let mut order = Order::Answer { polls: 1 };
        let is_expected_to_unwind = match fastrand::u8(..8) {
            0 => {
                order = Order::PanicAtOnce;
                failed += 1;
                true
            }
            1 => {
                order = Order::PanicLater;
                failed += 1;
                true
            }
            2 => {
                CLASSIFIER_PANICS.set(true);
                ignored += 1;
                true
            }
            3 => {
                EXTRACTOR_PANICS.set(true);
                extractors += 1;
                true
            }
            4 => {
                FALLBACK_PANICS.set(true);
                order = Order::Fail;
                failed += 1;
                fallbacks += 1;
                true
            }
            5 => {
                order = Order::Fail;
                failed += 1;
                false
            }
            _ => {
                good += 1;
                false
            }
        };
        let unwound = catch_unwind(AssertUnwindSafe(|| {
            let mut future = Box::pin(service.call(Call { tenant, order }));
            poll(future.as_mut()).is_ready()
        }));
        if unwound.is_err() == is_expected_to_unwind {
            quiet += 1;
        } else {
            panicked += 1;
        }
    }

    observer_panics.store(false, Relaxed);
    // Before those of who finds all places taken, below.
    let observed = observed.load(Relaxed);
    let totals = search.snapshot().totals;
    let free: usize = (0..TENANTS)
        .map(|number| {
            let tenant = format!("tenant {number}");
            let mut held = Vec::new();
            while let Ok(permit) = search.acquire(&tenant) {
                held.push(permit);
            }
            held.len()
        })
        .sum();
    vec![
        Figure::exactly(
            "calls and panics that went as they should",
            quiet,
            calls + by_hand_times,
        ),
        Figure::exactly(".. that did not", panicked, 0),
        Figure::at_least(
            "panics of extractors, of which circuits know nothing",
            extractors,
            calls / 16,
        ),
        Figure::at_least(
            "panics of fallbacks, each after a failure",
            fallbacks,
            calls / 16,
        ),
        Figure::exactly(
            "failures: inner services that panicked or failed",
            totals.failures,
            failed,
        ),
        Figure::exactly(
            "ignored: classifiers that panicked",
            totals.ignored,
            ignored,
        ),
        Figure::exactly("successes", totals.successes(), good),
        Figure::exactly(
            "events that an observer heard, half of them with a panic",
            observed,
            2 * by_hand_times,
        ),
        Figure::exactly(
            "places for calls afterwards",
            free,
            TENANTS * IN_FLIGHT as usize,
        ),
    ]
}
