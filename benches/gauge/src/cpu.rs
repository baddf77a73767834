//! The time that the process spent on its processors, all its threads together.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Since the process began.
///
/// What others do on the machine is not in it, but for what they do to the caches.
#[must_use]
pub fn spent() -> Duration {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(spent.tv_sec.unsigned_abs(), spent.tv_nsec as u32)
}
