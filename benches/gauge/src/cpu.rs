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

fn read(clock: ClockId) -> Duration {
    let spent = clock_gettime(clock);
    Duration::new(spent.tv_sec.unsigned_abs(), spent.tv_nsec as u32)
}
