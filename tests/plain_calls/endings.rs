//! Good calls that end among others of their slot.

use std::time::Duration;

use tokio::runtime::Builder;
use tokio::time::{Instant, advance};
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitState, Dependency, Outcome, Override, Permit,
};

use super::{
    NANO, PERIOD, SECOND, WINDOW, acquire, dependency, ms, policy, registry, snapshot, warm,
};

// ===== the latency =====

#[tokio::test(start_paused = true)]
async fn a_call_among_fast_ones_is_slow_strictly_over_the_threshold() {
    let policy = policy(ms(100)).window(Duration::from_secs(3_600));
    let built = policy.clone().build().unwrap();
    let threshold = built.latency_threshold(0).unwrap();
    for lasts in [
        threshold * 3 / 4,
        threshold - NANO,
        threshold,
        threshold + NANO,
    ] {
        for last_eighths in 0..=8 {
            let search = dependency(policy.clone());
            warm(&search, 2);
            let permit = acquire(&search);
            let last = lasts * last_eighths / 8;
            advance(lasts - last).await;
            warm(&search, 2);
            advance(last).await;
            permit.record(Outcome::Success);
            let window = snapshot(&search).window;
            let slow = u64::from(lasts > threshold);
            assert_eq!((window.calls, window.slow[0]), (5, slow), "{lasts:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_thresholds_of_many_dependencies_on_one_thread_are_not_mixed_up() {
    let registry = registry();
    let dependencies: Vec<_> = (0..5)
        .map(|n| {
            let policy = policy(ms(4_u64.pow(n))).window(Duration::from_secs(86_400));
            let name = format!("search {n}");
            let policy = policy.build().unwrap();
            registry.dependency_with(&name, policy).unwrap()
        })
        .collect();
    for (n, search) in dependencies.iter().enumerate() {
        for other in &dependencies[n + 1..] {
            let before = snapshot_or_none(search);
            let permit = acquire(search);
            advance(ms(4_u64.pow(n as u32)) * 3 / 2).await;
            warm(search, 2);
            warm(other, 2);
            permit.record(Outcome::Success);
            assert_eq!(snapshot(search).window.slow[0], before + 1, "{n}");
        }
    }
}

fn snapshot_or_none(search: &Dependency) -> u64 {
    let snapshot = search.circuit("acme").snapshot();
    snapshot.map_or(0, |acme| acme.window.slow[0])
}

#[tokio::test(start_paused = true)]
async fn a_threshold_that_is_lowered_while_calls_are_in_the_air_holds_for_them() {
    let search = dependency(policy(Duration::from_secs(60)).window(Duration::from_secs(3_600)));
    warm(&search, 2);
    let [before, after] = [acquire(&search), acquire(&search)];
    advance(SECOND).await;
    before.record(Outcome::Success);
    assert_eq!(snapshot(&search).window.slow[0], 0);
    let lower = policy(ms(100)).window(Duration::from_secs(3_600));
    search.set_policy(lower.build().unwrap());
    after.record(Outcome::Success);
    let window = snapshot(&search).window;
    assert_eq!((window.calls, window.slow[0]), (1, 1));
}

// ===== the slot =====

#[tokio::test(start_paused = true)]
async fn a_call_that_ends_as_its_slot_does_is_in_the_next() {
    for (ends, is_kept) in [(SECOND - NANO, false), (SECOND, true)] {
        let search = dependency(policy(Duration::from_secs(60)));
        advance(ms(900)).await;
        warm(&search, 3);
        advance(ends - ms(900)).await;
        warm(&search, 1);
        advance(WINDOW - ends).await;
        assert_eq!(snapshot(&search).window.calls, u64::from(is_kept));
    }
}

#[tokio::test(start_paused = true)]
async fn a_success_in_a_slot_that_a_failure_began_ends_the_run_and_is_the_last_success() {
    let created = Instant::now();
    let search = dependency(policy(Duration::from_secs(60)));
    warm(&search, 2);
    advance(SECOND).await;
    // Of another tenant, by which the thread knows the slot.
    search.acquire("globex").unwrap().record(Outcome::Success);
    for _ in 0..4 {
        acquire(&search).record(Outcome::failure());
        warm(&search, 2);
    }
    let acme = snapshot(&search);
    assert_eq!(acme.state, CircuitState::Closed);
    assert_eq!(acme.window.consecutive_failures, 0);
    assert_eq!(acme.last_success, Some(created + SECOND));
}

// ===== what concerns more =====

#[tokio::test(start_paused = true)]
async fn a_call_of_an_older_generation_that_ends_well_among_those_of_this_one_is_late() {
    let search = dependency(policy(Duration::from_secs(60)));
    let straggler = acquire(&search);
    for _ in 0..3 {
        acquire(&search).record(Outcome::failure());
    }
    advance(PERIOD).await;
    acquire(&search).record(Outcome::Success);
    assert_eq!(search.state("acme"), CircuitState::Closed);
    warm(&search, 2);
    straggler.record(Outcome::Success);
    let acme = snapshot(&search);
    assert_eq!((acme.window.calls, acme.totals.late), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn what_ends_while_disabled_is_not_recorded_however_well_it_ends() {
    type Change = fn(&CircuitBreakerRegistry, &Dependency);
    let disable: [Change; 4] = [
        |registry, _| registry.set(Override::Disabled),
        |_, search| search.set(Override::Disabled),
        |registry, _| registry.tenant("acme").set(Override::Disabled),
        |_, search| search.circuit("acme").set(Override::Disabled),
    ];
    for (level, disable) in disable.into_iter().enumerate() {
        for dry_run in [false, true] {
            let registry = registry();
            let policy = policy(Duration::from_secs(60)).build().unwrap();
            let search = registry.dependency_with("search", policy).unwrap();
            if dry_run {
                search.circuit("acme").set(Override::DryRun);
            }
            warm(&search, 3);
            let permit = acquire(&search);
            disable(&registry, &search);
            permit.record(Outcome::Success);
            // That of the circuit is nearer than those of its dependency and its tenant, but for the kill switch.
            let is_recorded = dry_run && [1, 2].contains(&level);
            let calls = 3 + u64::from(is_recorded);
            assert_eq!(snapshot(&search).totals.calls, calls, "{level} {dry_run}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_policy_of_the_tenants_own_judges_calls_that_the_dependency_calls_good() {
    let search = dependency(policy(Duration::from_secs(60)).window(Duration::from_secs(3_600)));
    let own = policy(ms(100)).window(Duration::from_secs(3_600));
    search
        .circuit("acme")
        .set_policy(own.build().unwrap())
        .unwrap();
    let permit = acquire(&search);
    advance(SECOND).await;
    warm(&search, 2);
    search.acquire("globex").unwrap().record(Outcome::Success);
    search.acquire("globex").unwrap().record(Outcome::Success);
    permit.record(Outcome::Success);
    let window = snapshot(&search).window;
    assert_eq!((window.calls, window.slow[0]), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn calls_that_end_one_after_another_all_give_their_places_back() {
    let search = dependency(policy(Duration::from_secs(60)).max_in_flight(1));
    warm(&search, 10);
    assert_eq!(snapshot(&search).in_flight, Some(0));
}

#[tokio::test(start_paused = true)]
async fn more_calls_than_a_slot_can_hold_are_all_in_the_totals() {
    let search = dependency(policy(Duration::from_secs(60)));
    warm(&search, 70_000);
    let acme = snapshot(&search);
    assert_eq!(acme.totals.calls, 70_000);
    assert_eq!(acme.window.calls, 70_000 - 32_768);
    assert_eq!(acme.latency.map(|latency| latency.samples), Some(69_901));
}

#[tokio::test(start_paused = true)]
async fn where_the_budget_of_percentiles_is_taken_over_by_another_a_circuit_asks_for_it_again() {
    let registry = CircuitBreakerRegistry::builder().histogram_bytes(200_000);
    let registry = registry.build().unwrap();
    let policy = policy(Duration::from_secs(60)).build().unwrap();
    let search = registry.dependency_with("search", policy).unwrap();
    let samples = |tenant: &str| {
        let latency = search.circuit(tenant).snapshot().unwrap().latency;
        latency.map(|latency| latency.samples)
    };
    let calls = |tenant: &str, calls| {
        for _ in 0..calls {
            search.acquire(tenant).unwrap().record(Outcome::Success);
        }
    };
    calls("acme", 150);
    assert_eq!(samples("acme"), Some(51));
    advance(WINDOW).await;
    calls("globex", 150);
    assert_eq!(samples("globex"), Some(51));
    calls("acme", 5);
    assert_eq!(samples("acme"), None);
    advance(WINDOW).await;
    calls("acme", 150);
    assert_eq!(samples("acme"), Some(51));
}

// ===== clocks =====

#[test]
fn by_a_clock_that_stepped_back_they_are_counted_in_the_newest_slot() {
    let clock = |seconds| {
        let mut builder = Builder::new_current_thread();
        let runtime = builder.enable_time().start_paused(true).build().unwrap();
        runtime.block_on(advance(Duration::from_secs(seconds)));
        runtime
    };
    for threshold in [Some(SECOND), None] {
        let early = clock(0);
        let mut in_force = early.enter();
        let policy = policy(threshold.unwrap_or(SECOND));
        let search = dependency(if threshold.is_some() {
            policy
        } else {
            policy.without_latency()
        });
        // Its calls never take the short path.
        let own = search.policy();
        search.circuit("own").set_policy((*own).clone()).unwrap();
        let calls = |calls| {
            for tenant in ["acme", "own"].repeat(calls) {
                search.acquire(tenant).unwrap().record(Outcome::Success);
            }
        };
        let begin = || ["acme", "own"].map(|tenant| search.acquire(tenant).unwrap());
        let end = |permits: [Permit; 2]| permits.map(|permit| permit.record(Outcome::Success));
        calls(3);
        let begun_early = begin();
        drop(in_force);
        let late = clock(5 * 86_400);
        in_force = late.enter();
        calls(3);
        let begun_late = begin();
        end(begun_early);
        drop(in_force);
        in_force = early.enter();
        calls(3);
        end(begun_late);
        calls(3);
        drop(in_force);
        in_force = late.enter();
        calls(3);
        for tenant in ["acme", "own"] {
            let circuit = search.circuit(tenant).snapshot().unwrap();
            let slow = u64::from(threshold.is_some());
            assert_eq!(
                (circuit.window.calls, circuit.window.slow[0]),
                (14, slow),
                "{tenant}"
            );
            assert_eq!(circuit.totals.calls, 17);
        }
        drop(in_force);
    }
}
