//! Code that is not ours, whose panic is to end neither a call nor a task.

use std::any::Any;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs it; none where it panicked.
pub(crate) fn caught<T>(run: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(run))
        .map_err(drop_payload)
        .ok()
}

/// Drops what something has panicked with. That may panic too: what it panics with then is never dropped.
pub(crate) fn drop_payload(payload: Box<dyn Any + Send>) {
    let _ = catch_unwind(AssertUnwindSafe(|| drop(payload))).map_err(mem::forget);
}

#[cfg(test)]
mod tests {
    use std::panic::panic_any;
    use std::sync::Arc;

    use super::caught;

    /// Panics with itself when it is dropped.
    struct Again(Arc<()>);

    impl Drop for Again {
        fn drop(&mut self) {
            panic_any(Self(Arc::clone(&self.0)));
        }
    }

    #[test]
    fn what_it_panicked_with_is_dropped() {
        let payload = Arc::new(());
        let held = Arc::clone(&payload);
        assert_eq!(caught(|| panic_any(held)), None::<()>);
        assert_eq!(Arc::strong_count(&payload), 1);
    }

    #[test]
    fn what_panics_again_and_again_as_it_is_dropped_ends_nothing() {
        let again = Again(Arc::new(()));
        assert_eq!(caught(|| panic_any(again)), None::<()>);
        assert_eq!(caught(|| 7), Some(7));
    }

    /// As a permit is, whose observer panics, in a call that panics.
    struct Hooked;

    impl Drop for Hooked {
        fn drop(&mut self) {
            let again = Again(Arc::new(()));
            assert_eq!(caught(|| panic_any(again)), None::<()>);
        }
    }

    #[test]
    fn neither_does_it_where_the_thread_unwinds_already() {
        let unwound = caught(|| {
            let _hooked = Hooked;
            panic_any("the call's own");
        });
        assert_eq!(unwound, None::<()>);
    }
}
