//! Law 10: calls that are barred from probing, and the one warning where nobody else comes.

use std::cell::Cell;
use std::sync::Once;
use std::time::Duration;

use tokio::time::advance;
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitState, Dependency, OpenPeriod, Outcome, Permit, Policy,
    PolicyBuilder, Probing, Reason, Rejection,
};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

const PERIOD: Duration = Duration::from_secs(10);
const NANO: Duration = Duration::from_nanos(1);

/// One failure opens, for ten seconds.
fn policy() -> PolicyBuilder {
    Policy::builder()
        .consecutive_failures(1)
        .open_for(OpenPeriod::fixed(PERIOD).jitter(0.0))
}

fn dependency(policy: PolicyBuilder) -> Dependency {
    watch_the_log();
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let policy = policy.build().unwrap();
    registry.dependency_with("search", policy).unwrap()
}

fn opened() -> Dependency {
    let search = dependency(policy());
    search.acquire("acme").unwrap().record(Outcome::failure());
    assert_eq!(search.state("acme"), CircuitState::Open);
    search
}

fn is_barred(acquired: Result<Permit, Rejection>) -> bool {
    acquired.is_err_and(|rejection| {
        let open = rejection.circuit_open().unwrap();
        assert_eq!(open.retry_after(), Some(Duration::ZERO));
        open.reason() == Reason::Barred
    })
}

thread_local! {
    /// Of this thread, which is this test's own.
    static WARNINGS: Cell<usize> = const { Cell::new(0) };
}

struct CountWarnings;

impl<S: Subscriber> Layer<S> for CountWarnings {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if *event.metadata().level() == Level::WARN {
            WARNINGS.set(WARNINGS.get() + 1);
        }
    }
}

/// One subscriber for all tests: one for each would race for the interest that the log's places cache.
fn watch_the_log() {
    static WATCHED: Once = Once::new();
    WATCHED.call_once(|| {
        let log = tracing_subscriber::registry().with(CountWarnings);
        // Who hears of every call has all of them go the long way: in a program with others, those of other tests too.
        log.with(LevelFilter::WARN).init();
    });
}

#[tokio::test(start_paused = true)]
async fn a_barred_call_waits_for_someone_else_s_proof() {
    let search = opened();
    advance(PERIOD).await;
    assert!(is_barred(search.acquire_barred("acme", Probing::No)));
    assert!(is_barred(search.acquire_barred("acme", false.into())));
    assert!(is_barred(
        search.acquire_barred("acme", Probing::IfNoneElse)
    ));
    assert_eq!(search.state("acme"), CircuitState::Open);

    let probe = search.acquire_barred("acme", true.into()).unwrap();
    assert!(probe.is_probe());
    assert!(is_barred(search.acquire_barred("acme", Probing::No)));
    probe.record(Outcome::Success);
    search.acquire("acme").unwrap().record(Outcome::Success);

    assert_eq!(search.state("acme"), CircuitState::Closed);
    assert!(search.acquire_barred("acme", Probing::No).is_ok());
    assert!(search.acquire_barred("acme", Probing::IfNoneElse).is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_barred_call_takes_no_place() {
    let search = dependency(policy().half_open_max_calls(1));
    search.acquire("acme").unwrap().record(Outcome::failure());
    advance(PERIOD).await;
    for _ in 0..10 {
        assert!(is_barred(search.acquire_barred("acme", Probing::No)));
    }
    assert!(search.acquire("acme").unwrap().is_probe());
    assert_eq!(search.snapshot().totals.probes, 1);
    assert_eq!(search.snapshot().totals.rejected, 10);
}

#[tokio::test(start_paused = true)]
async fn before_the_deadline_a_barred_call_is_rejected_as_any_other() {
    let search = opened();
    advance(Duration::from_secs(4)).await;
    let rejection = search.acquire_barred("acme", Probing::No).unwrap_err();
    let open = rejection.circuit_open().unwrap();
    assert_eq!(open.reason(), Reason::ConsecutiveFailures);
    assert_eq!(open.retry_after(), Some(Duration::from_secs(6)));
}

#[tokio::test(start_paused = true)]
async fn if_none_else_probes_once_the_deadline_lies_three_open_periods_back() {
    let search = opened();
    advance(PERIOD + 3 * PERIOD - NANO).await;
    assert!(is_barred(
        search.acquire_barred("acme", Probing::IfNoneElse)
    ));
    advance(NANO).await;
    let probe = search.acquire_barred("acme", Probing::IfNoneElse).unwrap();
    assert!(probe.is_probe());
    assert_eq!(search.state("acme"), CircuitState::HalfOpen);
    probe.record(Outcome::Success);
    let probe = search.acquire_barred("acme", Probing::IfNoneElse).unwrap();
    probe.record(Outcome::Success);
    assert_eq!(search.state("acme"), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_may_probe_makes_if_none_else_wait_three_periods_more() {
    let search = opened();
    advance(2 * PERIOD).await;
    drop(search.acquire("acme").unwrap());
    advance(3 * PERIOD - NANO).await;
    assert!(is_barred(
        search.acquire_barred("acme", Probing::IfNoneElse)
    ));
    advance(NANO).await;
    assert!(search.acquire_barred("acme", Probing::IfNoneElse).is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_three_periods_count_from_where_a_hint_moved_the_deadline() {
    let search = dependency(policy());
    let failed = Outcome::failure().with_retry_after(Duration::from_secs(100));
    search.acquire("acme").unwrap().record(failed);
    advance(Duration::from_secs(100) + 3 * PERIOD - NANO).await;
    assert!(is_barred(
        search.acquire_barred("acme", Probing::IfNoneElse)
    ));
    advance(NANO).await;
    assert!(search.acquire_barred("acme", Probing::IfNoneElse).is_ok());
}

#[tokio::test(start_paused = true)]
async fn three_periods_without_an_admissible_probe_are_warned_of_once() {
    let search = opened();
    advance(PERIOD + 3 * PERIOD - NANO).await;
    assert!(is_barred(search.acquire_barred("acme", Probing::No)));
    assert_eq!(WARNINGS.get(), 0);
    advance(NANO).await;
    for _ in 0..3 {
        assert!(is_barred(search.acquire_barred("acme", Probing::No)));
        assert_eq!(WARNINGS.get(), 1);
        advance(10 * PERIOD).await;
    }
    assert!(search.acquire_barred("acme", Probing::IfNoneElse).is_ok());
    assert_eq!(WARNINGS.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn if_none_else_warns_too_where_it_probes_first() {
    let search = opened();
    advance(4 * PERIOD).await;
    for _ in 0..2 {
        let probe = search.acquire_barred("acme", Probing::IfNoneElse).unwrap();
        probe.record(Outcome::Ignored);
        assert_eq!(WARNINGS.get(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_is_warned_where_calls_that_may_probe_come() {
    let search = opened();
    for _ in 0..10 {
        advance(PERIOD).await;
        search.acquire("acme").unwrap().record(Outcome::Ignored);
        assert!(is_barred(search.acquire_barred("acme", Probing::No)));
    }
    assert_eq!(WARNINGS.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_circuit_that_begins_half_open_waits_three_periods_too() {
    let search = dependency(policy().initial_state(CircuitState::HalfOpen));
    advance(100 * PERIOD).await;
    assert!(is_barred(search.acquire_barred("acme", Probing::No)));
    assert!(is_barred(
        search.acquire_barred("acme", Probing::IfNoneElse)
    ));
    assert_eq!(WARNINGS.get(), 0);
    advance(3 * PERIOD - NANO).await;
    assert!(is_barred(
        search.acquire_barred("acme", Probing::IfNoneElse)
    ));
    assert_eq!(WARNINGS.get(), 0);
    advance(NANO).await;
    assert!(search.acquire_barred("acme", Probing::IfNoneElse).is_ok());
    assert_eq!(WARNINGS.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_circuit_that_begins_open_waits_three_periods_past_its_deadline() {
    let search = dependency(policy().initial_state(CircuitState::Open));
    assert!(search.acquire("acme").is_err());
    advance(4 * PERIOD - NANO).await;
    assert!(is_barred(
        search.acquire_barred("acme", Probing::IfNoneElse)
    ));
    advance(NANO).await;
    assert!(search.acquire_barred("acme", Probing::IfNoneElse).is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_period_of_a_circuit_opened_by_hand_is_the_one_it_was_given() {
    let search = dependency(policy());
    let by_hand = Duration::from_secs(100);
    search.circuit("acme").open_for(by_hand).unwrap();
    advance(4 * by_hand - NANO).await;
    assert!(is_barred(
        search.acquire_barred("acme", Probing::IfNoneElse)
    ));
    advance(NANO).await;
    assert!(search.acquire_barred("acme", Probing::IfNoneElse).is_ok());
}
