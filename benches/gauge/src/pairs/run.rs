//! One run: threads that call and call, until its time is over.
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "what is measured is the wall clock, on threads of its own"
)]

use std::ops::Add;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::cpu;

/// What a run took, all its threads together.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spent {
    pub calls: u64,
    /// On processors.
    pub cpu: Duration,
    /// By the wall clock, once for each thread.
    pub wall: Duration,
    /// Ready, but without a processor: of threads that wait so, two may never have run at the same time, nor contended for
    /// anything. Nothing where the system does not tell.
    pub queued: Duration,
}

impl Spent {
    /// In nanoseconds; not a number where nothing was called.
    #[must_use]
    pub fn cpu_per_call(&self) -> f64 {
        self.cpu.as_nanos() as f64 / self.calls as f64
    }

    /// Of its thread, in nanoseconds; not a number where nothing was called.
    #[must_use]
    pub fn wall_per_call(&self) -> f64 {
        self.wall.as_nanos() as f64 / self.calls as f64
    }

    /// The share of the time that the threads were on a processor: 1 where each had one to itself and never waited, for a
    /// lock neither.
    #[must_use]
    pub fn presence(&self) -> f64 {
        self.cpu.as_secs_f64() / self.wall.as_secs_f64()
    }

    /// The share of the time that the threads waited for a processor.
    #[must_use]
    pub fn waiting(&self) -> f64 {
        self.queued.as_secs_f64() / self.wall.as_secs_f64()
    }
}

impl Add for Spent {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            calls: self.calls + other.calls,
            cpu: self.cpu + other.cpu,
            wall: self.wall + other.wall,
            queued: self.queued + other.queued,
        }
    }
}

/// Runs threads for about this long, each on a processor of its own, as far as there are enough: the scheduler of a busy
/// machine puts two on one now and then.
///
/// Each thread, told its number, prepares what it calls; then all begin together. What was prepared makes some calls (so
/// many that a look at whether time is over costs nothing beside them) and returns how many; the run is over for all
/// where one returns 0, as there is nothing left to call. As the run ends for all at once, no thread ever runs alone.
///
/// What a run spent is the sum of what its threads read from their own clocks while they called: neither starting them
/// nor preparing is in it, nor what [`cpu::spent`] does not know yet of other threads.
///
/// # Panics
///
/// Where one of the threads does.
pub fn on_threads<C: FnMut() -> u64>(
    threads: usize,
    for_about: Duration,
    prepare: impl Fn(usize) -> C + Sync,
) -> Spent {
    let ready = AtomicUsize::new(0);
    let is_over = AtomicBool::new(false);
    let one = |number: usize| {
        cpu::keep_to(number);
        let mut calls = prepare(number);
        ready.fetch_add(1, Ordering::AcqRel);
        for turn in 0_u32.. {
            if ready.load(Ordering::Acquire) >= threads || is_over.load(Ordering::Relaxed) {
                break;
            }
            // At once where the others are about to be ready, and without taking the processor from them where not.
            if turn < 1_000 {
                thread::yield_now();
            } else {
                thread::sleep(Duration::from_micros(50));
            }
        }
        let mut spent = Spent::default();
        let queued = cpu::queued_of_this_thread();
        let (begun, cpu) = (Instant::now(), cpu::spent_by_this_thread());
        while !is_over.load(Ordering::Relaxed) {
            match calls() {
                0 => is_over.store(true, Ordering::Relaxed),
                some => spent.calls += some,
            }
        }
        spent.cpu = cpu::spent_by_this_thread() - cpu;
        spent.wall = begun.elapsed();
        let still = cpu::queued_of_this_thread();
        let queued = still.zip(queued).map(|(still, before)| still - before);
        spent.queued = queued.unwrap_or_default();
        spent
    };
    thread::scope(|scope| {
        let one = &one;
        let running: Vec<_> = (0..threads)
            .map(|number| scope.spawn(move || one(number)))
            .collect();
        // Not before all are ready. A thread that panicked never is.
        while ready.load(Ordering::Acquire) < threads
            && !running.iter().any(|thread| thread.is_finished())
        {
            thread::sleep(Duration::from_micros(50));
        }
        thread::sleep(for_about);
        is_over.store(true, Ordering::Relaxed);
        let spent = running
            .into_iter()
            .map(|thread| thread.join().expect("no call panics"));
        spent.fold(Spent::default(), Add::add)
    })
}
