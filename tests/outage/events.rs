//! What those who watch are told of an outage.

use std::sync::{Arc, Mutex};

use super::*;
use tower_tenant_breaker::{Event, EventKind, Override};

/// What happened to the dependency as a whole: from, to, reason, down, active, dry run.
type Told = Arc<Mutex<Vec<String>>>;

fn watched(policy: PolicyBuilder) -> (Dependency, Told) {
    let told = Told::default();
    let kept = Arc::clone(&told);
    let observer = move |event: &Event<'_>| {
        if let EventKind::Outage {
            from,
            to,
            down,
            active,
            ..
        } = event.kind
        {
            let Event {
                reason,
                tenant,
                dry_run,
                ..
            } = event;
            assert_eq!((event.dependency, tenant), (Some("search"), &None));
            let reason = reason.unwrap();
            let line = format!("{from} -> {to}: {reason}, {down} of {active}, dry run {dry_run}");
            kept.lock().unwrap().push(line);
        }
    };
    let registry = CircuitBreakerRegistry::builder()
        .observer(observer)
        .build()
        .unwrap();
    let search = registry
        .dependency_with("search", policy.build().unwrap())
        .unwrap();
    succeed(&search, 0..10);
    (search, told)
}

#[tokio::test(start_paused = true)]
async fn its_begin_its_probes_and_its_end_are_told_once() {
    let (search, told) = watched(policy());
    trip(&search, 0..3);
    advance(PERIOD).await;
    record(&search, 5..6, Outcome::failure());
    advance(2 * PERIOD).await;
    heal(&search, 5);
    succeed(&search, 3..10);
    assert_eq!(
        *told.lock().unwrap(),
        [
            "closed -> open: outage, 3 of 10, dry run false",
            "open -> half_open: period_over, 3 of 10, dry run false",
            "half_open -> open: probe_failed, 3 of 10, dry run false",
            "open -> half_open: period_over, 3 of 10, dry run false",
            "half_open -> closed: recovered, 3 of 10, dry run false",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn one_in_a_dry_run_is_told_as_such() {
    let (search, told) = watched(policy());
    search.set(Override::DryRun);
    trip(&search, 0..3);
    assert_eq!(
        *told.lock().unwrap(),
        ["closed -> open: outage, 3 of 10, dry run true"]
    );
}

#[tokio::test(start_paused = true)]
async fn one_that_ends_with_its_policy_is_told_once() {
    let (search, told) = watched(policy());
    succeed(&search, 0..10);
    trip(&search, 0..3);
    search.set_policy(policy().without_outage().build().unwrap());
    succeed(&search, 5..8);
    assert!(search.outage().is_none());
    let told = told.lock().unwrap();
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(told[1], "open -> closed: by_hand, 3 of 10, dry run false");
}
