//! One circuit by hand: what its handle does, and what it says.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::advance;
use tower_tenant_breaker::{
    ByHandError, CircuitBreakerRegistry, CircuitOpen, CircuitState, Dependency, Event, EventKind,
    OpenPeriod, Origin, Outcome, Override, Policy, PolicyBuilder, Reason,
};

const PERIOD: Duration = Duration::from_secs(10);
const NANO: Duration = Duration::from_nanos(1);

/// One failure opens for ten seconds, then twenty, then forty; one success closes.
fn policy() -> PolicyBuilder {
    Policy::builder()
        .consecutive_failures(1)
        .open_for(OpenPeriod::exponential(PERIOD, 8 * PERIOD).jitter(0.0))
        .half_open_max_calls(1)
        .success_threshold(1)
}

fn dependency(policy: PolicyBuilder) -> Dependency {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let policy = policy.build().unwrap();
    registry.dependency_with("search", policy).unwrap()
}

fn rejected(search: &Dependency) -> CircuitOpen {
    let rejection = search.acquire("acme").unwrap_err();
    rejection.circuit_open().unwrap().clone()
}

#[tokio::test(start_paused = true)]
async fn open_creates_the_circuit_and_opens_it_for_the_policy_s_period() {
    let search = dependency(policy());
    let acme = search.circuit("acme");
    assert_eq!(acme.tenant(), "acme");
    acme.open().unwrap();
    assert_eq!(acme.state(), CircuitState::Open);
    assert_eq!(search.len(), 1);
    assert_eq!(search.open_circuits(), ["acme"]);
    let open = rejected(&search);
    assert_eq!(open.reason(), Reason::ByHand);
    assert_eq!(open.retry_after(), Some(PERIOD));
    advance(PERIOD - NANO).await;
    assert_eq!(rejected(&search).retry_after(), Some(NANO));
    advance(NANO).await;
    assert!(search.acquire("acme").unwrap().is_probe());
}

#[tokio::test(start_paused = true)]
async fn open_for_opens_for_as_long_as_it_says_and_lets_probes_begin_then() {
    let search = dependency(policy());
    search.circuit("acme").open_for(7 * PERIOD).unwrap();
    assert_eq!(rejected(&search).retry_after(), Some(7 * PERIOD));
    advance(7 * PERIOD).await;
    assert!(search.acquire("acme").unwrap().is_probe());
}

#[tokio::test(start_paused = true)]
async fn each_opening_by_hand_is_a_new_generation_and_a_new_period() {
    let search = dependency(policy());
    let acme = search.circuit("acme");
    let permit = search.acquire("acme").unwrap();
    acme.open().unwrap();
    let first = acme.snapshot().unwrap().generation;
    permit.record(Outcome::Success);
    assert_eq!(acme.snapshot().unwrap().totals.late, 1);
    acme.open_for(PERIOD).unwrap();
    let second = acme.snapshot().unwrap().generation;
    assert!(second > first);
    assert_eq!(rejected(&search).generation(), second);
    assert_eq!(acme.snapshot().unwrap().totals.opened, 2);
    // A shorter period takes the place of a longer one.
    acme.open_for(NANO).unwrap();
    assert_eq!(rejected(&search).retry_after(), Some(NANO));
}

#[tokio::test(start_paused = true)]
async fn half_open_lets_probes_begin_now_and_is_an_error_when_closed() {
    let search = dependency(policy());
    let acme = search.circuit("acme");
    assert_eq!(acme.half_open(), Err(ByHandError::Closed));
    assert!(search.is_empty());
    drop(search.acquire("acme").unwrap());
    assert_eq!(acme.half_open(), Err(ByHandError::Closed));

    acme.open().unwrap();
    acme.half_open().unwrap();
    assert_eq!(acme.state(), CircuitState::HalfOpen);
    let probe = search.acquire("acme").unwrap();
    assert!(probe.is_probe());
    // Half-open already: nothing changes, the probe stays current.
    acme.half_open().unwrap();
    assert_eq!(rejected(&search).reason(), Reason::HalfOpenFull);
    probe.record(Outcome::Success);
    assert_eq!(acme.state(), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn reset_closes_with_an_empty_window_and_forgets_how_often_it_opened() {
    let search = dependency(policy().consecutive_failures(2));
    let acme = search.circuit("acme");
    acme.reset();
    assert!(search.is_empty());
    acme.open().unwrap();
    acme.open().unwrap();
    assert_eq!(rejected(&search).retry_after(), Some(2 * PERIOD));
    acme.reset();
    assert_eq!(acme.state(), CircuitState::Closed);
    acme.open().unwrap();
    assert_eq!(rejected(&search).retry_after(), Some(PERIOD));

    acme.reset();
    search.acquire("acme").unwrap().record(Outcome::failure());
    acme.reset();
    let window = acme.snapshot().unwrap().window;
    assert_eq!((window.calls, window.consecutive_failures), (0, 0));
    search.acquire("acme").unwrap().record(Outcome::failure());
    assert_eq!(acme.state(), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn would_admit_says_what_the_next_call_gets_and_changes_nothing() {
    let search = dependency(policy());
    let acme = search.circuit("acme");
    assert!(acme.would_admit());
    assert!(search.is_empty());
    acme.open().unwrap();
    assert!(!acme.would_admit());
    assert!(!acme.would_admit(), "asking did not end the period");
    advance(PERIOD).await;
    assert!(acme.would_admit());
    assert_eq!(acme.state(), CircuitState::Open);
    let probe = search.acquire("acme").unwrap();
    assert!(!acme.would_admit());
    drop(probe);
    assert!(acme.would_admit());
    assert_eq!(acme.snapshot().unwrap().totals.rejected, 0);
    acme.reset();
    assert!(acme.would_admit());

    assert!(!search.circuit("").would_admit());
    let search = dependency(policy().initial_state(CircuitState::Open));
    assert!(!search.circuit("acme").would_admit());
    assert!(search.is_empty());
}

#[tokio::test(start_paused = true)]
async fn where_the_map_has_no_room_opening_is_an_error() {
    let registry = CircuitBreakerRegistry::builder().max_tenants(1);
    let registry = registry.build().unwrap();
    let search = registry.dependency("search").unwrap();
    let _guarded = search.acquire("globex").unwrap();
    let acme = search.circuit("acme");
    assert_eq!(acme.open(), Err(ByHandError::NoRoom));
    assert_eq!(acme.open_for(PERIOD), Err(ByHandError::NoRoom));
    assert_eq!(acme.half_open(), Err(ByHandError::Closed));
    assert_eq!(search.len(), 1);
    // Holding it open is an override, and needs no room.
    acme.set(Override::ForcedOpen);
    assert!(search.acquire("acme").is_err());
}

#[tokio::test(start_paused = true)]
async fn an_invalid_tenant_gets_no_circuit_by_hand() {
    let search = dependency(policy());
    for tenant in ["", &"x".repeat(257)] {
        let handle = search.circuit(tenant);
        for refused in [handle.open(), handle.open_for(PERIOD)] {
            let Err(ByHandError::InvalidTenant(invalid)) = refused else {
                panic!("{} bytes were taken", tenant.len());
            };
            assert_eq!(invalid.len(), tenant.len());
        }
        handle.reset();
    }
    assert!(search.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_tenant_that_would_begin_open_can_be_opened_half_way_before_its_first_call() {
    let search = dependency(policy().initial_state(CircuitState::Open));
    search.circuit("acme").half_open().unwrap();
    assert!(search.acquire("acme").unwrap().is_probe());
}

#[tokio::test(start_paused = true)]
async fn what_is_done_by_hand_is_told_as_done_by_hand_once_for_each_change() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let write = Arc::clone(&told);
    let registry = CircuitBreakerRegistry::builder()
        .observer(move |event: &Event<'_>| {
            if let EventKind::Transition { from, to, .. } = event.kind {
                let by = (event.origin, event.reason);
                assert_eq!(by, (Origin::ByHand, Some(Reason::ByHand)));
                let of = (event.dependency, event.tenant);
                assert_eq!(of, (Some("search"), Some("acme")));
                assert!(!event.dry_run);
                write.lock().unwrap().push((event.generation, from, to));
            }
        })
        .build()
        .unwrap();
    let search = registry.dependency("search").unwrap();
    let acme = search.circuit("acme");
    acme.open().unwrap();
    acme.open().unwrap();
    acme.half_open().unwrap();
    acme.half_open().unwrap();
    acme.reset();
    acme.reset();
    use CircuitState::{Closed, HalfOpen, Open};
    let expected = [
        (1, Closed, Open),
        (2, Open, Open),
        (3, Open, HalfOpen),
        (4, HalfOpen, Closed),
    ];
    assert_eq!(*told.lock().unwrap(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_circuit_forgotten_for_one_opened_by_hand_is_told_of() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let write = Arc::clone(&told);
    let registry = CircuitBreakerRegistry::builder()
        .max_tenants(1)
        .observer(move |event: &Event<'_>| {
            if event.kind == EventKind::Forgotten {
                let tenant = event.tenant.map(str::to_owned);
                write.lock().unwrap().push(tenant);
            }
        })
        .build()
        .unwrap();
    let search = registry.dependency("search").unwrap();
    search.circuit("globex").open().unwrap();
    advance(Duration::from_secs(3_600)).await;
    search.circuit("acme").open().unwrap();
    assert_eq!(*told.lock().unwrap(), [Some("globex".to_owned())]);
    assert_eq!(search.snapshot().forgotten, 1);
}

#[test]
fn what_was_wrong_with_a_period_or_an_id_is_the_source_of_the_error() {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let search = registry.dependency("search").unwrap();
    let too_short = search.circuit("acme").open_for(Duration::ZERO);
    let no_id = search.circuit("").open();
    for (error, words) in [(too_short, "open_for"), (no_id, "0 bytes")] {
        let error = error.unwrap_err();
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(source.contains(words), "{error}: {source}");
    }
    let closed = search.circuit("acme").half_open().unwrap_err();
    assert!(std::error::Error::source(&closed).is_none());
}
