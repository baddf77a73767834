use std::task::{Context, Poll, Waker};

use tower::{BoxError, Layer, Service, ServiceExt, service_fn};
use tower_tenant_breaker::impact::{Turn, TurnLayer, Turns};
use tower_tenant_breaker::{CallError, ErrIsFailure, TenantCircuitBreakerLayer};

use super::job::{Fail, Job, Owner, Succeed, job, work};
use super::*;

fn turns(registry: &CircuitBreakerRegistry) -> (u64, bool) {
    let Turns {
        count, at_least, ..
    } = counts(registry).turns;
    (count, at_least)
}

async fn failing_call(search: &Dependency, tenant: &str) {
    let down = async { Err::<(), _>(std::io::Error::other("down")) };
    let failed = search.call(tenant, down).await;
    assert!(matches!(failed, Err(CallError::Inner(_))));
}

#[tokio::test(start_paused = true)]
async fn a_turn_with_several_bad_calls_counts_once() {
    let (registry, search) = search();
    for turn in [17, 18, 17_u64] {
        Turn::scope(turn, async {
            failing_call(&search, "acme").await;
            failing_call(&search, "acme").await;
        })
        .await;
    }
    assert_eq!(turns(&registry), (2, false));
    assert_eq!(figures(counts(&registry)), [6, 6, 0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_turn_whose_calls_are_good_is_not_affected() {
    let (registry, search) = search();
    Turn::scope("17", async { succeed(&search, "acme", 3) }).await;
    Turn::scope("18", async { fail(&search, "acme", 1) }).await;
    Turn::scope("19", async { succeed(&search, "acme", 3) }).await;
    assert_eq!(turns(&registry), (1, false));
}

#[tokio::test(start_paused = true)]
async fn a_bad_call_outside_of_a_turn_is_no_turn() {
    let (registry, search) = search();
    fail(&search, "acme", 3);
    assert_eq!(turns(&registry), (0, false));
}

#[tokio::test(start_paused = true)]
async fn turns_are_exact_up_to_the_bound_and_at_least_beyond_it() {
    let registry = registry(impact().max_turns(3));
    let search = declare(&registry, "search", patient());
    for turn in 0..3_u64 {
        Turn::scope(turn, async { fail(&search, "acme", 1) }).await;
    }
    // One that is known is not one more.
    Turn::scope(0_u64, async { fail(&search, "acme", 1) }).await;
    assert_eq!(turns(&registry), (3, false));
    Turn::scope(3_u64, async { fail(&search, "acme", 1) }).await;
    assert_eq!(turns(&registry), (3, true));
    assert_eq!(counts(&registry).turns.to_string(), "at least 3");
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_was_affected_in_two_dependencies_is_one_of_the_tenant() {
    let registry = registry(impact());
    let search = declare(&registry, "search", patient());
    let models = declare(&registry, "models", patient());
    Turn::scope("17", async {
        fail(&search, "acme", 1);
        fail(&models, "acme", 1);
    })
    .await;
    Turn::scope("18", async { fail(&models, "acme", 1) }).await;
    let report = registry.impact();
    let of_rows = report.rows().iter().map(|row| row.counts.turns.count);
    assert_eq!(of_rows.collect::<Vec<_>>(), [2, 1]);
    assert_eq!(report.per_tenant()[0].counts.turns.count, 2);
}

#[tokio::test(start_paused = true)]
async fn a_turn_is_affected_by_a_rejection_and_by_a_slow_call() {
    let registry = registry(impact());
    let rule = tower_tenant_breaker::LatencyRule::p95(SECOND).min_calls(1_000);
    let search = declare(&registry, "search", strict().latency(rule));
    Turn::scope("slow", async {
        let permit = search.acquire("acme").unwrap();
        pass(2 * SECOND).await;
        permit.record(Outcome::Success);
    })
    .await;
    assert_eq!(turns(&registry), (1, false));
    fail(&search, "acme", 3);
    assert_eq!(turns(&registry), (1, false));
    Turn::scope("rejected", async { reject(&search, "acme", 1) }).await;
    assert_eq!(turns(&registry), (2, false));
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_is_cancelled_still_counts() {
    let registry = registry(impact());
    let search = declare(&registry, "search", patient().abandoned_run(1));
    let hang = search.call("acme", std::future::pending::<Result<(), BoxError>>());
    let turn = Turn::scope("17", async { _ = hang.await });
    assert!(tokio::time::timeout(SECOND, turn).await.is_err());
    assert_eq!(turns(&registry), (1, false));
}

#[tokio::test(start_paused = true)]
async fn a_turn_does_not_follow_into_another_task_unless_it_is_taken_along() {
    let (registry, search) = search();
    let spawned = |turn: Option<Turn>| {
        let search = search.clone();
        tokio::spawn(async move {
            let call = async { fail(&search, "acme", 1) };
            match turn {
                Some(turn) => Turn::scope(turn, call).await,
                None => call.await,
            }
        })
    };
    Turn::scope("17", async { spawned(None).await.unwrap() }).await;
    assert_eq!(turns(&registry), (0, false));
    Turn::scope("17", async { spawned(Turn::current()).await.unwrap() }).await;
    assert_eq!(turns(&registry), (1, false));
}

fn service(
    search: &Dependency,
) -> impl Service<Job, Response = String, Error = BoxError> + Clone + use<> {
    let layer = TenantCircuitBreakerLayer::new(search.clone(), Owner).classify(ErrIsFailure);
    TurnLayer::new(|job: &Job| (!job.tool.is_empty()).then(|| Turn::new(&job.tool)))
        .layer(layer.layer(service_fn(work)))
}

fn of_turn(turn: &str, job: Job) -> Job {
    let tool = turn.to_owned();
    Job { tool, ..job }
}

#[tokio::test(start_paused = true)]
async fn the_layer_finds_the_turn_of_a_request_for_failures_and_for_rejections() {
    let registry = registry(impact());
    let search = declare(&registry, "search", strict());
    let service = service(&search);
    for turn in ["17", "17", "18"] {
        let answer = service.clone().oneshot(of_turn(turn, job("acme", Fail)));
        assert!(answer.await.is_err());
    }
    assert_eq!(turns(&registry), (2, false));
    // The circuit is asked in `call`, before there is a future to poll.
    let rejected = service.clone().oneshot(of_turn("19", job("acme", Succeed)));
    assert!(rejected.await.is_err());
    assert_eq!(turns(&registry), (3, false));
}

/// One that is never ready.
struct Busy;

impl Service<Job> for Busy {
    type Response = String;
    type Error = BoxError;
    type Future = std::future::Pending<Result<String, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Pending
    }

    fn call(&mut self, _: Job) -> Self::Future {
        panic!("it was not ready");
    }
}

#[test]
fn a_layer_of_turns_is_ready_when_what_it_wraps_is() {
    let mut service = TurnLayer::new(|job: &Job| Some(Turn::new(&job.tool))).layer(Busy);
    let mut context = Context::from_waker(Waker::noop());
    assert!(service.poll_ready(&mut context).is_pending());
}

#[tokio::test(start_paused = true)]
async fn a_request_without_a_turn_belongs_to_the_turn_around() {
    let (registry, search) = search();
    let service = service(&search);
    let call = || service.clone().oneshot(of_turn("", job("acme", Fail)));
    assert!(call().await.is_err());
    assert_eq!(turns(&registry), (0, false));
    assert!(Turn::scope("17", call()).await.is_err());
    assert_eq!(turns(&registry), (1, false));
}

#[test]
fn an_id_is_never_shown() {
    let turn = Turn::new("s3cret");
    assert_eq!(format!("{turn:?}"), "Turn { .. }");
}

#[cfg(feature = "http")]
#[test]
fn a_header_names_a_turn_unless_it_is_empty_too_long_or_there_twice() {
    use tower_tenant_breaker::TurnExtractor;
    use tower_tenant_breaker::http::HeaderTurn;

    let of = |values: &[&str]| {
        let mut request = http::Request::new(());
        for value in values {
            let value = http::HeaderValue::from_str(value).unwrap();
            request.headers_mut().append("x-turn-id", value);
        }
        HeaderTurn::new("x-turn-id").turn(&request)
    };
    assert_eq!(of(&["17"]), Some(Turn::new("17")));
    let longest = "7".repeat(256);
    assert_eq!(of(&[&longest]), Some(Turn::new(&longest)));
    assert_eq!(of(&[&"7".repeat(257)]), None);
    assert_eq!(of(&[""]), None);
    assert_eq!(of(&["17", "18"]), None);
    assert_eq!(of(&[]), None);
}
