//! What may leave a full map, and what must stay (law 16).

use std::time::Duration;

use tokio::time::advance;
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitState, Dependency, LatencyRule, OpenPeriod, Outcome, Override,
    Permit, Policy, PolicyBuilder, Probing, Totals,
};

const WINDOW: Duration = Duration::from_secs(10);
const PERIOD: Duration = Duration::from_secs(4);
const INSTANT: Duration = Duration::from_nanos(1);
/// After its deadline, or the last attempt, before an open circuit may be forgotten.
const PATIENCE: Duration = WINDOW.saturating_add(PERIOD);

fn policy() -> PolicyBuilder {
    Policy::builder()
        .window(WINDOW)
        .consecutive_failures(3)
        .latency(LatencyRule::p95(Duration::from_secs(3)))
        .open_for(OpenPeriod::fixed(PERIOD).jitter(0.0))
}

fn registry(max_tenants: usize) -> CircuitBreakerRegistry {
    CircuitBreakerRegistry::builder()
        .max_tenants(max_tenants)
        .build()
        .unwrap()
}

fn dependency(max_tenants: usize) -> Dependency {
    registry(max_tenants)
        .dependency_with("search", policy().build().unwrap())
        .unwrap()
}

fn acquire(dependency: &Dependency, tenant: &str) -> Permit {
    dependency.acquire(tenant).unwrap()
}

fn trip(dependency: &Dependency, tenant: &str) {
    for _ in 0..3 {
        acquire(dependency, tenant).record(Outcome::failure());
    }
    assert_eq!(dependency.state(tenant), CircuitState::Open);
}

fn has_circuit(dependency: &Dependency, tenant: &str) -> bool {
    dependency.circuit(tenant).snapshot().is_some()
}

/// Whether a newcomer is given a circuit, which leaves the newcomer's as if new.
fn makes_room(dependency: &Dependency, newcomer: &str) -> bool {
    acquire(dependency, newcomer).record(Outcome::Ignored);
    has_circuit(dependency, newcomer)
}

#[tokio::test(start_paused = true)]
async fn capacity_belongs_to_the_dependency_and_not_to_a_shard() {
    let search = dependency(100);
    for n in 0..100 {
        let tenant = format!("tenant {n}");
        acquire(&search, &tenant).record(Outcome::Success);
        assert!(has_circuit(&search, &tenant));
    }
    assert_eq!(search.len(), 100);
    assert!(!makes_room(&search, "newcomer"));
    assert_eq!(search.len(), 100);
}

#[tokio::test(start_paused = true)]
async fn max_tenants_is_for_each_dependency() {
    let registry = registry(1);
    let search = registry.dependency_with("search", policy().build().unwrap());
    let pay = registry.dependency_with("pay", policy().build().unwrap());
    let (search, pay) = (search.unwrap(), pay.unwrap());
    acquire(&search, "acme").record(Outcome::Success);
    acquire(&pay, "globex").record(Outcome::Success);
    assert_eq!((search.len(), pay.len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn the_search_finds_the_one_circuit_that_may_go_in_whatever_shard_it_is() {
    for max_tenants in [1, 2, 7, 30] {
        let search = dependency(max_tenants);
        let stay: Vec<_> = (1..max_tenants)
            .map(|n| acquire(&search, &format!("busy {n}")))
            .collect();
        for n in 0..200 {
            let newcomer = format!("newcomer {n}");
            assert!(makes_room(&search, &newcomer), "{n} of {max_tenants}");
            assert_eq!(search.len(), max_tenants.min(stay.len() + n + 1));
        }
        drop(stay);
    }
}

/// What goes may be in the last bucket of its shard. The next search then begins in the next shard: those who came
/// meanwhile, and may not go yet, are in the one before.
#[tokio::test(start_paused = true)]
async fn newcomers_find_room_as_long_as_any_of_many_has_been_silent_for_a_window() {
    const TENANTS: usize = 20_000;
    let search = dependency(TENANTS);
    for number in 0..TENANTS {
        acquire(&search, &format!("tenant {number}")).record(Outcome::Success);
    }
    advance(WINDOW).await;
    for number in 0..TENANTS / 2 {
        let newcomer = format!("newcomer {number}");
        acquire(&search, &newcomer).record(Outcome::Success);
        assert!(has_circuit(&search, &newcomer), "{newcomer}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_circuit_in_which_nothing_is_counted_may_go_at_once() {
    let search = dependency(1);
    acquire(&search, "acme").record(Outcome::Ignored);
    assert!(makes_room(&search, "globex"));
    assert!(!has_circuit(&search, "acme"));
    assert_eq!(search.snapshot().forgotten, 0);
}

#[tokio::test(start_paused = true)]
async fn a_counted_call_keeps_its_circuit_for_exactly_a_window() {
    let outcomes = [Outcome::Success, Outcome::failure(), Outcome::throttled()];
    for outcome in outcomes {
        let search = dependency(1);
        acquire(&search, "acme").record(outcome);
        advance(WINDOW - INSTANT).await;
        assert!(!makes_room(&search, "globex"), "{outcome:?}");
        advance(INSTANT).await;
        assert!(makes_room(&search, "globex"), "{outcome:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn cancelled_calls_keep_their_circuit_for_a_window() {
    // By itself it is neutral, but it may be one of a run of them.
    let search = dependency(1);
    drop(acquire(&search, "acme"));
    advance(WINDOW - INSTANT).await;
    assert!(!makes_room(&search, "globex"));
    advance(INSTANT).await;
    assert!(makes_room(&search, "globex"));

    let search = dependency(1);
    let slow = acquire(&search, "acme");
    advance(WINDOW).await;
    drop(slow);
    advance(WINDOW - INSTANT).await;
    assert!(!makes_room(&search, "globex"));
    advance(INSTANT).await;
    assert!(makes_room(&search, "globex"));
}

#[tokio::test(start_paused = true)]
async fn a_circuit_with_a_permit_out_never_goes() {
    let search = dependency(1);
    let permit = acquire(&search, "acme");
    assert!(!makes_room(&search, "globex"));
    advance(100 * WINDOW).await;
    assert!(!makes_room(&search, "globex"));
    permit.record(Outcome::Ignored);
    assert!(makes_room(&search, "globex"));
}

#[tokio::test(start_paused = true)]
async fn an_open_circuit_with_a_permit_out_is_not_forgotten() {
    let search = dependency(1);
    let straggler = acquire(&search, "acme");
    trip(&search, "acme");
    advance(100 * PATIENCE).await;
    assert!(!makes_room(&search, "globex"));
    straggler.record(Outcome::Success);
    assert!(makes_room(&search, "globex"));
    assert_eq!(search.snapshot().forgotten, 1);
    assert_eq!(search.snapshot().totals.late, 1);
}

#[tokio::test(start_paused = true)]
async fn a_circuit_with_an_override_never_goes_while_it_lasts() {
    for kind in [Override::ForcedOpen, Override::Disabled, Override::DryRun] {
        let registry = registry(1);
        let search = registry.dependency_with("search", policy().build().unwrap());
        let search = search.unwrap();
        for by_tenant in [false, true] {
            let tenant = format!("acme {by_tenant}");
            assert!(makes_room(&search, &tenant));
            if by_tenant {
                registry.tenant(&tenant).set_for(kind, 3 * WINDOW);
            } else {
                search.circuit(&tenant).set_for(kind, 3 * WINDOW);
            }
            advance(3 * WINDOW - INSTANT).await;
            assert!(!makes_room(&search, "globex"), "{kind:?} {by_tenant}");
            advance(INSTANT).await;
            assert!(makes_room(&search, "globex"), "{kind:?} {by_tenant}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_circuit_whose_override_is_cleared_may_go() {
    let registry = registry(1);
    let search = registry.dependency_with("search", policy().build().unwrap());
    let search = search.unwrap();
    assert!(makes_room(&search, "acme"));
    search.circuit("acme").force_open("unpaid");
    registry.tenant("acme").set(Override::DryRun);
    advance(10 * WINDOW).await;
    search.circuit("acme").clear();
    assert!(!makes_room(&search, "globex"));
    registry.tenant("acme").clear();
    assert!(makes_room(&search, "globex"));
}

#[tokio::test(start_paused = true)]
async fn a_circuit_with_a_hint_yet_to_come_never_goes() {
    let search = dependency(1);
    let hint = 3 * WINDOW;
    acquire(&search, "acme").record(Outcome::failure().with_retry_after(hint));
    advance(hint - INSTANT).await;
    assert!(!makes_room(&search, "globex"));
    advance(INSTANT).await;
    assert!(makes_room(&search, "globex"));
}

#[tokio::test(start_paused = true)]
async fn a_circuit_whose_open_period_would_still_grow_never_goes() {
    let search = dependency(1);
    trip(&search, "acme");
    advance(PERIOD).await;
    acquire(&search, "acme").record(Outcome::Success);
    acquire(&search, "acme").record(Outcome::Success);
    assert_eq!(search.state("acme"), CircuitState::Closed);
    advance(WINDOW - INSTANT).await;
    assert!(!makes_room(&search, "globex"));
    advance(INSTANT).await;
    assert!(makes_room(&search, "globex"));
    assert_eq!(search.snapshot().forgotten, 0);
}

#[tokio::test(start_paused = true)]
async fn an_open_circuit_is_forgotten_a_window_and_a_period_cap_past_its_deadline() {
    let search = dependency(1);
    trip(&search, "acme");
    advance(PERIOD + PATIENCE - INSTANT).await;
    assert!(!makes_room(&search, "globex"));
    assert_eq!(search.snapshot().forgotten, 0);
    advance(INSTANT).await;
    assert!(makes_room(&search, "globex"));
    let snapshot = search.snapshot();
    assert_eq!((snapshot.forgotten, snapshot.open), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn the_deadline_of_a_hint_counts_for_when_a_circuit_is_forgotten() {
    let search = dependency(1);
    acquire(&search, "acme").record(Outcome::failure().with_retry_after(3 * WINDOW));
    trip_further(&search, "acme");
    advance(3 * WINDOW + PATIENCE - INSTANT).await;
    assert!(!makes_room(&search, "globex"));
    advance(INSTANT).await;
    assert!(makes_room(&search, "globex"));
}

fn trip_further(dependency: &Dependency, tenant: &str) {
    acquire(dependency, tenant).record(Outcome::failure());
    acquire(dependency, tenant).record(Outcome::failure());
    assert_eq!(dependency.state(tenant), CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn a_rejected_attempt_keeps_an_open_circuit_from_being_forgotten() {
    let search = dependency(1);
    trip(&search, "acme");
    advance(PERIOD + PATIENCE - INSTANT).await;
    // The only call that an open circuit rejects past its deadline is one that may not probe.
    assert!(search.acquire_barred("acme", Probing::No).is_err());
    advance(PATIENCE - INSTANT).await;
    assert!(!makes_room(&search, "globex"));
    advance(INSTANT).await;
    assert!(makes_room(&search, "globex"));
}

#[tokio::test(start_paused = true)]
async fn one_that_somebody_half_opens_is_not_forgotten_before_anybody_could_ask() {
    let search = dependency(1);
    trip(&search, "acme");
    advance(PERIOD + PATIENCE).await;
    search.circuit("acme").half_open().unwrap();
    advance(PATIENCE - INSTANT).await;
    assert!(!makes_room(&search, "globex"));
    advance(INSTANT).await;
    assert!(makes_room(&search, "globex"));
}

#[tokio::test(start_paused = true)]
async fn an_admitted_attempt_keeps_a_half_open_circuit_from_being_forgotten() {
    let search = dependency(1);
    trip(&search, "acme");
    advance(PERIOD + 10 * PATIENCE).await;
    acquire(&search, "acme").record(Outcome::Success);
    assert_eq!(search.state("acme"), CircuitState::HalfOpen);
    advance(PATIENCE - INSTANT).await;
    assert!(!makes_room(&search, "globex"));
    advance(INSTANT).await;
    assert!(makes_room(&search, "globex"));
    let snapshot = search.snapshot();
    assert_eq!((snapshot.forgotten, snapshot.half_open), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn an_attempt_under_the_kill_switch_keeps_an_open_circuit_from_being_forgotten() {
    let registry = registry(1);
    let search = registry.dependency_with("search", policy().build().unwrap());
    let search = search.unwrap();
    trip(&search, "acme");
    registry.set(Override::Disabled);
    advance(PERIOD + 10 * PATIENCE).await;
    acquire(&search, "acme").record(Outcome::Success);
    registry.clear();
    assert!(!makes_room(&search, "globex"));
    advance(PATIENCE).await;
    assert!(makes_room(&search, "globex"));
}

#[tokio::test(start_paused = true)]
async fn an_open_circuit_is_only_forgotten_where_none_is_like_new() {
    for n in 0..50 {
        let search = dependency(3);
        trip(&search, "acme");
        advance(PERIOD + PATIENCE).await;
        assert!(makes_room(&search, "idle"));
        assert!(makes_room(&search, "idle too"));
        for newcomer in 0..3 {
            assert!(makes_room(&search, &format!("newcomer {newcomer} of {n}")));
            assert!(has_circuit(&search, "acme"));
        }
        assert_eq!(search.snapshot().forgotten, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_circuit_of_a_policy_that_begins_half_open_may_go() {
    let policy = policy().initial_state(CircuitState::HalfOpen);
    let search = registry(1).dependency_with("search", policy.build().unwrap());
    let search = search.unwrap();
    assert!(makes_room(&search, "acme"));
    assert!(makes_room(&search, "globex"));
    assert_eq!(search.snapshot().half_open, 1);
    acquire(&search, "globex").record(Outcome::Success);
    assert!(!makes_room(&search, "acme"), "one success is not like new");
}

#[tokio::test(start_paused = true)]
async fn a_closed_circuit_of_a_policy_that_begins_half_open_is_forgotten_in_the_end() {
    let policy = policy().initial_state(CircuitState::HalfOpen);
    let search = registry(1).dependency_with("search", policy.build().unwrap());
    let search = search.unwrap();
    acquire(&search, "acme").record(Outcome::Success);
    acquire(&search, "acme").record(Outcome::Success);
    assert_eq!(search.state("acme"), CircuitState::Closed);
    advance(PATIENCE - INSTANT).await;
    assert!(!makes_room(&search, "globex"));
    advance(INSTANT).await;
    assert!(makes_room(&search, "globex"));
    assert_eq!(search.snapshot().forgotten, 1);
}

#[tokio::test(start_paused = true)]
async fn totals_never_fall_when_circuits_go() {
    let search = dependency(4);
    let mut before = Totals::default();
    let mut sent = 0;
    for round in 0..60 {
        let tenant = format!("tenant {round}");
        for _ in 0..3 {
            if let Ok(permit) = search.acquire(&tenant) {
                advance(Duration::from_secs(1)).await;
                permit.record(match round % 5 {
                    0 => Outcome::failure(),
                    1 => Outcome::throttled(),
                    2 => Outcome::Ignored,
                    _ => Outcome::Success,
                });
                sent += u64::from(round % 5 != 2);
            }
            before = not_less(search.snapshot().totals, before);
        }
        let _ = search.acquire(&tenant);
        advance(WINDOW).await;
        before = not_less(search.snapshot().totals, before);
    }
    let snapshot = search.snapshot();
    assert_eq!(snapshot.overflowed, 0);
    assert!(snapshot.forgotten > 0);
    assert!(snapshot.circuits <= 4);
    assert_eq!(snapshot.totals.calls, sent);
    assert_eq!(snapshot.totals.failures, 36);
    assert_eq!(snapshot.totals.throttled, 36);
    assert_eq!(snapshot.totals.ignored, 36);
    assert_eq!(snapshot.totals.rejected, 12);
    assert_eq!(snapshot.totals.opened, 12);
    assert_eq!(snapshot.totals.cancelled, 48);
    assert!(snapshot.totals.time_open >= 12 * PERIOD);
}

fn not_less(now: Totals, before: Totals) -> Totals {
    let figures = |totals: Totals| {
        [
            totals.calls,
            totals.failures,
            totals.throttled,
            totals.ignored,
            totals.cancelled,
            totals.slow,
            totals.rejected,
            totals.would_reject,
            totals.late,
            totals.probes,
            totals.probe_successes,
            totals.probe_failures,
            totals.opened,
        ]
    };
    let pairs = figures(now).into_iter().zip(figures(before));
    assert!(pairs.into_iter().all(|(now, before)| now >= before));
    assert!(now.time_open >= before.time_open);
    now
}

#[tokio::test(start_paused = true)]
async fn an_open_circuit_with_a_permit_out_does_not_keep_another_from_being_forgotten() {
    for n in 0..20 {
        let search = dependency(3);
        let stragglers = [acquire(&search, "a"), acquire(&search, "b")];
        for tenant in ["a", "b", "c"] {
            trip(&search, tenant);
        }
        advance(PERIOD + PATIENCE).await;
        assert!(makes_room(&search, "newcomer"), "{n}");
        assert!(has_circuit(&search, "a") && has_circuit(&search, "b"));
        assert_eq!(search.snapshot().forgotten, 1);
        drop(stragglers);
    }
}

// ===== held for a quota =====

#[tokio::test(start_paused = true)]
async fn the_last_of_calls_in_quick_succession_counts_for_when_a_circuit_is_forgotten() {
    let search = dependency(1);
    acquire(&search, "acme").record(Outcome::QuotaExhausted);
    advance(WINDOW).await;
    for _ in 0..2 {
        assert!(search.acquire("acme").is_err());
        advance(INSTANT).await;
    }
    advance(PATIENCE - 2 * INSTANT).await;
    assert!(!makes_room(&search, "globex"));
    advance(INSTANT).await;
    assert!(makes_room(&search, "globex"));
}

#[tokio::test(start_paused = true)]
async fn a_circuit_that_is_held_for_its_quota_is_forgotten_once_nobody_asks_for_it() {
    let search = dependency(1);
    acquire(&search, "acme").record(Outcome::QuotaExhausted);
    advance(WINDOW).await;
    // Nothing is in its window, and yet it is not like a new one.
    assert!(!makes_room(&search, "newcomer"));
    assert!(search.acquire("acme").is_err());
    advance(PATIENCE - INSTANT).await;
    assert!(!makes_room(&search, "newcomer"));
    // The newcomer that got no circuit asked for its own, and not for this one.
    advance(INSTANT).await;
    assert!(makes_room(&search, "newcomer"));
    assert!(!has_circuit(&search, "acme"));
    assert_eq!(search.snapshot().forgotten, 1);
}

#[tokio::test(start_paused = true)]
async fn a_circuit_that_is_held_for_its_quota_stays_as_long_as_it_is_asked_for() {
    let search = dependency(1);
    acquire(&search, "acme").record(Outcome::QuotaExhausted);
    for _ in 0..10 {
        advance(PATIENCE - INSTANT).await;
        assert!(!makes_room(&search, "newcomer"));
        assert!(search.acquire("acme").is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn patience_with_a_circuit_that_is_held_for_its_quota_begins_with_that() {
    let search = dependency(1);
    let permit = acquire(&search, "acme");
    advance(10 * PATIENCE).await;
    permit.record(Outcome::QuotaExhausted);
    // Or rather with the end of the slot in which that was counted.
    advance(WINDOW / 10 + PATIENCE - INSTANT).await;
    assert!(!makes_room(&search, "newcomer"));
    advance(INSTANT).await;
    assert!(makes_room(&search, "newcomer"));
}

#[tokio::test(start_paused = true)]
async fn what_somebody_forced_pins_a_circuit_that_was_held_for_its_quota() {
    let registry = registry(1);
    let policy = policy().build().unwrap();
    let search = registry.dependency_with("search", policy).unwrap();
    acquire(&search, "acme").record(Outcome::QuotaExhausted);
    registry.tenant("acme").set(Override::ForcedOpen);
    advance(10 * PATIENCE).await;
    assert!(!makes_room(&search, "newcomer"));
    registry.tenant("acme").clear();
    search.circuit("acme").force_open("by hand");
    assert!(!makes_room(&search, "newcomer"));
    search.circuit("acme").clear();
    assert!(makes_room(&search, "newcomer"));
    assert_eq!(search.snapshot().forgotten, 0, "it was like a new one");
}

#[tokio::test(start_paused = true)]
async fn a_circuit_that_is_held_for_its_quota_is_asked_for_under_the_kill_switch_too() {
    let registry = registry(1);
    let policy = policy().build().unwrap();
    let search = registry.dependency_with("search", policy).unwrap();
    acquire(&search, "acme").record(Outcome::QuotaExhausted);
    registry.set(Override::Disabled);
    advance(2 * PATIENCE).await;
    acquire(&search, "acme").record(Outcome::Success);
    registry.clear();
    advance(PATIENCE - INSTANT).await;
    assert!(!makes_room(&search, "newcomer"));
    advance(INSTANT).await;
    assert!(makes_room(&search, "newcomer"));
}

#[tokio::test(start_paused = true)]
async fn patience_with_a_circuit_that_is_held_for_its_quota_outlasts_its_window() {
    let search = dependency(1);
    advance(10 * PATIENCE).await;
    acquire(&search, "acme").record(Outcome::QuotaExhausted);
    // Which begins an empty window.
    let other = policy().window(2 * WINDOW).build().unwrap();
    search.circuit("acme").set_policy(other).unwrap();
    assert!(!makes_room(&search, "newcomer"));
    advance(PATIENCE).await;
    assert!(!makes_room(&search, "newcomer"));
    advance(WINDOW).await;
    assert!(makes_room(&search, "newcomer"));
}
