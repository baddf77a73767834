use std::cell::Cell;
use std::time::Duration;

use super::{Compared, Control, Pairs, Spent, Void, on_threads};

fn spent(calls: u64, nanos_each: u64) -> Spent {
    let cpu = Duration::from_nanos(calls * nanos_each);
    Spent {
        calls,
        cpu,
        wall: 2 * cpu,
        queued: Duration::ZERO,
    }
}

/// One that had its processors, and whose turns cost so much on several threads, and 100 ns on one.
fn control(nanos: u64) -> Control {
    let of = |nanos| Spent {
        wall: Duration::from_nanos(1_000 * nanos),
        ..spent(1_000, nanos)
    };
    Control {
        alone: of(100),
        together: of(nanos),
    }
}

fn crowded() -> Control {
    Control {
        together: spent(1_000, 100),
        ..control(100)
    }
}

fn pairs(wanted: usize, patience: usize) -> Pairs {
    Pairs {
        patience,
        pause: Duration::ZERO,
        ..Pairs::new(wanted)
    }
}

#[test]
fn the_ratio_is_that_of_the_second_s_cost_per_call_to_the_first_s() {
    let compared = pairs(3, 0).compare_beside(
        || control(102),
        || (spent(10, 100), ()),
        || (spent(40, 250), ()),
    );
    let Compared {
        cpu,
        wall,
        first,
        second,
        counted,
        void,
        control,
    } = compared.unwrap().0;
    assert_eq!((cpu.median, wall.median), (2.5, 2.5));
    assert_eq!((first.cpu.median, second.cpu.median), (100.0, 250.0));
    assert_eq!((first.wall.median, second.wall.median), (200.0, 500.0));
    assert_eq!((counted, void, control.median), (3, 0, 1.02));
}

#[test]
fn a_pair_is_run_after_a_control_that_scaled_and_counts_if_the_next_one_does_too() {
    // Pairs are run after the first, the second, the fourth, and the last but one.
    let controls = [100, 100, 0, 100, 140, 140, 100, 100];
    let turn = Cell::new(0);
    let control = || match controls[turn.replace(turn.get() + 1)] {
        0 => crowded(),
        nanos => control(nanos),
    };
    // Pairs that are not to count are dearer.
    let first = || (spent(10, 100), turn.get());
    let second = || {
        let nanos = if matches!(turn.get(), 2 | 4) {
            900
        } else {
            300
        };
        (spent(10, nanos), turn.get())
    };
    let (compared, noted) = pairs(2, 3).compare_beside(control, first, second).unwrap();
    assert_eq!((compared.counted, compared.void), (2, 3));
    assert_eq!((compared.cpu.lower, compared.cpu.upper), (3.0, 3.0));
    assert_eq!(noted, [(1, 1), (7, 7)]);
    assert_eq!(turn.get(), controls.len());
}

#[test]
fn a_pair_whose_own_threads_waited_for_a_processor_is_left_out_though_the_controls_did_not() {
    let run = |runs: &Cell<u32>, waits: u32| {
        let waits = runs.replace(runs.get() + 1) == waits;
        let spent = spent(10, if waits { 900 } else { 100 });
        let queued = spent.wall.mul_f64(if waits { 0.06 } else { 0.04 });
        (Spent { queued, ..spent }, ())
    };
    // After the one that is thrown away, the first waits in the second pair, and the second in the third.
    let (firsts, seconds) = (Cell::new(0), Cell::new(0));
    let (first, second) = (|| run(&firsts, 2), || run(&seconds, 3));
    let compared = pairs(2, 2).compare_beside(|| control(100), first, second);
    let compared = compared.unwrap().0;
    assert_eq!((compared.counted, compared.void), (2, 2));
    assert_eq!((compared.cpu.lower, compared.cpu.upper), (1.0, 1.0));
}

#[test]
fn where_controls_fail_too_often_there_is_no_figure() {
    let turn = Cell::new(0);
    let control = || match turn.replace(turn.get() + 1) {
        0..=2 => control(100),
        3 => crowded(),
        _ => control(111),
    };
    let compared =
        pairs(5, 3).compare_beside(control, || (spent(10, 100), ()), || (spent(10, 200), ()));
    let void = Void {
        wanted: 5,
        counted: 2,
        crowded: 1,
        inflated: 3,
    };
    assert_eq!(compared, Err(void));
}

#[test]
fn each_of_the_two_comes_first_in_half_of_the_pairs() {
    let order = Cell::new(String::new());
    let note = |name| {
        order.set(order.take() + name);
        (spent(10, 100), ())
    };
    pairs(4, 0)
        .compare_beside(|| control(100), || note("a"), || note("b"))
        .unwrap();
    // The first two are thrown away.
    assert_eq!(order.take(), "ababbaabba");
}

#[test]
fn a_run_adds_up_what_its_threads_called_and_ends_where_one_has_nothing_left() {
    let long = Duration::from_millis(1);
    let spent = on_threads(2, long, |number| {
        let mut left = if number == 0 { 3 } else { u64::MAX };
        move || {
            let some = left.min(1);
            left -= some;
            some * 5
        }
    });
    assert!(spent.calls >= 5 && spent.calls % 5 == 0, "{spent:?}");
    assert!(spent.cpu > Duration::ZERO && spent.wall > Duration::ZERO);
}
