//! The recording slot: no call is lost as it turns, and none counted twice.

use super::{acquire, call, totals, trips_at};
use crate::circuit::window::{Counted, Counts, Position, SLOTS, Window};
use crate::interleavings::{Bound, advance, at_once, circuit, explore};
use crate::outcome::Outcome;
use crate::sync::Arc;

const CALL: Counts = Counts {
    calls: 1,
    failures: 0,
    throttled: false,
    slow: [false; 4],
};

/// How many calls left the window by it.
fn count(window: &Window, slot: u64) -> u64 {
    match window.count(slot, 0, CALL, None, || true) {
        Counted::Here { folded, .. } | Counted::Stale { folded } => folded,
    }
}

/// As a good call does that looked at the clock in that slot.
fn count_plainly(window: &Window, slot: u64) -> u64 {
    match window.count_success(Position::of(slot), 0) {
        Some(_) => 0,
        None => count(window, slot),
    }
}

#[test]
fn two_calls_that_begin_the_next_slot_are_both_in_it_and_those_before_stay() {
    explore(Bound::NONE, || {
        let window = Arc::new(Window::new());
        count(&window, 0);
        let [one, other] = [0, 1].map(|_| Arc::clone(&window));
        let folded = at_once(move || count(&one, 1), move || count(&other, 1));
        assert_eq!((folded, window.unfolded()), ((0, 0), 3));
        assert_eq!(window.figures(1, None).calls, 3);
        assert_eq!(window.figures(SLOTS as u64, None).calls, 2);
    });
}

#[test]
fn a_call_that_ends_as_the_slot_turns_is_in_the_slot_before_or_the_next() {
    explore(Bound::NONE, || {
        let window = Arc::new(Window::new());
        count(&window, 0);
        let [turning, plain] = [0, 1].map(|_| Arc::clone(&window));
        let folded = at_once(
            move || count(&turning, 1),
            // As a call does that knew the slot before it turned.
            move || count_plainly(&plain, 0),
        );
        assert_eq!((folded, window.unfolded()), ((0, 0), 3));
        assert_eq!(window.figures(1, None).calls, 3);
        // The place of the slot before serves the next lap.
        let folded = count(&window, SLOTS as u64);
        assert_eq!(folded + window.unfolded(), 4);
        assert_eq!(window.figures(SLOTS as u64, None).calls, 4 - folded);
    });
}

#[test]
fn a_call_that_slept_while_a_lap_passed_is_lost_in_no_slot_and_in_no_two() {
    explore(Bound::preemptions(2).or_short(1), || {
        let window = Arc::new(Window::new());
        count(&window, 0);
        let [newest, slow] = [0, 1].map(|_| Arc::clone(&window));
        let (folded, folded_too) = at_once(
            // The same place, a lap later.
            move || count(&newest, SLOTS as u64),
            move || count_plainly(&slow, 0),
        );
        let folded = folded + folded_too;
        assert_eq!(folded + window.unfolded(), 3);
        // It left the window with the call before it, or is in the newest slot.
        let calls = window.figures(SLOTS as u64, None).calls;
        assert_eq!(calls, window.unfolded());
        assert_eq!(folded + calls, 3);
        assert!((1..=2).contains(&folded));
    });
}

#[test]
fn two_threads_that_pass_a_whole_window_fold_what_left_it_once() {
    explore(Bound::preemptions(3).or_short(2), || {
        let window = Arc::new(Window::new());
        for _ in 0..2 {
            count(&window, 0);
        }
        let [one, other] = [0, 1].map(|_| Arc::clone(&window));
        let (folded, folded_too) = at_once(
            move || count(&one, SLOTS as u64),
            move || count(&other, SLOTS as u64),
        );
        assert_eq!((folded + folded_too, window.unfolded()), (2, 2));
        assert_eq!(window.figures(SLOTS as u64, None).calls, 2);
    });
}

#[test]
fn a_call_of_the_generation_before_is_not_read_with_those_of_the_next() {
    explore(Bound::preemptions(3).or_short(2), || {
        let window = Arc::new(Window::new());
        count(&window, 0);
        let [next, straggler] = [0, 1].map(|_| Arc::clone(&window));
        let (counted, straggled) = at_once(
            // The next generation begins, and counts its first call, in the next slot.
            move || {
                next.clear();
                next.count(1, 1, CALL, None, || true)
            },
            move || straggler.count(0, 0, CALL, None, || false),
        );
        assert_eq!(window.figures(1, None).calls, 1);
        let folded = |counted| match counted {
            Counted::Here { folded, .. } | Counted::Stale { folded } => folded,
        };
        let is_in = u64::from(matches!(straggled, Counted::Here { .. }));
        let all = folded(counted) + folded(straggled) + window.unfolded();
        assert_eq!(all, 2 + is_in);
    });
}

#[test]
fn two_whole_calls_that_begin_a_slot_are_in_the_totals_once_each() {
    explore(Bound::preemptions(3).or_short(2), || {
        let policy = trips_at(1).build().unwrap();
        let slot = policy.window / SLOTS as u32;
        let circuit = circuit(policy);
        call(&circuit, Outcome::Success);
        let [one, other] = [0, 1].map(|_| acquire(&circuit).unwrap());
        advance(slot);
        at_once(
            move || one.record(Outcome::Success),
            move || other.record(Outcome::Success),
        );
        assert_eq!(totals(&circuit).calls, 3);
    });
}
