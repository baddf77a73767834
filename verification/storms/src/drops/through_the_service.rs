//! Calls of 64 tenants, of which half have a half-open circuit. It is known at every step how many of each are under way.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::Poll;

use tower::{Layer, Service, service_fn};
use tower_tenant_breaker::{CircuitOpen, Outcome, TenantCircuitBreakerLayer};

use super::{Dropped, IN_FLIGHT, PLACES, STEPS, dependency, free_places, half_open, still};
use crate::calls::{Call, Named, Order, poll, work};
use crate::figure::Figure;

const TENANTS: usize = 64;
const MOST_POLLS: u32 = 3;

pub fn drops(calls: u64) -> (Dropped, Vec<Figure>) {
    let search = dependency(still());
    // Nothing that ends says anything, so that circuits stay as they are.
    let layer = TenantCircuitBreakerLayer::new(search.clone(), Named)
        .classify(|_: Result<&(), &tower::BoxError>| Outcome::Ignored);
    let mut service = layer.layer(service_fn(|call: Call| work(&call)));
    let tenants: Vec<_> = (0..TENANTS)
        .map(|number| format!("tenant {number}"))
        .collect();
    let places = |tenant: usize| {
        if tenant.is_multiple_of(2) {
            PLACES
        } else {
            IN_FLIGHT
        }
    };
    for (number, tenant) in tenants.iter().enumerate() {
        drop(search.acquire(tenant));
        if places(number) == PLACES {
            half_open(&search, tenant);
        }
    }

    let mut under_way: Vec<VecDeque<_>> = (0..TENANTS).map(|_| VecDeque::new()).collect();
    let (mut dropped, mut rejected, mut wrong) = (Dropped::default(), 0_u64, 0_u64);
    for _ in 0..STEPS * calls {
        if dropped.is_enough(calls) {
            break;
        }
        // Those that probe have fewer calls under way to drop, and so have more turns.
        let tenant = fastrand::usize(..TENANTS / 2) * 2 + usize::from(fastrand::u8(..16) < 7);
        let mine = &mut under_way[tenant];
        match fastrand::u8(..4) {
            0 | 1 => {
                let order = Order::Answer {
                    polls: fastrand::u32(1..=MOST_POLLS),
                };
                let call = Call {
                    tenant: tenants[tenant].clone(),
                    order,
                };
                let mut future = Box::pin(service.call(call));
                let is_full = mine.len() == places(tenant) as usize;
                // A rejection is there at the first poll, when no other call would be.
                let is_rejected = is_full && is_rejection(future.as_mut());
                rejected += u64::from(is_rejected);
                if is_rejected != is_full {
                    wrong += 1;
                }
                if !is_rejected {
                    mine.push_back(future);
                }
            }
            2 => {
                if let Some(mut future) = mine.pop_front() {
                    match poll(future.as_mut()) {
                        Poll::Ready(answer) => wrong += u64::from(answer.is_err()),
                        Poll::Pending => mine.push_back(future),
                    }
                }
            }
            _ => {
                let was_under_way = u64::from(mine.pop_back().is_some());
                if places(tenant) == PLACES {
                    dropped.probes += was_under_way;
                } else {
                    dropped.others += was_under_way;
                }
            }
        }
    }
    drop(under_way);

    let mut free = [0; 2];
    for (number, tenant) in tenants.iter().enumerate() {
        free[number % 2] += free_places(&search, tenant);
    }
    let half = TENANTS as u32 / 2;
    let figures = vec![
        Figure::at_least(
            "dropped in the service, before and after any poll",
            dropped.all(),
            calls,
        ),
        Figure::at_least(".. which were probes", dropped.probes, calls / 2),
        Figure::at_least(".. calls that found all places taken", rejected, 1),
        Figure::exactly(".. calls that were admitted or rejected wrongly", wrong, 0),
        Figure::exactly(".. places for probes afterwards", free[0], half * PLACES),
        Figure::exactly(".. places for calls afterwards", free[1], half * IN_FLIGHT),
    ];
    (dropped, figures)
}

pub fn is_rejection<F>(future: Pin<&mut F>) -> bool
where
    F: Future<Output = Result<(), tower::BoxError>>,
{
    match poll(future) {
        Poll::Ready(Err(error)) => CircuitOpen::find(&*error).is_some(),
        _ => false,
    }
}
