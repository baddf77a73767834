//! What a clock on the wall says at an instant of the clock that calls are timed with.

use std::fmt;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::sync::{Arc, ArcSwap};

/// How far the two clocks may drift apart before they are set by each other again.
const TOLERANCE: Duration = Duration::from_secs(1);

/// An instant is always the same moment on the wall, unless that clock was set: what is read twice from two clocks would
/// differ each time, and a prompt's cache with it.
pub(super) struct WallClock {
    read: Box<dyn Fn() -> SystemTime + Send + Sync>,
    set: ArcSwap<(Instant, SystemTime)>,
}

impl WallClock {
    pub(super) fn new(read: Box<dyn Fn() -> SystemTime + Send + Sync>) -> Self {
        let set = ArcSwap::new(Arc::new((Instant::now(), read())));
        Self { read, set }
    }

    /// The moment of this instant.
    pub(super) fn at(&self, instant: Instant) -> SystemTime {
        let (now, says) = (Instant::now(), (self.read)());
        let set = **self.set.load();
        if apart(moment(set, now), says) <= TOLERANCE {
            return moment(set, instant);
        }
        let set = (now, says);
        self.set.store(Arc::new(set));
        moment(set, instant)
    }
}

/// Where time on the wall ends, the moment that it was set at.
fn moment((at, says): (Instant, SystemTime), instant: Instant) -> SystemTime {
    let moment = match instant.checked_duration_since(at) {
        Some(later) => says.checked_add(later),
        None => says.checked_sub(at.saturating_duration_since(instant)),
    };
    moment.unwrap_or(says)
}

fn apart(one: SystemTime, other: SystemTime) -> Duration {
    one.duration_since(other)
        .unwrap_or_else(|error| error.duration())
}

impl fmt::Debug for WallClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WallClock").finish_non_exhaustive()
    }
}
