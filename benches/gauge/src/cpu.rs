//! The time that was spent on processors. What others do on the machine is not in it, but for what they do to the caches.

use std::fs;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// By the process, all its threads together, since it began.
///
/// Of another thread that still runs, up to the last 10 milliseconds are not in it yet: the scheduler adds them at its
/// next tick, or once the thread waits.
#[must_use]
pub fn spent() -> Duration {
    read(ClockId::ProcessCPUTime)
}

/// By the thread that asks, since it began; to the nanosecond.
#[must_use]
pub fn spent_by_this_thread() -> Duration {
    read(ClockId::ThreadCPUTime)
}

/// How long the thread that asks was ready to run and waited for a processor, since it began. Waiting for a lock or for
/// the time is not in it. None where the system does not tell, as others than Linux do not.
#[must_use]
pub fn queued_of_this_thread() -> Option<Duration> {
    let told = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanos = told.split_whitespace().nth(1)?.parse().ok()?;
    Some(Duration::from_nanos(nanos))
}

/// Keeps the thread that asks on one processor, the one of this number among those that it may run on, counted round.
/// Changes nothing where the system does not know how, or refuses.
#[cfg(target_os = "linux")]
pub fn keep_to(number: usize) {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    let Ok(may) = sched_getaffinity(None) else {
        return;
    };
    let all = (0..CpuSet::MAX_CPU).filter(|cpu| may.is_set(*cpu));
    if let Some(cpu) = all.clone().cycle().nth(number) {
        let mut one = CpuSet::new();
        one.set(cpu);
        // Refused, it runs where it may, as it did.
        let _ = sched_setaffinity(None, &one);
    }
}

#[cfg(not(target_os = "linux"))]
pub fn keep_to(_: usize) {}

fn read(clock: ClockId) -> Duration {
    let spent = clock_gettime(clock);
    Duration::new(spent.tv_sec.unsigned_abs(), spent.tv_nsec as u32)
}
