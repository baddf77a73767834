//! What a storm waits for in real time.

use std::thread;
use std::time::Duration;

/// Nothing is timed by it: it rests so long at least.
#[expect(clippy::disallowed_methods, reason = "nothing is awaited here")]
pub fn rest(period: Duration) {
    thread::sleep(period);
}
