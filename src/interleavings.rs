//! What loom checks: the interleavings of calls, operators and newcomers, each scenario a test beside its code.
//!
//! Run by `verification/loom.sh`. The clock of a scenario stands still, so that every run of it is the same program.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use loom::thread::JoinHandle;

use crate::circuit::{Budget, Circuit, Context, Operators, Shared};
use crate::dependency::Dependency;
use crate::event::Audience;
use crate::overrides::Place;
use crate::policy::Policy;
use crate::sync::{Apart, Arc, ArcSwap, Mutex};
use crate::time::Clock;

/// How often a thread may be made to wait where it could go on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bound {
    /// As often as there are steps: all interleavings.
    None,
    /// So often in a run, and, with `BREAKER_LOOM_SHORT`, so often.
    Preemptions { full: usize, short: usize },
}

impl Bound {
    fn preemptions(self) -> Option<usize> {
        let is_short = std::env::var_os("BREAKER_LOOM_SHORT").is_some();
        match self {
            Self::None => None,
            Self::Preemptions { short, .. } if is_short => Some(short),
            Self::Preemptions { full, .. } => Some(full),
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
    model.preemption_bound = bound.preemptions();
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
        .map_or_else(|| "all".into(), |bound| format!("preemptions <= {bound}"));
    let name = std::thread::current().name().unwrap_or_default().to_owned();
    // Past the capture of what tests print, so that it is seen where they pass.
    let line = format!(
        "loom | {name} | {bound} | {} | {:.1} s\n",
        iterations.load(Ordering::Relaxed),
        begun.elapsed().as_secs_f64()
    );
    let _ = std::io::stderr().write_all(line.as_bytes());
}

/// A thread of the scenario, with room for what the crate keeps on its stack.
pub(crate) fn spawn<T: Send + 'static>(
    run: impl FnOnce() -> T + Send + 'static,
) -> JoinHandle<T> {
    const WORDS: usize = 0x8000;
    let thread = loom::thread::Builder::new().stack_size(WORDS);
    thread.spawn(run).unwrap()
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
    let context = Arc::new(Context::new(shared(), "search", policy));
    Circuit::new(&context, Some("acme"), Operators::default())
}
