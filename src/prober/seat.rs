//! That a dependency has one prober at a time.

use crate::sync::{AcqRel, Arc, AtomicBool, Relaxed, Release};

/// The place of a dependency's prober, held by its handle and by its task: free once the first of them is gone.
#[derive(Debug)]
pub(super) struct Seat(Arc<Held>);

#[derive(Debug)]
struct Held {
    is_probed: Arc<AtomicBool>,
    is_left: AtomicBool,
}

impl Seat {
    pub(super) fn take(is_probed: &Arc<AtomicBool>) -> Option<Self> {
        is_probed
            .compare_exchange(false, true, AcqRel, Relaxed)
            .ok()?;
        Some(Self(Arc::new(Held {
            is_probed: Arc::clone(is_probed),
            is_left: AtomicBool::new(false),
        })))
    }

    pub(super) fn shared(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        // Once: by the second time it may be somebody else's.
        if !self.0.is_left.swap(true, AcqRel) {
            self.0.is_probed.store(false, Release);
        }
    }
}
