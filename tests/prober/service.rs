//! A tower service that is probed with.

use std::task::{self, Poll};

use tower::{BoxError, Service, ServiceBuilder};
use tower_tenant_breaker::{Classify, ErrIsFailure};

use super::*;

/// Ready after a second, and then no more until it was called: whoever calls it otherwise is told.
struct Client {
    upstream: Upstream,
    ready: Option<std::pin::Pin<Box<tokio::time::Sleep>>>,
    is_ready: bool,
    panics: Panics,
}

#[derive(Clone, Copy, PartialEq)]
enum Panics {
    Never,
    InReadiness,
    InCall,
    InClone,
}

impl Clone for Client {
    fn clone(&self) -> Self {
        assert!(self.panics != Panics::InClone, "on purpose");
        Self::new(&self.upstream, self.panics)
    }
}

impl Client {
    fn new(upstream: &Upstream, panics: Panics) -> Self {
        Self {
            upstream: upstream.clone(),
            ready: None,
            is_ready: false,
            panics,
        }
    }
}

type Answer = std::pin::Pin<Box<dyn Future<Output = Result<String, BoxError>> + Send>>;

impl Service<ProbeTarget> for Client {
    type Response = String;
    type Error = BoxError;
    type Future = Answer;

    fn poll_ready(&mut self, cx: &mut task::Context<'_>) -> Poll<Result<(), BoxError>> {
        assert!(self.panics != Panics::InReadiness, "on purpose");
        let ready = self.ready.get_or_insert_with(|| Box::pin(sleep(SECOND)));
        let polled = ready.as_mut().poll(cx);
        self.is_ready = polled.is_ready();
        polled.map(Ok)
    }

    fn call(&mut self, target: ProbeTarget) -> Answer {
        assert!(self.panics != Panics::InCall, "on purpose");
        assert!(
            std::mem::take(&mut self.is_ready),
            "called before it was ready"
        );
        let answer = self.upstream.ask(&target);
        Box::pin(async move {
            match answer.await {
                Outcome::Success => Ok(target.dependency().to_owned()),
                outcome => Err(format!("{outcome:?}").into()),
            }
        })
    }
}

async fn probed_by<C>(upstream: &Upstream, panics: Panics, classify: C) -> Dependency
where
    C: Classify<String, BoxError> + Send + Sync + 'static,
{
    let search = declare(policy());
    let client = Client::new(upstream, panics);
    let prober = prober(&search).spawn_service(client, classify).unwrap();
    want(&search, "acme", 1);
    pass(PERIOD + 3 * SECOND + HALF).await;
    assert!(!prober.is_stopped());
    search
}

#[tokio::test(start_paused = true)]
async fn each_probe_is_one_of_a_fresh_clone_that_is_ready() {
    let upstream = Upstream::up();
    let search = probed_by(&upstream, Panics::Never, ErrIsFailure).await;
    assert_eq!(upstream.asked(), ["acme", "acme"]);
    assert_eq!(search.state("acme"), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn the_classifier_says_what_an_answer_means() {
    let search = probed_by(&Upstream::down(), Panics::Never, ErrIsFailure).await;
    assert_eq!(search.snapshot().totals.probe_failures, 1);
    let throttled = |_: Result<&String, &BoxError>| Outcome::throttled();
    let search = probed_by(&Upstream::up(), Panics::Never, throttled).await;
    assert_eq!(search.snapshot().totals.throttled, 1);
    let ignored = |result: Result<&String, &BoxError>| {
        assert_eq!(result.unwrap(), "search");
        Outcome::Ignored
    };
    let search = probed_by(&Upstream::up(), Panics::Never, ignored).await;
    assert_eq!(search.snapshot().totals.ignored, 1);
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_service_is_a_failure() {
    for panics in [Panics::InReadiness, Panics::InCall] {
        let search = probed_by(&Upstream::up(), panics, ErrIsFailure).await;
        assert_eq!(search.snapshot().totals.probe_failures, 1);
        assert_eq!(search.state("acme"), CircuitState::Open);
    }
}

#[tokio::test(start_paused = true)]
async fn one_of_the_classifier_or_of_clone_says_nothing_about_the_dependency() {
    let panics = |_: Result<&String, &BoxError>| -> Outcome { panic!("on purpose") };
    let by_classifier = probed_by(&Upstream::up(), Panics::Never, panics).await;
    let by_clone = probed_by(&Upstream::up(), Panics::InClone, ErrIsFailure).await;
    for search in [by_classifier, by_clone] {
        let totals = search.snapshot().totals;
        assert_eq!((totals.probe_failures, totals.ignored), (0, 1));
        assert_eq!(search.state("acme"), CircuitState::HalfOpen);
        // The places are free.
        let live = [search.acquire("acme"), search.acquire("acme")];
        assert!(live.iter().all(Result::is_ok));
    }
}

#[tokio::test(start_paused = true)]
async fn that_it_is_not_ready_in_time_is_a_failure() {
    let search = declare(policy());
    let client = Client::new(&Upstream::up(), Panics::Never);
    let _prober = prober(&search)
        .timeout(HALF)
        .spawn_service(client, ErrIsFailure)
        .unwrap();
    want(&search, "acme", 1);
    pass(PERIOD + SECOND).await;
    assert_eq!(search.snapshot().totals.probe_failures, 1);
}

#[tokio::test(start_paused = true)]
async fn a_real_client_s_stack_can_be_probed() {
    let search = declare(policy());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let stack = ServiceBuilder::new()
        .map_request(|target: ProbeTarget| format!("GET /ping for {:?}", target.tenant()))
        .timeout(SECOND)
        .service_fn({
            let asked = Arc::clone(&asked);
            move |request: String| {
                asked.lock().unwrap().push(request);
                async { Ok::<_, BoxError>("pong") }
            }
        });
    let _prober = prober(&search).spawn_service(stack, ErrIsFailure).unwrap();
    want(&search, "acme", 1);
    pass(PERIOD + HALF).await;
    assert_eq!(search.state("acme"), CircuitState::Closed);
    assert_eq!(*asked.lock().unwrap(), [r#"GET /ping for Some("acme")"#; 2]);
}
