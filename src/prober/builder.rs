use std::convert::Infallible;
use std::fmt;
use std::future::{Future, poll_fn};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tower::BoxError;
use tower_service::Service;

use super::probe::{Ask, Begun};
use super::rounds::Rounds;
use super::seat::Seat;
use super::{ProbeTarget, ProberError, RecoveryProber};
use crate::circuit::Stage;
use crate::policy::{PolicyError, check};
use crate::sync::Arc;
use crate::{Classify, Dependency, Outcome};

const HOUR: Duration = Duration::from_secs(60 * 60);
const SHORTEST: Duration = Duration::from_millis(10);
const MOST: usize = 1_024;

/// Builds and spawns a [`RecoveryProber`].
///
/// | field | meaning | default | bounds |
/// |---|---|---|---|
/// | [`interval`](Self::interval) | how often it looks for circuits to probe | 1 s | 10 ms to 1 h |
/// | [`jitter`](Self::jitter) | the share by which a wait is lengthened at most | 0.1 | 0 to 1 |
/// | [`concurrency`](Self::concurrency) | probes in the air at once, and those that begin at one look | 4 | 1 to 1024 |
/// | [`timeout`](Self::timeout) | how long a probe may take | 10 s | over 0, up to 1 h |
#[must_use = "a builder does nothing until its prober is spawned"]
#[derive(Clone)]
pub struct RecoveryProberBuilder {
    dependency: Dependency,
    pace: Pace,
}

/// How often, how many at once, how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub(super) interval: Duration,
    pub(super) jitter: f64,
    pub(super) concurrency: usize,
    pub(super) timeout: Duration,
}

impl RecoveryProberBuilder {
    pub(super) fn new(dependency: Dependency) -> Self {
        Self {
            dependency,
            pace: Pace {
                interval: Duration::from_secs(1),
                jitter: 0.1,
                concurrency: 4,
                timeout: Duration::from_secs(10),
            },
        }
    }

    /// How often it looks for circuits to probe, the first time after one interval.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.pace.interval = interval;
        self
    }

    /// By which share of the interval each wait is lengthened at most, at random, so that the probers of many
    /// dependencies, or processes, do not look in step.
    pub fn jitter(mut self, share: f64) -> Self {
        self.pace.jitter = share;
        self
    }

    /// How many probes may be in the air at once, over all circuits of the dependency. No more than that begin at one
    /// look, those aside that follow at once where a success has left the circuit half-open.
    pub fn concurrency(mut self, probes: usize) -> Self {
        self.pace.concurrency = probes;
        self
    }

    /// How long a probe may take. One that takes longer is dropped, and a failure.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.pace.timeout = timeout;
        self
    }

    /// Spawns a prober that asks by a closure, which says itself what the answer means.
    ///
    /// A panic of the closure or of its future is a failure of that probe.
    ///
    /// # Errors
    ///
    /// [`ProberError`], where a field is out of its bounds, there is no tokio runtime, or the dependency has a prober.
    ///
    /// # Panics
    ///
    /// As [`tokio::time::sleep`], where the runtime has no timer enabled.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::sync::Arc;
    /// use tower_tenant_breaker::{CircuitBreakerRegistry, Outcome, ProbeTarget, RecoveryProber};
    ///
    /// struct Client;
    ///
    /// impl Client {
    ///     async fn ping(&self, tenant: Option<&str>) -> bool {
    ///         // ..
    /// #       tenant.is_some()
    ///     }
    /// }
    ///
    /// let search = CircuitBreakerRegistry::builder().build()?.dependency("search")?;
    /// let client = Arc::new(Client);
    /// let prober = RecoveryProber::builder(&search).concurrency(16).spawn(move |probe: ProbeTarget| {
    ///     let client = Arc::clone(&client);
    ///     async move {
    ///         if client.ping(probe.tenant()).await { Outcome::Success } else { Outcome::failure() }
    ///     }
    /// })?;
    /// # drop(prober);
    /// # Ok(())
    /// # }
    /// ```
    pub fn spawn<F, Fut>(self, probe: F) -> Result<RecoveryProber, ProberError>
    where
        F: Fn(ProbeTarget) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Outcome> + Send + 'static,
    {
        let probe = Arc::new(probe);
        self.begin(move |begun: Begun| {
            let (probe, target) = (Arc::clone(&probe), begun.target());
            // Called within the future: its panic is the probe's.
            let asked = async move { Ok(probe(target).await) };
            Box::pin(begun.run(as_said, asked))
        })
    }

    /// Spawns a prober that asks by a service: the stack of a real client, without the breaker in front of it, after
    /// a `map_request` that makes a request of a [`ProbeTarget`].
    ///
    /// Each probe is a clone's. That it has to wait until the service is ready is part of the probe. A panic of the
    /// service is a failure of that probe; one of the classifier, or of `clone`, says nothing about the dependency.
    ///
    /// # Errors
    ///
    /// As [`spawn`](Self::spawn).
    ///
    /// # Panics
    ///
    /// As [`spawn`](Self::spawn).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use tower::{ServiceBuilder, service_fn};
    /// use tower_tenant_breaker::{
    ///     CircuitBreakerRegistry, ErrIsFailure, ProbeTarget, RecoveryProber,
    /// };
    ///
    /// struct Query { tenant: String, words: String }
    ///
    /// async fn search(query: Query) -> Result<usize, std::io::Error> {
    ///     Ok(query.tenant.len() + query.words.len())
    /// }
    ///
    /// let dependency = CircuitBreakerRegistry::builder().build()?.dependency("search")?;
    /// let client = ServiceBuilder::new()
    ///     .map_request(|probe: ProbeTarget| Query {
    ///         tenant: probe.tenant().unwrap_or_default().to_owned(),
    ///         words: "ping".to_owned(),
    ///     })
    ///     .service_fn(search);
    /// let prober = RecoveryProber::builder(&dependency).spawn_service(client, ErrIsFailure)?;
    /// # drop(prober);
    /// # Ok(())
    /// # }
    /// ```
    pub fn spawn_service<S, C>(self, service: S, classify: C) -> Result<RecoveryProber, ProberError>
    where
        S: Service<ProbeTarget> + Clone + Send + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send,
        C: Classify<S::Response, BoxError> + Send + Sync + 'static,
    {
        let classify = Arc::new(classify);
        self.begin(move |mut begun: Begun| {
            // A panic of `clone` is nobody's outcome.
            begun.permit.stage(Stage::Hook);
            let mut service = service.clone();
            begun.permit.stage(Stage::Waiting);
            let (classify, target) = (Arc::clone(&classify), begun.target());
            let asked = async move {
                poll_fn(|cx| service.poll_ready(cx))
                    .await
                    .map_err(Into::into)?;
                service.call(target).await.map_err(Into::into)
            };
            let judge = move |result: Result<&S::Response, &BoxError>| classify.classify(result);
            Box::pin(begun.run(judge, asked))
        })
    }

    fn begin(self, ask: impl Ask) -> Result<RecoveryProber, ProberError> {
        let Self { dependency, pace } = self;
        pace.check()?;
        let runtime = Handle::try_current().map_err(|_| ProberError::NoRuntime)?;
        let name = Arc::clone(&dependency.context().name);
        let seat = Seat::take(&dependency.context().is_probed)
            .ok_or_else(|| ProberError::AlreadyProbed(dependency.name().to_owned()))?;
        let (stop, stopping) = oneshot::channel();
        let (stays, going) = oneshot::channel();
        let rounds = Rounds {
            dependency: Arc::downgrade(&dependency.inner),
            name: Arc::clone(&name),
            pace,
            ask: Box::new(ask),
            in_the_air: JoinSet::new(),
            newcomers: 0,
            by_newcomers: false,
            said_panicked: false,
            _seat: seat.shared(),
        };
        let first = Box::pin(sleep(pace.wait()));
        drop(dependency.inner.prober.lock().replace(stays));
        Ok(RecoveryProber {
            dependency: name,
            task: runtime.spawn(rounds.run(first, going, stopping)),
            has_ended: false,
            stop: Some(stop),
            _seat: seat,
        })
    }
}

impl Pace {
    fn check(&self) -> Result<(), PolicyError> {
        let Self {
            interval,
            jitter,
            concurrency,
            timeout,
        } = *self;
        check(
            (SHORTEST..=HOUR).contains(&interval),
            "interval",
            interval,
            "from 10 ms to 1 h",
        )?;
        check(
            (0.0..=1.0).contains(&jitter),
            "jitter",
            jitter,
            "from 0 to 1",
        )?;
        check(
            (1..=MOST).contains(&concurrency),
            "concurrency",
            concurrency,
            "from 1 to 1024",
        )?;
        check(
            !timeout.is_zero() && timeout <= HOUR,
            "timeout",
            timeout,
            "over 0 and up to 1 h",
        )
    }

    /// How long until the next look.
    pub(super) fn wait(&self) -> Duration {
        self.interval
            .mul_f64(1.0 + self.jitter * fastrand::f64())
            .max(self.interval)
    }
}

fn as_said(result: Result<&Outcome, &Infallible>) -> Outcome {
    match result {
        Ok(outcome) => *outcome,
        Err(never) => match *never {},
    }
}

impl fmt::Debug for RecoveryProberBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecoveryProberBuilder")
            .field("dependency", &self.dependency.name())
            .field("pace", &self.pace)
            .finish()
    }
}
