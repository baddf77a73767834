//! Calls that are dropped while circuits trip, probe, reopen and close, by what others end with and by the drops themselves.
//!
//! It is known of each call under way which generation it is of, and whether it probes, and so who is to be admitted.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::advance;
use tower::{Layer, Service, service_fn};
use tower_tenant_breaker::{
    CircuitState, Dependency, OpenPeriod, Outcome, TenantCircuitBreakerLayer,
};

use super::through_the_service::is_rejection;
use super::{Dropped, IN_FLIGHT, PLACES, STEPS, dependency, free_places, moving};
use crate::calls::{Call, Named, Order, poll, work};
use crate::figure::Figure;

const TENANTS: usize = 64;
const PERIOD: Duration = Duration::from_millis(500);
const MOST_POLLS: u32 = 4;
/// A tenant has its turn once in 64 of these, which is longer than a circuit stays open.
const MOST_PAUSE: u64 = 40_000;

pub fn drops(calls: u64) -> (Dropped, Vec<Figure>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(dropped(calls))
}

/// A call under way, and the generation that it began in.
struct UnderWay<F> {
    future: F,
    generation: u64,
    probes: bool,
}

fn seen(search: &Dependency, tenant: &str) -> (u64, CircuitState, Duration) {
    let circuit = search.circuit(tenant).snapshot();
    circuit.map_or((0, CircuitState::Closed, Duration::ZERO), |circuit| {
        let left = circuit.retry_after.unwrap_or_default();
        (circuit.generation, circuit.state, left)
    })
}

async fn dropped(calls: u64) -> (Dropped, Vec<Figure>) {
    let search = dependency(moving(3, OpenPeriod::fixed(PERIOD).jitter(0.0)));
    let layer = TenantCircuitBreakerLayer::new(search.clone(), Named).classify(
        |result: Result<&(), &tower::BoxError>| match result {
            Ok(()) => Outcome::Success,
            Err(_) => Outcome::failure(),
        },
    );
    let mut service = layer.layer(service_fn(|call: Call| work(&call)));
    let tenants: Vec<_> = (0..TENANTS)
        .map(|number| format!("tenant {number}"))
        .collect();
    let mut under_way: Vec<VecDeque<UnderWay<_>>> = (0..TENANTS).map(|_| VecDeque::new()).collect();
    let (mut dropped, mut wrong, mut late) = (Dropped::default(), 0_u64, 0_u64);
    for _ in 0..STEPS * calls {
        if dropped.is_enough(calls) {
            break;
        }
        advance(Duration::from_micros(fastrand::u64(..MOST_PAUSE))).await;
        let tenant = fastrand::usize(..TENANTS);
        let (id, mine) = (&tenants[tenant], &mut under_way[tenant]);
        match fastrand::u8(..9) {
            0..=3 => {
                let polls = fastrand::u32(2..=MOST_POLLS);
                let order = match fastrand::u8(..8) {
                    0 => Order::FailLater { polls },
                    _ => Order::Answer { polls },
                };
                let (generation, state, left) = seen(&search, id);
                let probing = |call: &&UnderWay<_>| call.probes && call.generation == generation;
                let is_full = mine.len() == IN_FLIGHT as usize
                    || match state {
                        CircuitState::Closed => false,
                        CircuitState::HalfOpen => {
                            mine.iter().filter(probing).count() == PLACES as usize
                        }
                        CircuitState::Open => !left.is_zero(),
                    };
                let mut future = Box::pin(service.call(Call {
                    tenant: id.clone(),
                    order,
                }));
                // Nothing but a rejection is there at the first poll.
                let is_rejected = is_rejection(future.as_mut());
                wrong += u64::from(is_rejected != is_full);
                if !is_rejected {
                    let (generation, state, _) = seen(&search, id);
                    mine.push_back(UnderWay {
                        future,
                        generation,
                        probes: state == CircuitState::HalfOpen,
                    });
                }
            }
            4..=6 => {
                if let Some(mut call) = mine.pop_front()
                    && poll(call.future.as_mut()).is_pending()
                {
                    mine.push_back(call);
                }
            }
            _ => {
                if let Some(call) = mine.pop_back() {
                    late += u64::from(call.generation != seen(&search, id).0);
                    if call.probes {
                        dropped.probes += 1;
                    } else {
                        dropped.others += 1;
                    }
                }
            }
        }
    }
    drop(under_way);

    // Every circuit that is open may probe again.
    advance(Duration::from_secs(1)).await;
    let (mut free, mut expected, mut in_flight) = (0, 0, 0);
    for tenant in &tenants {
        let circuit = search.circuit(tenant).snapshot();
        in_flight += circuit
            .and_then(|circuit| circuit.in_flight)
            .unwrap_or_default();
        expected += match search.state(tenant) {
            CircuitState::Closed => IN_FLIGHT,
            CircuitState::HalfOpen | CircuitState::Open => PLACES,
        };
        free += free_places(&search, tenant);
    }
    let totals = search.snapshot().totals;
    let figures = vec![
        Figure::at_least(
            "dropped while circuits trip, probe, reopen and close",
            dropped.all(),
            calls,
        ),
        Figure::at_least(".. which were probes", dropped.probes, calls / 2),
        Figure::at_least(
            ".. which began before a transition, and were dropped after it",
            late,
            calls / 100,
        ),
        Figure::at_least(
            ".. failures for that calls in a row were dropped",
            totals.abandoned_failures,
            calls / 100,
        ),
        Figure::at_least(".. times that circuits opened", totals.opened, calls / 100),
        Figure::at_least(
            ".. and that probes closed one",
            totals.recovered,
            calls / 1_000,
        ),
        Figure::exactly(".. calls that were admitted or rejected wrongly", wrong, 0),
        Figure::exactly(".. calls in flight afterwards", in_flight, 0),
        Figure::exactly(".. places afterwards, by the states", free, expected),
    ];
    (dropped, figures)
}
