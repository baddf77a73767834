//! Newcomers, calls, readers and those who make room, in one map at a time.

use super::Circuits;
use crate::circuit::{Circuit, Operators};
use crate::interleavings::{Bound, advance, at_once, dependency, explore};
use crate::outcome::Outcome;
use crate::policy::Policy;
use crate::sync::Arc;
use crate::time::DAY;
use crate::{CircuitState, Dependency, Override};

fn map(max_tenants: usize) -> Dependency {
    dependency(Policy::default(), max_tenants)
}

fn circuits(search: &Dependency) -> &Circuits {
    &search.inner.circuits
}

/// The tenant's circuit, or a new one; none where there is no room.
fn come(search: &Dependency, tenant: &str) -> Option<Circuit> {
    let now = search.context().now();
    let new = || Circuit::new(search.context(), Some(tenant), Operators::default());
    circuits(search).get_or_insert(tenant, now, new).circuit
}

fn is_one(circuit: &Circuit, other: &Circuit) -> bool {
    std::ptr::eq(&**circuit, &**other)
}

#[test]
fn two_first_calls_of_a_tenant_get_one_circuit() {
    explore(Bound::NONE, || {
        let search = map(2);
        let [one, other] = [0, 1].map(|_| search.clone());
        let (one, other) = at_once(
            move || come(&one, "acme").unwrap(),
            move || come(&other, "acme").unwrap(),
        );
        assert!(is_one(&one, &other));
        assert!(is_one(&one, &circuits(&search).get("acme").unwrap()));
        assert_eq!(search.len(), 1);
    });
}

#[test]
fn two_first_calls_of_a_tenant_both_get_the_last_place_where_one_is_free() {
    explore(Bound::NONE, || {
        let search = map(1);
        let [one, other] = [0, 1].map(|_| search.clone());
        let (one, other) = at_once(move || come(&one, "acme"), move || come(&other, "acme"));
        // Who found the only place promised to the other, and no circuit yet, runs unguarded.
        let held: Vec<_> = one.into_iter().chain(other).collect();
        assert!(!held.is_empty());
        let kept = circuits(&search).get("acme").unwrap();
        assert!(held.iter().all(|circuit| is_one(circuit, &kept)));
        assert_eq!(search.len(), 1);
    });
}

#[test]
fn of_two_tenants_that_want_the_last_place_one_gets_it_and_keeps_it_while_it_is_held() {
    explore(Bound::NONE, || {
        let search = map(1);
        let [one, other] = [0, 1].map(|_| search.clone());
        let (one, other) = at_once(
            move || {
                let come = come(&one, "acme");
                assert!(one.len() <= 1);
                come
            },
            move || come(&other, "globex"),
        );
        assert!(one.is_some() != other.is_some());
        assert_eq!(search.len(), 1);
        for (tenant, held) in [("acme", one), ("globex", other)] {
            let kept = circuits(&search).get(tenant);
            assert_eq!(kept.is_some(), held.is_some());
        }
    });
}

#[test]
fn a_circuit_that_a_lookup_found_does_not_go_while_it_is_held() {
    explore(Bound::NONE, || {
        let search = map(1);
        drop(come(&search, "acme"));
        let [one, other] = [0, 1].map(|_| search.clone());
        let (found, newcomer) = at_once(
            move || circuits(&one).get("acme"),
            move || come(&other, "globex"),
        );
        // The newcomer has the place, or the one that was found has kept it.
        assert!(found.is_some() != newcomer.is_some());
        let kept = circuits(&search).get("acme");
        assert_eq!(kept.is_some(), found.is_some());
        if let Some((kept, found)) = kept.zip(found) {
            assert!(is_one(&kept, &found));
        }
        assert_eq!(search.len(), 1);
    });
}

#[test]
fn what_a_call_recorded_while_another_tenant_came_is_in_the_map_or_among_what_went() {
    explore(Bound::NONE.or_short(3), || {
        let search = map(1);
        drop(come(&search, "acme"));
        let [one, other] = [0, 1].map(|_| search.clone());
        let (was_found, has_come) = at_once(
            move || {
                let found = circuits(&one).get("acme");
                let was_found = found.is_some();
                if let Some(circuit) = found {
                    let permit = circuit.admit_plainly().unwrap();
                    permit.record(Outcome::failure());
                }
                was_found
            },
            move || come(&other, "globex").is_some(),
        );
        let now = search.context().now();
        let failures = circuits(&search).sums(now).totals.failures;
        assert_eq!(failures, u64::from(was_found));
        // A failure is in its window: a circuit that has one does not go.
        let is_kept = circuits(&search).get("acme").is_some();
        assert_eq!(is_kept, was_found);
        assert!(has_come != is_kept);
    });
}

#[test]
fn a_reader_of_all_circuits_counts_one_that_goes_meanwhile_once() {
    explore(Bound::NONE.or_short(3), || {
        let search = map(1);
        search.acquire("acme").unwrap().record(Outcome::failure());
        advance(2 * DAY);
        let now = search.context().now();
        let [reader, newcomer] = [0, 1].map(|_| search.clone());
        let (seen, has_come) = at_once(
            move || {
                let mut seen = 0;
                let sums = circuits(&reader).sums_and_each(now, |circuit| {
                    seen += u64::from(circuit.tenant() == Some("acme"));
                });
                assert_eq!(sums.totals.failures, 1);
                seen
            },
            move || come(&newcomer, "globex").is_some(),
        );
        let is_kept = circuits(&search).get("acme").is_some();
        assert!(has_come != is_kept);
        assert!(seen == 1 || !is_kept);
        assert_eq!(circuits(&search).sums(now).totals.failures, 1);
    });
}

#[test]
fn a_tenant_that_comes_as_it_is_forced_open_is_forced_open() {
    explore(Bound::NONE, || {
        let search = map(1);
        let [operator, caller] = [0, 1].map(|_| search.clone());
        let ((), was_admitted) = at_once(
            move || operator.circuit("acme").set(Override::ForcedOpen),
            move || caller.acquire("acme").is_ok(),
        );
        assert!(search.acquire("acme").is_err());
        assert_eq!(search.state("acme"), CircuitState::Closed);
        // One that was rejected may have made its circuit before.
        assert!(search.len() == 1 || !was_admitted);
    });
}

#[test]
fn all_that_hold_the_map_free_it_together_whoever_goes_last() {
    explore(Bound::NONE, || {
        let search = map(1);
        let permit = search.acquire("acme").unwrap();
        let context = Arc::downgrade(search.context());
        at_once(
            move || drop(search),
            move || permit.record(Outcome::Success),
        );
        assert!(context.upgrade().is_none());
    });
}
