//! What a clock on the wall says at an instant of the clock that calls are timed with.

use std::fmt;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::sync::{Arc, ArcSwap, OnceLock};

/// How far the two clocks may be apart before they are set by each other again.
const TOLERANCE: Duration = Duration::from_secs(1);

/// How long a reading may take by which they are set. One that takes longer, as where the thread was not running in the
/// middle of it, says too little of when it was taken: what is set by it would have to be set again.
const BRIEF: Duration = Duration::from_millis(100);

/// An instant is always the same moment on the wall, unless that clock was set: what is read twice from two clocks would
/// differ each time, and a prompt's cache with it.
pub(super) struct WallClock {
    read: Box<dyn Fn() -> SystemTime + Send + Sync>,
    set: ArcSwap<Anchor>,
}

/// The two clocks at one time.
#[derive(Clone, Copy)]
struct Anchor {
    at: Instant,
    says: SystemTime,
}

impl WallClock {
    pub(super) fn new(read: Box<dyn Fn() -> SystemTime + Send + Sync>) -> Self {
        let at = Instant::now();
        let set = ArcSwap::new(Arc::new(Anchor { at, says: read() }));
        Self { read, set }
    }

    /// The system's. One for all: by one of their own, tools that are declared anew would round some end to another minute,
    /// and a prompt's cache would miss.
    pub(super) fn of_system() -> &'static Arc<Self> {
        static SYSTEM: OnceLock<Arc<WallClock>> = OnceLock::new();
        SYSTEM.get_or_init(|| Arc::new(Self::new(Box::new(SystemTime::now))))
    }

    /// The moment of this instant.
    pub(super) fn at(&self, instant: Instant) -> SystemTime {
        // Before the clocks are read, so that what is old is never taken for what is new: a reading from before the clock
        // was set is not compared with an anchor from after it.
        let set = self.set.load();
        let before = Instant::now();
        let says = (self.read)();
        let after = Instant::now();
        let is_right = !is_well_after(moment_of(&set, before), says)
            && !is_well_after(says, moment_of(&set, after));
        if is_right || after.saturating_duration_since(before) > BRIEF {
            return moment_of(&set, instant);
        }
        let anchor = Anchor { at: before, says };
        let found = self.set.compare_and_swap(&*set, Arc::new(anchor));
        // Another thread was faster, and all have to go by the same anchor.
        let was_set = Arc::ptr_eq(&found, &set);
        moment_of(if was_set { &anchor } else { &found }, instant)
    }
}

/// Where time on the wall ends, the moment that it was set at.
fn moment_of(anchor: &Anchor, instant: Instant) -> SystemTime {
    let moment = match instant.checked_duration_since(anchor.at) {
        Some(later) => anchor.says.checked_add(later),
        None => {
            let earlier = anchor.at.saturating_duration_since(instant);
            anchor.says.checked_sub(earlier)
        }
    };
    moment.unwrap_or(anchor.says)
}

fn is_well_after(one: SystemTime, other: SystemTime) -> bool {
    one.duration_since(other).is_ok_and(|by| by > TOLERANCE)
}

impl fmt::Debug for WallClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WallClock").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
