//! Synthetic probes: which circuits get them, how many, and what becomes of them.

mod barred;
mod concurrency;
mod demand;
mod errors;
mod order;
mod outage;
mod overrides;
mod panics;
mod places;
mod recovery;
mod service;
mod stopping;
mod timeouts;

use std::cell::Cell;
use std::collections::HashMap;
use std::future::{Future, pending};
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use tokio::time::sleep;
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitState, Dependency, OpenPeriod, Outcome, Policy, PolicyBuilder,
    ProbeTarget, Probing, RecoveryProber, RecoveryProberBuilder,
};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

const SECOND: Duration = Duration::from_secs(1);
const WINDOW: Duration = Duration::from_secs(10);
const PERIOD: Duration = Duration::from_secs(4);
/// So that no test looks in the instant in which the prober does.
const HALF: Duration = Duration::from_millis(500);

/// One failure opens for four seconds; two successes, of two probes at a time, close.
fn policy() -> PolicyBuilder {
    Policy::builder()
        .window(WINDOW)
        .without_failure_rate()
        .consecutive_failures(1)
        .open_for(OpenPeriod::fixed(PERIOD).jitter(0.0))
        .half_open_max_calls(2)
        .success_threshold(2)
}

fn declare(policy: PolicyBuilder) -> Dependency {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let policy = policy.build().unwrap();
    registry.dependency_with("search", policy).unwrap()
}

/// A prober that looks every second, on the second.
fn prober(search: &Dependency) -> RecoveryProberBuilder {
    RecoveryProber::builder(search).interval(SECOND).jitter(0.0)
}

/// Half a second past the look with which so many seconds end.
async fn pass(time: Duration) {
    sleep(time).await;
}

fn trip(search: &Dependency, tenant: &str) {
    search.acquire(tenant).unwrap().record(Outcome::failure());
    assert_eq!(search.state(tenant), CircuitState::Open);
}

fn reject(search: &Dependency, tenant: &str, times: usize) {
    for _ in 0..times {
        // Barred, so that it is no probe where the period is over.
        assert!(search.acquire_barred(tenant, Probing::No).is_err());
    }
}

/// Trips the circuit and has so many calls rejected.
fn want(search: &Dependency, tenant: &str, times: usize) {
    trip(search, tenant);
    reject(search, tenant, times);
}

/// What the synthetic requests go to.
#[derive(Clone)]
struct Upstream(Arc<Mutex<Inner>>);

struct Inner {
    outcome: Outcome,
    /// None where no answer ever comes.
    takes: Option<Duration>,
    asked: Vec<String>,
    in_the_air: HashMap<String, usize>,
    most: usize,
    most_of_one: usize,
}

impl Upstream {
    fn new(outcome: Outcome) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            outcome,
            takes: Some(Duration::ZERO),
            asked: Vec::new(),
            in_the_air: HashMap::new(),
            most: 0,
            most_of_one: 0,
        })))
    }

    fn up() -> Self {
        Self::new(Outcome::Success)
    }

    fn down() -> Self {
        Self::new(Outcome::failure())
    }

    fn taking(self, time: Duration) -> Self {
        self.0.lock().unwrap().takes = Some(time);
        self
    }

    fn hanging(self) -> Self {
        self.0.lock().unwrap().takes = None;
        self
    }

    fn answer(&self, outcome: Outcome) {
        self.0.lock().unwrap().outcome = outcome;
    }

    /// The tenants that were asked for since this was asked last.
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().asked)
    }

    fn in_the_air(&self) -> usize {
        self.0.lock().unwrap().in_the_air.values().sum()
    }

    /// The most requests at once, in all and of one tenant.
    fn most(&self) -> (usize, usize) {
        let inner = self.0.lock().unwrap();
        (inner.most, inner.most_of_one)
    }

    fn ask(&self, target: &ProbeTarget) -> impl Future<Output = Outcome> + Send + 'static + use<> {
        assert_eq!(target.dependency(), "search");
        let tenant = target.tenant().unwrap_or("nobody").to_owned();
        let upstream = self.clone();
        async move {
            let call = InTheAir::begin(upstream, tenant);
            let takes = call.upstream.0.lock().unwrap().takes;
            match takes {
                Some(takes) if takes.is_zero() => {}
                Some(takes) => sleep(takes).await,
                None => pending().await,
            }
            call.upstream.0.lock().unwrap().outcome
        }
    }

    fn spawn(&self, builder: RecoveryProberBuilder) -> RecoveryProber {
        let upstream = self.clone();
        builder.spawn(move |target| upstream.ask(&target)).unwrap()
    }
}

struct InTheAir {
    upstream: Upstream,
    tenant: String,
}

impl InTheAir {
    fn begin(upstream: Upstream, tenant: String) -> Self {
        let mut inner = upstream.0.lock().unwrap();
        inner.asked.push(tenant.clone());
        let of_one = inner.in_the_air.entry(tenant.clone()).or_default();
        *of_one += 1;
        let (of_one, in_all) = (*of_one, inner.in_the_air.values().sum());
        inner.most_of_one = inner.most_of_one.max(of_one);
        inner.most = inner.most.max(in_all);
        drop(inner);
        Self { upstream, tenant }
    }
}

impl Drop for InTheAir {
    fn drop(&mut self) {
        let mut inner = self.upstream.0.lock().unwrap();
        *inner.in_the_air.get_mut(&self.tenant).unwrap() -= 1;
    }
}

thread_local! {
    /// What was said at these levels on this thread, which is this test's own.
    static ERRORS: Cell<usize> = const { Cell::new(0) };
    static WARNINGS: Cell<usize> = const { Cell::new(0) };
}

struct CountLines;

impl<S: Subscriber> Layer<S> for CountLines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        match *event.metadata().level() {
            Level::ERROR => ERRORS.set(ERRORS.get() + 1),
            Level::WARN => WARNINGS.set(WARNINGS.get() + 1),
            _ => {}
        }
    }
}

/// One subscriber for all tests: one for each would race for the interest that the log's places cache.
fn watch_the_log() {
    static WATCHED: Once = Once::new();
    WATCHED.call_once(|| tracing_subscriber::registry().with(CountLines).init());
}
