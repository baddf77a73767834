//! What an unadmitted call gets.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

use crate::CircuitState;
#[cfg(feature = "agent")]
use crate::Probing;
use crate::circuit::{Circuit, Context, Credit, Refusal};
use crate::reason::Reason;
use crate::source_chain::chain;
use crate::sync::Arc;
use crate::tenant::MAX_TENANT_BYTES;

/// A call was rejected by a circuit.
///
/// The error of rejections in [`tower::BoxError`]. Layers further out may wrap it, so look for it with
/// [`CircuitOpen::find`] rather than by a cast of the outermost error.
///
/// It names tenant and dependency through the circuit itself, without a copy. A circuit is not evicted as long
/// as there is an error of it: answer with it, or log it, rather than collect it.
///
/// ```
/// use tower_tenant_breaker::{CircuitBreakerRegistry, CircuitOpen, Policy, Reason};
///
/// let registry = CircuitBreakerRegistry::builder().build()?;
/// let search = registry.dependency_with("search", Policy::default())?;
/// search.force_open("maintenance until noon");
///
/// let error: tower::BoxError = search.acquire("acme").unwrap_err().into();
/// let open = CircuitOpen::find(&*error).unwrap();
/// assert_eq!((open.dependency(), open.tenant()), ("search", Some("acme")));
/// assert_eq!(open.reason(), Reason::Forced);
/// assert_eq!(open.note(), Some("maintenance until noon"));
/// assert_eq!(open.retry_after(), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct CircuitOpen {
    subject: Subject,
    refusal: Refusal,
}

/// Whose call it was. A circuit names tenant and dependency without a copy of either.
#[derive(Clone)]
enum Subject {
    Circuit(Circuit),
    /// A tenant without a circuit of its own, or a call without a tenant.
    Newcomer(Arc<Context>, Option<Box<str>>),
}

impl CircuitOpen {
    pub(crate) fn by(circuit: Circuit, refusal: Refusal) -> Self {
        let subject = Subject::Circuit(circuit);
        Self { subject, refusal }
    }

    pub(crate) fn of_newcomer(
        context: &Arc<Context>,
        tenant: Option<&str>,
        refusal: Refusal,
    ) -> Self {
        let subject = Subject::Newcomer(Arc::clone(context), tenant.map(Into::into));
        Self { subject, refusal }
    }

    /// The tenant; none for a call without one.
    ///
    /// What was extracted from a credential is the keyed hash of it, never the credential.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        match &self.subject {
            Subject::Circuit(circuit) => circuit.tenant(),
            Subject::Newcomer(_, tenant) => tenant.as_deref(),
        }
    }

    /// The dependency.
    #[must_use]
    pub fn dependency(&self) -> &str {
        &self.context().name
    }

    fn context(&self) -> &Context {
        match &self.subject {
            Subject::Circuit(circuit) => &circuit.context,
            Subject::Newcomer(context, _) => context,
        }
    }

    /// As [`reason`](Self::reason), and why the circuit opened where it only waits for probes, or for its share of calls
    /// to grow.
    #[cfg(feature = "agent")]
    pub(crate) fn reason_to_open(&self) -> Reason {
        let Subject::Circuit(circuit) = &self.subject else {
            return self.reason();
        };
        match self.reason() {
            Reason::Barred | Reason::HalfOpenFull => circuit.opened_for(),
            // Otherwise it is the share of all tenants after an outage.
            Reason::Recovering if circuit.is_ramping() => circuit.opened_for(),
            reason => reason,
        }
    }

    /// As [`retry_after`](Self::retry_after), for calls that all probe or all do not; none where the call may not probe and
    /// waits for others that do, or would have to at the period's end.
    #[cfg(feature = "agent")]
    pub(crate) fn retry_after_if_known(&self, probing: Probing) -> Option<Duration> {
        let may_probe = probing != Probing::No && self.reason() != Reason::Barred;
        let is_told = may_probe || self.reason().ends_without_probes();
        self.retry_after().filter(|_| is_told)
    }

    #[cfg(feature = "agent")]
    pub(crate) fn dependency_name(&self) -> Arc<str> {
        Arc::clone(&self.context().name)
    }

    /// Why the call was rejected; for an open circuit, why it opened.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.refusal.reason()
    }

    /// How long until a call may be admitted.
    ///
    /// What is left of the open period, or of the override; none where the circuit is forced open without an end, or held
    /// open since [a quota is used up](crate::Outcome::QuotaExhausted); zero where the places for probes or calls are
    /// taken, or the call may not probe.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.refusal.retry_after()
    }

    /// Since when the dependency is unavailable to the tenant: of a circuit that is open or half-open, when it opened
    /// that had been closed until then, and not when it last opened again; of an override, when it was set; of an
    /// outage, when it began. As it was when the call was rejected.
    ///
    /// None where nobody knows of such an instant: the calls in the air are too many, or the share of calls is still
    /// growing; the policy has circuits begin half-open, and this one has not been open yet.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tower_tenant_breaker::{CircuitBreakerRegistry, Outcome, Policy};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let registry = CircuitBreakerRegistry::builder().build()?;
    /// let search = registry.dependency_with("search", Policy::default())?;
    /// let broke_at = tokio::time::Instant::now();
    /// search.circuit("acme").open_for(Duration::from_secs(60))?;
    ///
    /// // A probe fails, and the circuit opens again.
    /// tokio::time::sleep(Duration::from_secs(60)).await;
    /// search.acquire("acme")?.record(Outcome::failure());
    ///
    /// let rejection = search.acquire("acme").unwrap_err();
    /// assert_eq!(rejection.circuit_open().unwrap().since(), Some(broke_at));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn since(&self) -> Option<Instant> {
        let since = self.refusal.since()?;
        Some(self.context().shared.clock.instant(since))
    }

    /// The generation of the circuit that rejected the call; 0 where the tenant has none.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.refusal.generation()
    }

    /// The state that the tenant's circuit is in; none where it has none.
    pub(crate) fn state(&self) -> Option<CircuitState> {
        match &self.subject {
            Subject::Circuit(circuit) => Some(circuit.state()),
            Subject::Newcomer(..) => None,
        }
    }

    /// Who is to be told when something else serves the call; nobody where no ledger is kept.
    pub(crate) fn credit(&self) -> Option<Credit> {
        match &self.subject {
            Subject::Circuit(circuit) => Credit::of_rejected(circuit),
            Subject::Newcomer(context, tenant) => Credit::of_newcomer(context, tenant.as_deref()),
        }
    }

    /// What the operator said who forced the circuit open.
    #[must_use]
    pub fn note(&self) -> Option<&str> {
        self.refusal.note()
    }

    /// The rejection in an error or in one of its sources, the outermost where there are several.
    #[must_use]
    pub fn find<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Self> {
        chain(error).find_map(|error| error.downcast_ref())
    }
}

impl fmt::Debug for CircuitOpen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitOpen")
            .field("tenant", &self.tenant())
            .field("dependency", &self.dependency())
            .field("reason", &self.reason())
            .field("retry_after", &self.retry_after())
            .finish_non_exhaustive()
    }
}

impl fmt::Display for CircuitOpen {
    // Without the tenant: errors are shown to callers, and to those of others.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "circuit of {:?} is open: {}",
            self.dependency(),
            self.reason()
        )
    }
}

impl Error for CircuitOpen {}

/// A tenant's id that is empty, or longer than [`MAX_TENANT_BYTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidTenant {
    bytes: usize,
}

impl InvalidTenant {
    #[inline]
    pub(crate) fn check(tenant: &str) -> Result<(), Self> {
        let bytes = tenant.len();
        if (1..=MAX_TENANT_BYTES).contains(&bytes) {
            Ok(())
        } else {
            Err(Self { bytes })
        }
    }

    /// The length of the id, in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes
    }

    /// Whether the id is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }
}

impl fmt::Display for InvalidTenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.bytes;
        write!(
            f,
            "the tenant's id has {bytes} bytes, but must have from 1 to {MAX_TENANT_BYTES}"
        )
    }
}

impl Error for InvalidTenant {}

/// Why [`Dependency::acquire`](crate::Dependency::acquire) gave no permit.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Rejection {
    /// The circuit rejected the call.
    Open(CircuitOpen),
    /// The tenant's id is not one.
    InvalidTenant(InvalidTenant),
}

impl Rejection {
    /// The circuit's rejection, if it is one.
    #[must_use]
    pub fn circuit_open(&self) -> Option<&CircuitOpen> {
        match self {
            Self::Open(open) => Some(open),
            Self::InvalidTenant(_) => None,
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(_) => f.write_str("the circuit rejected the call"),
            Self::InvalidTenant(_) => f.write_str("the call has no valid tenant"),
        }
    }
}

impl Error for Rejection {
    // The rejection itself is the source, so that `CircuitOpen::find` comes by it.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Open(open) => Some(open),
            Self::InvalidTenant(invalid) => Some(invalid),
        }
    }
}

impl From<CircuitOpen> for Rejection {
    fn from(open: CircuitOpen) -> Self {
        Self::Open(open)
    }
}

impl From<InvalidTenant> for Rejection {
    fn from(invalid: InvalidTenant) -> Self {
        Self::InvalidTenant(invalid)
    }
}
