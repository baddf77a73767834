//! Recovery by synthetic requests: a task per dependency that probes the circuits that calls are turned away from.

mod builder;
mod error;
mod most_wanted;
mod probe;
mod rounds;
mod seat;
mod target;

use std::fmt;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub use self::builder::RecoveryProberBuilder;
pub use self::error::ProberError;
use self::seat::Seat;
pub use self::target::ProbeTarget;
use crate::Dependency;
use crate::sync::Arc;

/// A task that probes the open circuits of a dependency with requests of its own making.
///
/// Without one, an open circuit is probed by the next live call once its period is over, and that call pays if the
/// dependency is still down. A prober asks first, with a request that hurts nobody: a read, a health check, an empty
/// search in the tenant's name. For a dependency whose calls have side effects, bar live calls from probing with
/// [`probe_if`](crate::TenantCircuitBreakerLayer::probe_if) or [`acquire_barred`](Dependency::acquire_barred), and the
/// prober alone brings circuits back.
///
/// # What is probed
///
/// Every [`interval`](RecoveryProberBuilder::interval) it looks for circuits whose open period is over, or which are
/// half-open with a place to spare, be it one that a lost live probe has left. Of those it probes the most wanted,
/// by the calls that they rejected since their open period, or the prober's last probe of them, began; of two that are
/// wanted alike, the one that could have been probed the longer. What nobody asked for is not probed: a circuit from
/// which no call was turned away since it opened is left alone until one is.
///
/// A synthetic probe is a probe like any other: it takes one of the places of
/// [`half_open_max_calls`](crate::PolicyBuilder::half_open_max_calls) (and of `max_in_flight`) under the same lease, is
/// measured by the same latency rules, and its outcome and hints count. It never touches a closed circuit. After a
/// success that leaves the circuit half-open, the next probe of it follows at once, so that `success_threshold`
/// successes take as long as they take, and not as many intervals. After any other outcome the circuit waits until
/// somebody asks for it again.
///
/// Of one circuit there is never more than one synthetic probe at a time, also when one outlives its lease.
///
/// # In a detected outage
///
/// While the dependency is [down for all](crate::OutagePolicy), no circuit is probed on its own: the prober's probes are
/// those of the outage, as many at a time *in all* as `half_open_max_calls` says, each in the name of another tenant:
/// those that were turned away most since the outage's period began. Tenants count too that have no circuit; any other
/// tenant is asked in their stead. A tenant in its own open period, which a hint may have lengthened, is left alone.
/// While a ramp lets the calls of all grow after an outage, circuits are probed again on their own.
///
/// # Overrides
///
/// Nothing is probed that an override forces open or disables, at whatever level; nor anything under the kill switch.
/// Under a dry run probing goes on, by the calls that would have been rejected: the machine runs on in shadow, and
/// what it would do is what it does with its prober.
///
/// # How much
///
/// At most [`concurrency`](RecoveryProberBuilder::concurrency) probes are in the air at once, and no more than that begin
/// at one look, those that follow a success aside. With 1,000 open circuits and the defaults, 4 a second are
/// probed. A probe that takes longer than [`timeout`](RecoveryProberBuilder::timeout) is a failure. So is one that
/// panics, which is said in the log, once; the prober goes on.
///
/// A look costs a few loads while no circuit is open, or in an outage whose period lasts. Otherwise it goes over the
/// circuits of one shard after the other, with a load or two for each under the shard's read lock, lets other tasks
/// run in between, and keeps no more than the `concurrency` that are most wanted.
///
/// # While it is at work
///
/// The warning that no call may probe for three open periods does not come, and
/// [`Probing::IfNoneElse`](crate::Probing::IfNoneElse) bars calls as `No` does: somebody else probes.
///
/// # Its end
///
/// It stops when it is dropped, and its probes with it: theirs are cancelled calls, whose places are free again.
/// It holds neither the registry nor the dependency. When their last handle is dropped, it ends by itself, at once; a
/// closure or a service that it was given and that holds such a handle keeps that from happening until the prober is
/// dropped. A dependency has one prober at a time.
///
/// # Examples
///
/// Writes are never risked for the proof that the dependency is back; a read by the prober is:
///
/// ```
/// use std::time::Duration;
/// use tower_tenant_breaker::{
///     CircuitBreakerRegistry, OpenPeriod, Outcome, Policy, ProbeTarget, Probing, RecoveryProber,
/// };
///
/// async fn read_back(account: &str) -> Result<(), std::io::Error> {
///     // .. asks the ledger for the balance ..
/// #   let _ = account;
///     Ok(())
/// }
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let registry = CircuitBreakerRegistry::builder().build()?;
/// let policy = Policy::builder()
///     .consecutive_failures(1)
///     .open_for(OpenPeriod::fixed(Duration::from_secs(5)))
///     .build()?;
/// let ledger = registry.dependency_with("ledger", policy)?;
///
/// let prober = RecoveryProber::builder(&ledger)
///     .interval(Duration::from_secs(1))
///     .spawn(async |probe: ProbeTarget| match read_back(probe.tenant().unwrap_or("nobody")).await {
///         Ok(()) => Outcome::Success,
///         Err(_) => Outcome::failure(),
///     })?;
///
/// // What the layer does for a request that `probe_if` bars:
/// let transfer = || ledger.acquire_barred("acme", Probing::No);
/// transfer()?.record(Outcome::failure());
/// assert!(transfer().is_err());
/// tokio::time::sleep(Duration::from_secs(10)).await;
/// transfer()?.record(Outcome::Success);
/// drop(prober);
/// # Ok(())
/// # }
/// ```
#[must_use = "a prober stops when it is dropped"]
pub struct RecoveryProber {
    dependency: Arc<str>,
    task: JoinHandle<()>,
    /// Whether the task was seen to have ended: it cannot be awaited twice.
    has_ended: bool,
    /// Dropped, it asks the task to end.
    stop: Option<oneshot::Sender<()>>,
    _seat: Seat,
}

impl RecoveryProber {
    /// A builder with the defaults, for a prober of this dependency.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use tower_tenant_breaker::{CircuitBreakerRegistry, Outcome, RecoveryProber};
    ///
    /// let search = CircuitBreakerRegistry::builder().build()?.dependency("search")?;
    /// let prober = RecoveryProber::builder(&search).spawn(async |_probe| Outcome::Success)?;
    /// # drop(prober);
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder(dependency: &Dependency) -> RecoveryProberBuilder {
        RecoveryProberBuilder::new(dependency.clone())
    }

    /// The name of the dependency.
    #[must_use]
    pub fn dependency(&self) -> &str {
        &self.dependency
    }

    /// Stops it, and waits until its probes are gone too. Dropping it stops them as well, but they may be there for a
    /// moment still.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped has stopped it all the same.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use tower_tenant_breaker::{CircuitBreakerRegistry, Outcome, RecoveryProber};
    /// # let search = CircuitBreakerRegistry::builder().build()?.dependency("search")?;
    /// let prober = RecoveryProber::builder(&search).spawn(async |_probe| Outcome::Success)?;
    /// prober.stop().await;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn stop(mut self) {
        drop(self.stop.take());
        self.stopped().await;
    }

    /// Waits until it has ended by itself, as it does when the dependency is gone, or the runtime.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped changes nothing, and can be made again.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use tower_tenant_breaker::{CircuitBreakerRegistry, Outcome, RecoveryProber};
    /// let registry = CircuitBreakerRegistry::builder().build()?;
    /// let search = registry.dependency("search")?;
    /// let mut prober = RecoveryProber::builder(&search).spawn(async |_probe| Outcome::Success)?;
    /// drop((registry, search));
    /// prober.stopped().await;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn stopped(&mut self) {
        if !self.has_ended {
            // It ends in no other way that anybody could do something about.
            let _ = (&mut self.task).await;
            self.has_ended = true;
        }
    }

    /// Whether it has ended.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.task.is_finished()
    }
}

impl Drop for RecoveryProber {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for RecoveryProber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecoveryProber")
            .field("dependency", &self.dependency)
            .field("is_stopped", &self.is_stopped())
            .finish_non_exhaustive()
    }
}
