//! Calls that are dropped at random points, half of them probes: no place may be lost, and none minted.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};
use std::task::Poll;
use std::thread;

use tower::{Layer, Service, service_fn};
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitOpen, Dependency, Outcome, Permit, Policy,
    TenantCircuitBreakerLayer,
};

use crate::calls::{Call, Named, Order, poll, work};
use crate::figure::Figure;

const TENANTS: usize = 64;
/// The places for probes, and those for calls of a closed circuit.
const PLACES: u32 = 3;
const IN_FLIGHT: u32 = 8;
const MOST_POLLS: u32 = 3;

fn dependency() -> Dependency {
    let policy = Policy::builder()
        .half_open_max_calls(PLACES)
        .max_in_flight(IN_FLIGHT)
        .abandoned_run(0)
        .build()
        .expect("a policy");
    let registry = CircuitBreakerRegistry::builder()
        .build()
        .expect("a registry");
    registry
        .dependency_with("search", policy)
        .expect("a dependency")
}

fn half_open(search: &Dependency, tenant: &str) {
    let circuit = search.circuit(tenant);
    circuit.open().expect("it has a circuit");
    circuit.half_open().expect("it is open");
}

pub fn storm(calls: u64) -> Vec<Figure> {
    let mut figures = through_the_service(calls / 2);
    figures.extend(on_two_threads(calls - calls / 2));
    figures
}

/// Of 64 tenants, half with a half-open circuit. It is known at every step how many of each one's calls are under way.
fn through_the_service(calls: u64) -> Vec<Figure> {
    let search = dependency();
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
    let (mut begun, mut wrong) = ([0_u64; 2], 0_u64);
    let (mut dropped, mut rejected) = (0_u64, 0_u64);
    while begun[0] + begun[1] < calls {
        let tenant = fastrand::usize(..TENANTS);
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
                    begun[tenant % 2] += 1;
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
            _ => dropped += u64::from(mine.pop_back().is_some()),
        }
    }
    drop(under_way);

    let mut free = [0; 2];
    for (number, tenant) in tenants.iter().enumerate() {
        free[number % 2] += free_places(&search, tenant);
    }
    let half = TENANTS as u32 / 2;
    vec![
        Figure::at_least("probes begun", begun[0], calls / 4),
        Figure::at_least("other calls begun", begun[1], calls / 4),
        Figure::at_least(".. dropped, before and after any poll", dropped, calls / 4),
        Figure::at_least("calls that found all places taken", rejected, 1),
        Figure::exactly("calls that were admitted or rejected wrongly", wrong, 0),
        Figure::exactly("places for probes afterwards", free[0], half * PLACES),
        Figure::exactly("places for calls afterwards", free[1], half * IN_FLIGHT),
    ]
}

fn is_rejection<F>(future: Pin<&mut F>) -> bool
where
    F: Future<Output = Result<(), tower::BoxError>>,
{
    match poll(future) {
        Poll::Ready(Err(error)) => CircuitOpen::find(&*error).is_some(),
        _ => false,
    }
}

fn free_places(search: &Dependency, tenant: &str) -> u32 {
    let mut held = Vec::new();
    while let Ok(permit) = search.acquire(tenant) {
        held.push(permit);
    }
    held.len() as u32
}

/// One half-open circuit and one closed one, from two threads at once.
fn on_two_threads(calls: u64) -> Vec<Figure> {
    let search = dependency();
    for tenant in ["probed", "closed"] {
        drop(search.acquire(tenant));
    }
    half_open(&search, "probed");
    let begun = AtomicU64::new(0);
    let (probes, others) = (Watched::default(), Watched::default());
    thread::scope(|scope| {
        for thread in 0..2 {
            let (search, begun, probes, others) = (&search, &begun, &probes, &others);
            scope.spawn(move || {
                let mut random = fastrand::Rng::with_seed(thread);
                let mut held: [Vec<Permit>; 2] = [Vec::new(), Vec::new()];
                while begun.load(SeqCst) < calls {
                    let which = random.usize(..2);
                    let watched = [probes, others][which];
                    if random.bool() {
                        if let Ok(permit) = search.acquire(["probed", "closed"][which]) {
                            watched.begin();
                            begun.fetch_add(1, SeqCst);
                            held[which].push(permit);
                        }
                    } else if let Some(permit) = held[which].pop() {
                        watched.end();
                        if random.bool() {
                            permit.record(Outcome::Ignored);
                        }
                    }
                }
                for (which, held) in held.into_iter().enumerate() {
                    for permit in held {
                        [probes, others][which].end();
                        drop(permit);
                    }
                }
            });
        }
    });
    vec![
        Figure::at_least("calls begun on two threads", begun.load(SeqCst), calls),
        Figure::at_most(
            "probes of one circuit at once",
            probes.most.load(SeqCst),
            PLACES,
        ),
        Figure::at_most(
            "calls of one circuit at once",
            others.most.load(SeqCst),
            IN_FLIGHT,
        ),
        Figure::exactly(
            "places for probes afterwards",
            free_places(&search, "probed"),
            PLACES,
        ),
        Figure::exactly(
            "places for calls afterwards",
            free_places(&search, "closed"),
            IN_FLIGHT,
        ),
    ]
}

/// How many are under way, and the most that ever were.
#[derive(Default)]
struct Watched {
    now: AtomicU32,
    most: AtomicU32,
}

impl Watched {
    fn begin(&self) {
        let now = self.now.fetch_add(1, SeqCst) + 1;
        self.most.fetch_max(now, SeqCst);
    }

    /// Before the place is free: somebody else may have it at once.
    fn end(&self) {
        self.now.fetch_sub(1, SeqCst);
    }
}
