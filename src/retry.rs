//! `tower::retry` around the breaker, without retries of calls that were never made.
//!
//! # Retries, budgets and the breaker
//!
//! All three bound what a dependency in trouble has to bear, and none does the others' work. A *retry* repairs
//! a single call, at the price of more load. A *budget* bounds the share of that extra load over all calls: it
//! knows neither tenants nor dependencies, and lets the first attempt of every call through, also to what has
//! been dead for an hour. A *breaker* stops all load, first attempts too, and only that of one tenant to one
//! dependency, while everybody else's calls and retries go on. So they stack: the budget keeps a dependency
//! that stumbles from being pushed over, and the breaker keeps calls away from one that lies there.
//!
//! Which one goes around the other decides what the circuit counts:
//!
//! - **Retry inside the breaker**: a call is one outcome, however many attempts it took. The success after two
//!   failed attempts is a success, and its latency is that of all attempts and of the waits between them. For
//!   circuits that should open when retries no longer help. Nothing is needed of this module.
//! - **Retry outside**: each attempt is an outcome, so the circuit opens after fewer calls, also in the middle
//!   of one. From then on the attempts of a call are rejections. They cost the dependency nothing, but a
//!   policy that retries every error pays for each from its budget, which is then empty for the calls that a
//!   retry would have saved. [`RespectCircuit`] keeps them from it.
//!
//! Where the layer answers rejections ([`respond_with`], a fallback), the retry gets a response, and this
//! module does not see that it was one.
//!
//! [`respond_with`]: crate::TenantCircuitBreakerLayer::respond_with

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};
use tower::retry::Policy;

use crate::policy::check;
use crate::time::{DAY, spread};
use crate::{CircuitOpen, PolicyError};

/// The shortest first wait for a circuit. Each further wait of the same request is at least twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// What waits for a circuit that says nothing of time do not grow beyond.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A retry policy that leaves rejected calls to the circuit, and all others to your own policy.
///
/// For a [`Retry`](tower::retry::Retry) outside the breaker. Your policy is never shown a rejection, a
/// [`CircuitOpen`] anywhere in the error's chain of sources: it neither retries it, nor withdraws from its budget for
/// it, nor backs off longer. Everything else it gets as it came, and it alone clones the requests.
///
/// By itself a rejection is the end of the call, and the error that arrives is the [`CircuitOpen`].
/// [`wait_up_to`](Self::wait_up_to) waits for the circuit instead.
///
/// ```
/// use std::future::{Ready, ready};
/// use std::sync::Arc;
///
/// use tower::retry::Policy;
/// use tower::retry::budget::{Budget, TpsBudget};
/// use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};
/// use tower_tenant_breaker::retry::RespectCircuit;
/// use tower_tenant_breaker::{
///     CircuitBreakerRegistry, CircuitOpen, ErrIsFailure, FixedTenant, TenantCircuitBreakerLayer,
/// };
///
/// /// Retries every error, as long as the budget lasts.
/// #[derive(Clone)]
/// struct Thrifty(Arc<TpsBudget>);
///
/// impl<Req: Clone, Res, E> Policy<Req, Res, E> for Thrifty {
///     type Future = Ready<()>;
///
///     fn retry(&mut self, _: &mut Req, result: &mut Result<Res, E>) -> Option<Ready<()>> {
///         if result.is_ok() {
///             self.0.deposit();
///             return None;
///         }
///         self.0.withdraw().then(|| ready(()))
///     }
///
///     fn clone_request(&mut self, req: &Req) -> Option<Req> {
///         Some(req.clone())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), BoxError> {
/// let search = CircuitBreakerRegistry::builder().build()?.dependency("search")?;
/// let service = ServiceBuilder::new()
///     .retry(RespectCircuit::new(Thrifty(Arc::default())))
///     .layer(TenantCircuitBreakerLayer::new(search.clone(), FixedTenant::new("acme")).classify(ErrIsFailure))
///     .service_fn(async |_query: String| Err::<u32, _>(std::io::Error::other("down")));
///
/// // Five failed attempts open the circuit, and end the call although there is budget left.
/// let error = service.oneshot("shoes".to_owned()).await.unwrap_err();
/// assert!(CircuitOpen::find(&*error).is_some());
/// assert_eq!(search.snapshot().totals.failures, 5);
/// # Ok(())
/// # }
/// ```
///
/// # Which errors it can look into
///
/// Those that lend themselves as `dyn Error`: [`BoxError`](tower::BoxError), which is the error of the breaker and of
/// most of tower. An enum of your own between breaker and retry implements `AsRef<dyn Error + Send + Sync>`, with the
/// rejection as itself or among its sources. A service whose error is `Infallible` does not compile with this policy:
/// it answers rejections, and has none.
#[derive(Clone, Debug)]
pub struct RespectCircuit<P> {
    policy: P,
    /// What is left of the allowance. `Retry` clones its policy for every request, so this is the request's own.
    left: Duration,
    /// The shortest that the next wait may be.
    pause: Duration,
}

impl<P> RespectCircuit<P> {
    /// Hands all but rejections to this policy. Does not wait for circuits.
    pub const fn new(policy: P) -> Self {
        Self {
            policy,
            left: Duration::ZERO,
            pause: FIRST_PAUSE,
        }
    }

    /// Waits for circuits, all waits of one request taking at most so long together: up to 24 h, 0 does not wait.
    ///
    /// A rejected call is made again after its [`retry_after`](CircuitOpen::retry_after), and up to a tenth of it
    /// later, at random, so that those who wait for one circuit do not return in step. Where it is zero (the places
    /// for probes or calls are taken, or the call may not probe), and where it is very short, the waits of a request
    /// last at least 100 ms, 200 ms and so on, doubling up to 10 s, so that nobody spins.
    ///
    /// The call ends with its rejection at once where the circuit is forced open without an end, and where what
    /// is left of the allowance does not reach to the end of the open period. What your policy waits, and how
    /// long the attempts take, is not counted.
    ///
    /// A call that waits holds no permit, and is not counted in [`max_in_flight`]. How many wait is not bounded:
    /// where they are many, or their requests large, bound them further out.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tower_tenant_breaker::retry::RespectCircuit;
    ///
    /// # struct Thrifty;
    /// let patient = RespectCircuit::new(Thrifty).wait_up_to(Duration::from_secs(45))?;
    ///
    /// let error = RespectCircuit::new(Thrifty).wait_up_to(Duration::MAX).err();
    /// assert_eq!(error.as_ref().map(|error| error.field()), Some("wait_up_to"));
    /// # Ok::<(), tower_tenant_breaker::PolicyError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`PolicyError`] for more than 24 h.
    ///
    /// # Panics
    ///
    /// A call that is to wait panics outside of a tokio runtime with timers, as [`tokio::time::sleep`] does.
    ///
    /// [`max_in_flight`]: crate::PolicyBuilder::max_in_flight
    pub fn wait_up_to(mut self, allowance: Duration) -> Result<Self, PolicyError> {
        check(allowance <= DAY, "wait_up_to", allowance, "up to 24 h")?;
        self.left = allowance;
        Ok(self)
    }

    /// How long to wait for the circuit; none where to give up.
    fn wait_for(&mut self, open: &CircuitOpen) -> Option<Duration> {
        let period = open.retry_after()?;
        if self.left.is_zero() || period > self.left {
            return None;
        }
        let wait = spread(period.max(self.pause)).min(self.left);
        self.left -= wait;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Some(wait)
    }
}

impl<P, Req, Res, E> Policy<Req, Res, E> for RespectCircuit<P>
where
    P: Policy<Req, Res, E>,
    E: AsRef<dyn Error + Send + Sync>,
{
    type Future = Wait<P::Future>;

    fn retry(&mut self, req: &mut Req, result: &mut Result<Res, E>) -> Option<Self::Future> {
        let error = result.as_ref().err();
        let state = match error.and_then(|error| CircuitOpen::find(error.as_ref())) {
            Some(open) => State::Circuit {
                sleep: sleep(self.wait_for(open)?),
            },
            None => State::Policy {
                future: self.policy.retry(req, result)?,
            },
        };
        Some(Wait { state })
    }

    fn clone_request(&mut self, req: &Req) -> Option<Req> {
        self.policy.clone_request(req)
    }
}

pin_project! {
    /// The wait before a further attempt: what the policy says, or for the circuit.
    ///
    /// Future of [`RespectCircuit`]. Dropping it drops the call.
    pub struct Wait<F> {
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F> {
        Policy { #[pin] future: F },
        Circuit { #[pin] sleep: Sleep },
    }
}

impl<F> Future for Wait<F>
where
    F: Future<Output = ()>,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.project().state.project() {
            StateProj::Policy { future } => future.poll(cx),
            StateProj::Circuit { sleep } => sleep.poll(cx),
        }
    }
}

// By hand: the futures of few policies have a `Debug`.
impl<F> fmt::Debug for Wait<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.state {
            State::Policy { .. } => "Wait::Policy",
            State::Circuit { .. } => "Wait::Circuit",
        })
    }
}
