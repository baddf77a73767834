//! Code that is not ours, whose panic is to end neither a call nor a task.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs it; none where it panicked.
///
/// What it panicked with is not dropped: that may panic too, and then outside of this.
pub(crate) fn caught<T>(run: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(run))
        .map_err(mem::forget)
        .ok()
}
