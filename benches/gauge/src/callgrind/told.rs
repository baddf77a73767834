use std::hint::black_box;
use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::heap;

/// What was counted since the telling before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// What the program called it.
    pub label: String,
    /// Executed by the program itself, and not by the kernel.
    pub instructions: u64,
    /// How often memory was asked for; none where the program's allocator is not [`heap::Counting`].
    pub allocations: u64,
}

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

/// Counts what these calls take, until the next [`tell`].
///
/// Getting in and out of it is in the count, which is less than ten instructions.
pub fn count(mut calls: impl FnMut()) {
    let before = heap::allocations();
    stretch_that_is_counted(&mut calls);
    ALLOCATIONS.fetch_add(heap::allocations() - before, Relaxed);
}

/// Tells what was counted since the last telling, and begins at nothing.
///
/// # Errors
///
/// Nobody reads what is told, or the label has a line break in it.
pub fn tell(label: &str) -> io::Result<()> {
    if label.contains('\n') {
        return Err(io::Error::other("a label is one line"));
    }
    counts_that_are_told();
    let allocations = ALLOCATIONS.swap(0, Relaxed);
    writeln!(io::stdout(), "{allocations}\t{label}")
}

/// Known to callgrind by its name. Takes any calls, so that there is one of it, under one name.
#[inline(never)]
fn stretch_that_is_counted(calls: &mut dyn FnMut()) {
    calls();
    // Something to come back to: a jump to the calls would not be seen to end.
    black_box(());
}

/// Known to callgrind by its name.
#[inline(never)]
fn counts_that_are_told() {
    black_box(());
}

/// What the program printed, and what callgrind wrote of it.
pub(super) fn read(printed: &str, written: &str) -> Option<Vec<Told>> {
    let mut totals = written
        .lines()
        .filter_map(|line| line.strip_prefix("totals: "));
    let told = printed.lines().map(|line| {
        let (allocations, label) = line.split_once('\t')?;
        Some(Told {
            label: label.to_owned(),
            instructions: totals.next()?.trim().parse().ok()?,
            allocations: allocations.parse().ok()?,
        })
    });
    let told = told.collect::<Option<Vec<_>>>()?;
    // The last total is what was counted until the end, after the last telling.
    let rest = totals.next()?;
    (rest.trim() == "0" && totals.next().is_none()).then_some(told)
}

#[cfg(test)]
mod tests {
    use super::{Told, read};

    const WRITTEN: &str = "part: 1\nsummary: 700\ntotals: 700\npart: 2\ntotals: 1400\ntotals: 0\n";

    #[test]
    fn each_telling_has_the_total_that_was_written_at_it() {
        let told = |label: &str, instructions, allocations| Told {
            label: label.to_owned(),
            instructions,
            allocations,
        };
        let expected = vec![told("one\tcall", 700, 0), told("two", 1400, 3)];
        assert_eq!(read("0\tone\tcall\n3\ttwo\n", WRITTEN), Some(expected));
    }

    #[test]
    fn nothing_is_read_where_tellings_and_totals_do_not_go_together() {
        assert_eq!(read("0\tone\n", WRITTEN), None);
        assert_eq!(read("0\tone\n0\ttwo\n0\tthree\n", WRITTEN), None);
        let untold = WRITTEN.replace("totals: 0", "totals: 9");
        assert_eq!(read("0\tone\n0\ttwo\n", &untold), None);
    }
}
