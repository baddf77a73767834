//! What loom checks: the interleavings of calls, operators and newcomers, each scenario a test beside its code.
//!
//! Run by `verification/loom.sh`. The clock of a scenario stands still, so that every run of it is the same program.

#![expect(
    clippy::disallowed_types,
    reason = "how long loom takes is told, while the clock of the scenario stands still"
)]

use std::collections::BTreeSet;
use std::future::Future;
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use loom::thread::JoinHandle;

use crate::circuit::{self, Budget, Circuit, Operators, Shared};
use crate::dependency::Dependency;
use crate::event::Audience;
use crate::overrides::Place;
use crate::policy::Policy;
use crate::sync::{Acquire, Apart, Arc, ArcSwap, AtomicBool, Mutex, Release};
use crate::time::Clock;

/// How often a run may stop a thread that could go on; without a bound, wherever it could.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bound {
    full: Option<usize>,
    /// With `BREAKER_LOOM_SHORT`.
    short: Option<usize>,
}

impl Bound {
    /// All interleavings.
    pub(crate) const NONE: Self = Self {
        full: None,
        short: None,
    };

    pub(crate) const fn preemptions(most: usize) -> Self {
        Self {
            full: Some(most),
            short: Some(most),
        }
    }

    pub(crate) const fn or_short(self, most: usize) -> Self {
        Self {
            short: Some(most),
            ..self
        }
    }

    fn holds(self) -> Option<usize> {
        if let Ok(most) = std::env::var("BREAKER_LOOM_PREEMPTIONS") {
            return Some(most.parse().unwrap());
        }
        if std::env::var_os("BREAKER_LOOM_SHORT").is_some() {
            self.short
        } else {
            self.full
        }
    }
}

/// Runs a scenario in every order of its steps, and prints in how many.
pub(crate) fn explore(bound: Bound, scenario: impl Fn() + Send + Sync + 'static) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let _clock = runtime.enter();
    let mut model = loom::model::Builder::new();
    model.preemption_bound = bound.holds();
    model.max_branches = 20_000;
    let iterations = std::sync::Arc::new(AtomicU64::new(0));
    let counted = std::sync::Arc::clone(&iterations);
    let begun = Instant::now();
    model.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        scenario();
    });
    let bound = model
        .preemption_bound
        .map_or_else(|| "none".into(), |most| most.to_string());
    let name = std::thread::current().name().unwrap_or_default().to_owned();
    assert!(
        model.max_duration.is_none_or(|most| begun.elapsed() < most),
        "not all was explored"
    );
    // Past the capture of what tests print, so that it is seen where they pass: test, bound, iterations, seconds.
    let line = format!(
        "loom: {name} {bound} {} {:.1}\n",
        iterations.load(Ordering::Relaxed),
        begun.elapsed().as_secs_f64()
    );
    let _ = std::io::stderr().write_all(line.as_bytes());
}

/// A party of a scenario, on a thread with room for what the crate keeps on its stack.
fn spawn<T: Send + 'static>(party: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    const WORDS: usize = 0x8000;
    let thread = loom::thread::Builder::new().stack_size(WORDS);
    thread.spawn(party).unwrap()
}

/// Both at once, each on a thread of its own.
///
/// Never one of them on the thread that spawns the other: that one would always be the first to go, and each start of the
/// other cost one of the times that a run may stop it.
pub(crate) fn at_once<A: Send + 'static, B: Send + 'static>(
    one: impl FnOnce() -> A + Send + 'static,
    other: impl FnOnce() -> B + Send + 'static,
) -> (A, B) {
    let (one, other) = (spawn(one), spawn(other));
    (one.join().unwrap(), other.join().unwrap())
}

/// As [`at_once`], a third one among them.
pub(crate) fn three_at_once<A: Send + 'static, B: Send + 'static, C: Send + 'static>(
    one: impl FnOnce() -> A + Send + 'static,
    other: impl FnOnce() -> B + Send + 'static,
    third: impl FnOnce() -> C + Send + 'static,
) -> (A, B, C) {
    let (one, other, third) = (spawn(one), spawn(other), spawn(third));
    (
        one.join().unwrap(),
        other.join().unwrap(),
        third.join().unwrap(),
    )
}

/// Moves the clock on.
pub(crate) fn advance(by: Duration) {
    let mut moved = std::pin::pin!(tokio::time::advance(by));
    // It has moved by the first poll; what would come after it is a turn for other tasks.
    let _ = moved.as_mut().poll(&mut Context::from_waker(Waker::noop()));
}

fn shared() -> Arc<Shared> {
    let default_policy = Arc::new(Policy::default());
    Arc::new(Shared {
        clock: Clock::new(),
        audience: Audience::new(None, 1),
        histograms: Arc::new(Budget::new(0)),
        own: Place::empty(),
        default_policy: ArcSwap::new(Arc::clone(&default_policy)),
        first_default_policy: default_policy,
        tenants: Apart::default(),
        operator: Mutex::new(()),
        impact: None,
    })
}

/// A dependency in whose map there is room for so many tenants.
pub(crate) fn dependency(policy: Policy, max_tenants: usize) -> Dependency {
    Dependency::new(&shared(), "search", Some(policy), max_tenants)
}

/// A circuit that is in no map.
pub(crate) fn circuit(policy: Policy) -> Circuit {
    let context = Arc::new(circuit::Context::new(shared(), "search", policy));
    Circuit::new(&context, Some("acme"), Operators::default())
}

/// That loom is the one of `verification/loom.sh`, which says why.
#[test]
fn a_store_is_tried_before_what_another_loads_whatever_its_own_thread_has_loaded() {
    let found = Arc::new(std::sync::Mutex::new(BTreeSet::new()));
    explore(Bound::NONE, {
        let found = Arc::clone(&found);
        move || {
            let flag = Arc::new(AtomicBool::new(false));
            let other = Arc::clone(&flag);
            let (is_set, ()) = at_once(
                move || flag.load(Acquire),
                move || {
                    let _ = other.load(Acquire);
                    other.store(true, Release);
                },
            );
            found.lock().unwrap().insert(is_set);
        }
    });
    assert_eq!(found.lock().unwrap().len(), 2);
}
