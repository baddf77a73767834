//! How each probe ended.

use tower_tenant_breaker::{LatencyRule, OutagePolicy};

use super::*;

/// How the probes ended that were told of, and their generations.
fn probes(told: &[OwnedEvent]) -> Vec<(Outcome, bool, u64)> {
    let ended = |event: &OwnedEvent| match event.kind {
        EventKind::Probe { outcome, slow, .. } => Some((outcome, slow, event.generation)),
        _ => None,
    };
    told.iter().filter_map(ended).collect()
}

/// Half-open, and nothing that was told before is left.
async fn half_open(search: &Dependency, events: &mut Events) {
    trip(search);
    advance(PERIOD).await;
    record(search, Outcome::Ignored);
    take(events);
}

#[tokio::test(start_paused = true)]
async fn each_end_is_told_before_what_it_leads_to() {
    let hint = Duration::from_secs(1);
    let ends = [
        (Outcome::Ignored, vec!["probe"]),
        (Outcome::Cancelled, vec!["probe"]),
        (Outcome::Success, vec!["probe"]),
        (Outcome::failure(), vec!["probe", "transition"]),
        (
            Outcome::throttled().with_retry_after(hint),
            vec!["probe", "transition"],
        ),
    ];
    for (outcome, expected) in ends {
        let (_registry, search, mut events) = subscribed();
        half_open(&search, &mut events).await;
        record(&search, outcome);
        let told = take(&mut events);
        assert_eq!(probes(&told), [(outcome, false, 2)]);
        let kinds: Vec<_> = told.iter().map(|event| event.kind.as_str()).collect();
        assert_eq!(kinds, expected, "{outcome:?}");
        let probe = &told[0];
        assert_eq!(probe.tenant.as_deref(), Some("acme"));
        assert_eq!(probe.dependency.as_deref(), Some("search"));
        assert_eq!((probe.origin, probe.reason), (Origin::Automatic, None));
        assert_eq!((probe.at, probe.dry_run), (Instant::now(), false));
    }
}

#[tokio::test(start_paused = true)]
async fn the_success_that_closes_is_told_before_that() {
    let (_registry, search, mut events) = subscribed();
    half_open(&search, &mut events).await;
    record(&search, Outcome::Success);
    record(&search, Outcome::Success);
    let told = take(&mut events);
    assert_eq!(generations(&told), [2, 2, 3]);
    assert_eq!(probes(&told), [(Outcome::Success, false, 2); 2]);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_dropped_is_cancelled() {
    let (_registry, search, mut events) = subscribed();
    half_open(&search, &mut events).await;
    drop(search.acquire("acme").unwrap());
    let told = take(&mut events);
    assert_eq!(probes(&told), [(Outcome::Cancelled, false, 2)]);
}

#[tokio::test(start_paused = true)]
async fn one_is_slow_over_the_largest_threshold() {
    let rule = |millis| LatencyRule::p99(Duration::from_millis(millis));
    let policy = policy()
        .latency(rule(100))
        .latency(rule(1_000))
        .build()
        .unwrap();
    let largest = policy.latency_threshold(1);
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let search = registry.dependency_with("search", policy).unwrap();
    let mut events = registry.subscribe();
    half_open(&search, &mut events).await;
    for (lasts, is_slow) in [
        (largest.unwrap(), false),
        (largest.unwrap() + Duration::from_nanos(1), true),
    ] {
        let permit = search.acquire("acme").unwrap();
        advance(lasts).await;
        permit.record(Outcome::Success);
        let told = take(&mut events);
        assert_eq!(probes(&told), [(Outcome::Success, is_slow, 2)]);
    }
    assert_eq!(search.state("acme"), CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_the_end_of_a_probe_of_this_generation_is_not_told_as_one() {
    let (_registry, search, mut events) = subscribed();
    let straggler = search.acquire("acme").unwrap();
    half_open(&search, &mut events).await;
    straggler.record(Outcome::Success);
    let (late, failed) = (
        search.acquire("acme").unwrap(),
        search.acquire("acme").unwrap(),
    );
    failed.record(Outcome::failure());
    take(&mut events);
    late.record(Outcome::Success);
    assert_eq!(probes(&take(&mut events)), []);
    search.circuit("acme").reset();
    record(&search, Outcome::Success);
    record(&search, Outcome::failure());
    assert_eq!(probes(&take(&mut events)), []);
    assert_eq!(search.snapshot().totals.late, 2);
}

#[tokio::test(start_paused = true)]
async fn one_that_ends_while_nothing_is_recorded_is_not_told() {
    let (registry, search, mut events) = subscribed();
    half_open(&search, &mut events).await;
    let probe = search.acquire("acme").unwrap();
    registry.set(Override::Disabled);
    probe.record(Outcome::Success);
    assert_eq!(kinds(&mut events), ["override"]);
}

#[tokio::test(start_paused = true)]
async fn in_a_dry_run_they_are_told_as_such() {
    let (_registry, search, mut events) = subscribed();
    half_open(&search, &mut events).await;
    search.set(Override::DryRun);
    record(&search, Outcome::Success);
    let told = take(&mut events);
    assert_eq!(probes(&told), [(Outcome::Success, false, 2)]);
    assert!(told.last().unwrap().dry_run);
}

#[tokio::test(start_paused = true)]
async fn one_whose_place_was_given_away_is_told_when_it_ends() {
    let (_registry, search, mut events) = subscribed();
    half_open(&search, &mut events).await;
    let probe = search.acquire("acme").unwrap();
    advance(Duration::from_secs(600)).await;
    probe.record(Outcome::failure());
    let told = take(&mut events);
    assert_eq!(probes(&told), [(Outcome::failure(), false, 2)]);
}

#[tokio::test(start_paused = true)]
async fn those_of_an_outage_are_told_without_a_tenant() {
    let outage = OutagePolicy::default()
        .min_tenants(2)
        .min_share(0.01)
        .open_for(OpenPeriod::fixed(PERIOD).jitter(0.0));
    let policy = policy().outage(outage).build().unwrap();
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let search = registry.dependency_with("search", policy).unwrap();
    for tenant in ["globex", "initech"] {
        for outcome in [Outcome::Success, Outcome::failure(), Outcome::failure()] {
            search.acquire(tenant).unwrap().record(outcome);
        }
    }
    assert!(search.outage().is_some());
    advance(PERIOD).await;
    let mut events = registry.subscribe();
    record(&search, Outcome::failure());
    let told = take(&mut events);
    let kinds: Vec<_> = told.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["outage", "probe", "outage"]);
    assert!(told.iter().all(|event| event.tenant.is_none()));
    assert_eq!(probes(&told), [(Outcome::failure(), false, 2)]);
}
