use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use super::{Activity, BIAS, LANE, Place, tag};
use crate::circuit::Circuit;
use crate::{CircuitBreakerRegistry, Dependency, OutagePolicy, Outcome, Policy};

/// The last slot of the first era, and the first of the second.
const ERA_END: u64 = (1 << 44) - 1;

fn with_one_in(slot: u64) -> Activity {
    let activity = Activity::default();
    activity.begin(slot);
    activity.enter(Place::new(slot, false));
    activity
}

#[test]
fn who_was_active_a_whole_window_ago_is_not_active() {
    let activity = with_one_in(7);
    assert_eq!(activity.sums(16, 0), (0, 1));
    assert_eq!(activity.sums(17, 0), (0, 0));
}

#[test]
fn a_slot_that_has_begun_is_not_begun_again_at_the_end_of_an_era_either() {
    for slot in [7, ERA_END] {
        let activity = with_one_in(slot);
        activity.begin(slot);
        assert_eq!(activity.sums(slot, 0), (0, 1), "slot {slot}");
    }
}

#[test]
fn who_comes_late_from_an_era_that_is_over_begins_nothing() {
    let activity = with_one_in(ERA_END + 4);
    activity.begin(ERA_END - 4);
    assert_eq!(activity.sums(ERA_END + 4, 0), (0, 1));
}

#[test]
fn the_last_slot_of_an_era_begins_after_the_one_before_it() {
    let activity = with_one_in(ERA_END - 1);
    activity.begin(ERA_END);
    activity.enter(Place::new(ERA_END, false));
    assert_eq!(activity.sums(ERA_END, 0), (0, 2));
}

#[test]
fn an_era_is_over_for_half_a_round_after_the_last_slot_of_another_too() {
    let activity = with_one_in(ERA_END);
    activity.begin(((1 << 18) + 1) << 44);
    assert_eq!(activity.sums(ERA_END, 0), (0, 1));
}

#[test]
fn nobody_enters_or_leaves_a_slot_that_is_a_window_later_than_the_one_in_its_place() {
    let activity = with_one_in(7);
    activity.enter(Place::new(17, true));
    assert_eq!(activity.sums(7, 0), (0, 1));
    activity.leave(Place::new(17, true));
    activity.leave(Place::new(17, false));
    assert_eq!(activity.sums(7, 0), (0, 1));
}

#[test]
fn a_lane_falls_to_nothing_and_no_further() {
    let (up, down) = (Place::new(7, false), Place::new(7, true));
    let activity = Activity::default();
    activity.begin(7);
    let leave = |place, times| (0..times).for_each(|_| activity.leave(place));
    let enter = |place, times| (0..times).for_each(|_| activity.enter(place));
    // As many as there are on paper, and then those that nobody entered.
    leave(up, BIAS + 5);
    assert_eq!(activity.sums(7, 0), (0, 0));
    enter(up, BIAS + 3);
    assert_eq!(activity.sums(7, 0), (0, 3));
    enter(up, BIAS);
    leave(down, BIAS + 5);
    assert_eq!(activity.sums(7, 0), (0, 3));
    enter(down, BIAS + 2);
    assert_eq!(activity.sums(7, 0), (2, 5 + BIAS));
}

#[test]
fn a_lane_that_is_full_takes_nobody_more() {
    let activity = Activity::default();
    activity.begin(7);
    let full = tag(7) << 48 | LANE;
    activity.at(7).store(full, super::Release);
    activity.enter(Place::new(7, false));
    activity.enter(Place::new(7, true));
    assert_eq!(activity.at(7).load(super::Acquire), full);
}

#[test]
fn a_tag_tells_the_slots_and_the_eras_of_a_long_time_apart() {
    assert_eq!(tag(0xABC), 0xABC);
    assert_eq!(tag(0xF_FABC), 0xABC);
    assert_eq!(tag(5 << 44 | 0xABC), 0x5ABC);
}

/// A dependency of which one tenant is active, and its circuit.
fn with_one_active() -> (Dependency, Circuit) {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let policy = Policy::builder().outage(OutagePolicy::default()).build();
    let search = registry.dependency_with("search", policy.unwrap()).unwrap();
    search.acquire("acme").unwrap().record(Outcome::Success);
    let circuit = search.inner.circuits.get("acme").unwrap();
    (search, circuit)
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_steps_back_within_a_window_leaves_tenants_in_the_slot_where_they_are() {
    let (search, circuit) = with_one_active();
    let rules = search.context().rules();
    let active_at = |slot| search.context().activity.sums(slot, u64::MAX);
    circuit.be_active(30 * rules.slot_nanos);
    circuit.be_active(25 * rules.slot_nanos);
    assert_eq!([active_at(30), active_at(25)], [(0, 1), (0, 0)]);
    circuit.be_active(35 * rules.slot_nanos);
    assert_eq!([active_at(35), active_at(44)], [(0, 1), (0, 1)]);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_steps_back_to_the_first_slot_moves_nobody_there() {
    let (search, circuit) = with_one_active();
    circuit.be_active(search.context().rules().slot_nanos);
    circuit.be_active(0);
    assert_eq!(search.context().activity.sums(10, u64::MAX), (0, 1));
}

/// As where another thread counts the tenant by new rules between a call's look at the rules and its look at the place.
#[tokio::test(start_paused = true)]
async fn a_slot_of_rules_that_were_replaced_meanwhile_takes_nobody_back() {
    let (search, circuit) = with_one_active();
    let reckoned = [0, 30].map(|slot| {
        search
            .context()
            .activity_slot(slot * search.context().rules().slot_nanos)
    });
    let outage = OutagePolicy::default();
    let longer = Policy::builder()
        .window(Duration::from_secs(30))
        .outage(outage);
    search.set_policy(longer.build().unwrap());
    search.acquire("acme").unwrap().record(Outcome::Success);
    let slot = search.context().activity_slot(0);
    let active = || search.context().activity.sums(slot, u64::MAX);
    assert_eq!(active(), (0, 1));
    for slot in reckoned {
        circuit.be_active_in(slot);
        assert_eq!(active(), (0, 1));
    }
}

#[test]
fn a_move_that_overtakes_another_leaves_nobody_behind() {
    let activity = Activity::default();
    activity.begin(7);
    let down = Place::new(7, true);
    activity.leave(down);
    assert_eq!(activity.sums(7, 0), (0, 0));
    activity.enter(down);
    assert_eq!(activity.sums(7, 0), (0, 0));
    activity.enter(down);
    assert_eq!(activity.sums(7, 0), (1, 1));
}

#[test]
fn who_is_moved_on_by_another_before_the_first_move_is_done_counts_once() {
    let activity = Activity::default();
    activity.begin(9);
    let [first, second, third] = [7, 8, 9].map(|slot| Place::new(slot, true));
    activity.enter(first);
    // One has moved it to the second slot, and has not told yet; another moves it on.
    activity.leave(second);
    activity.enter(third);
    assert_eq!(activity.sums(9, 0), (1, 1));
    activity.leave(first);
    activity.enter(second);
    assert_eq!(activity.sums(9, 0), (1, 1));
}

#[test]
fn all_who_begin_a_slot_at_once_stand_in_it() {
    const TENANTS: usize = 4;
    let (activity, barrier) = (Activity::default(), Barrier::new(TENANTS));
    thread::scope(|scope| {
        for tenant in 0..TENANTS {
            let (activity, barrier) = (&activity, &barrier);
            scope.spawn(move || {
                let mut place = Place::NOWHERE;
                for round in 1..500_u64 {
                    // A few slots on, or more than a window.
                    let slot = 7 * round + 20_480 * (round / 3);
                    barrier.wait();
                    activity.begin(slot);
                    activity.leave(place);
                    place = Place::new(slot, tenant == 0);
                    activity.enter(place);
                    barrier.wait();
                    assert_eq!(activity.sums(slot, 0), (1, TENANTS as u64), "slot {slot}");
                }
            });
        }
    });
}
