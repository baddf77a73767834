//! What a finished call means to its circuit.

use std::time::Duration;

/// What a finished call means to its circuit.
///
/// How long the call took is not part of it: a circuit measures that itself, from the admission to
/// the record, and a call that was slow is slow whatever its outcome.
///
/// ```
/// use std::time::Duration;
/// use tower_tenant_breaker::Outcome;
///
/// let busy = Outcome::throttled().with_retry_after(Duration::from_secs(7));
/// assert_eq!(busy.retry_after(), Some(Duration::from_secs(7)));
/// assert_eq!(Outcome::Success.retry_after(), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The dependency did its work. An answer that only blames the caller (most of HTTP's 4xx) is a
    /// success too: the dependency was there to say so.
    Success,
    /// The dependency failed.
    #[non_exhaustive]
    Failure {
        /// How long the dependency asks to be left alone, from now on.
        retry_after: Option<Duration>,
    },
    /// The dependency refused the call because this tenant sends too much (HTTP 429, gRPC
    /// `RESOURCE_EXHAUSTED`). Counts with the failures for count and rate, and neither lengthens nor
    /// ends a run of consecutive failures.
    #[non_exhaustive]
    Throttled {
        /// How long the dependency asks to be left alone, from now on.
        retry_after: Option<Duration>,
    },
    /// The dependency refused the call because this tenant's quota is used up, and waiting does not help: credit that is
    /// spent, a plan's end.
    ///
    /// Counts as a throttled call, and holds the tenant's circuit open from then on: by an
    /// [override](crate::Override::ForcedOpen) that the circuit sets itself, without an end. Its rejections carry
    /// [`Reason::QuotaExhausted`](crate::Reason::QuotaExhausted), no `retry_after` and no note. Nothing probes meanwhile.
    /// It is lifted by [`CircuitHandle::reset`](crate::CircuitHandle::reset), and by the `reset` of the dependency, of the
    /// tenant and of the registry, after which calls that were sent before are late and set it no more; by
    /// [`CircuitHandle::clear`](crate::CircuitHandle::clear); and by any override of the circuit that is set in its place.
    ///
    /// It is the tenant's own: other tenants are served, and it says nothing of an outage. So it is not set where others
    /// would be held too: on the circuits that several share (calls without a tenant, tenants without room), by a probe
    /// of a dependency that is down for all, and where there is no circuit. Nor is it set by a call that is late; where
    /// somebody's override of the circuit is in force; or where a dry run is on at any level. Such a call is counted as a
    /// throttled one alone, and under [`Disabled`](crate::Override::Disabled) not at all. A probe of a dependency that is
    /// down for all neither ends the outage by it nor lengthens it: its place is free for another.
    ///
    /// A circuit that is held so can be forgotten as an open one can, once its map is full and nobody has called in a
    /// long time: the next call finds the quota as it is then.
    ///
    /// ```
    /// use tower_tenant_breaker::{CircuitBreakerRegistry, Outcome, Policy, Reason};
    ///
    /// let registry = CircuitBreakerRegistry::builder().build()?;
    /// let llm = registry.dependency_with("llm", Policy::default())?;
    /// llm.acquire("acme")?.record(Outcome::QuotaExhausted);
    ///
    /// let rejection = llm.acquire("acme").unwrap_err();
    /// let open = rejection.circuit_open().unwrap();
    /// assert_eq!(open.reason(), Reason::QuotaExhausted);
    /// assert_eq!(open.retry_after(), None);
    /// assert!(llm.acquire("globex").is_ok());
    ///
    /// // Acme has paid.
    /// llm.circuit("acme").reset();
    /// assert!(llm.acquire("acme").is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    QuotaExhausted,
    /// Somebody gave up on the call, and nobody can tell whether the dependency was at fault (gRPC
    /// `CANCELLED`). The same as a permit that is dropped unrecorded: neutral by itself, slow where it lasted
    /// longer than a latency threshold, and a failure where too many come in a row.
    Cancelled,
    /// Says nothing about the dependency, and leaves no trace but a lifetime count.
    Ignored,
}

impl Outcome {
    /// A failure without a hint.
    #[must_use]
    pub const fn failure() -> Self {
        Self::Failure { retry_after: None }
    }

    /// A throttled call without a hint.
    #[must_use]
    pub const fn throttled() -> Self {
        Self::Throttled { retry_after: None }
    }

    /// The same outcome with the dependency's own word for how long to stay away.
    ///
    /// The hint counts from the moment the outcome is recorded, only ever lengthens an open period,
    /// and is capped by [`PolicyBuilder::hint_cap`](crate::PolicyBuilder::hint_cap). A hint of zero
    /// says nothing. Only failed and throttled calls carry one; other outcomes are returned as they are.
    #[must_use]
    pub const fn with_retry_after(self, hint: Duration) -> Self {
        match self {
            Self::Failure { .. } => Self::Failure {
                retry_after: Some(hint),
            },
            Self::Throttled { .. } => Self::Throttled {
                retry_after: Some(hint),
            },
            Self::Success | Self::QuotaExhausted | Self::Cancelled | Self::Ignored => self,
        }
    }

    /// Whether the tenant got nothing from the dependency, and the dependency is why.
    pub(crate) const fn is_bad(&self) -> bool {
        matches!(
            self,
            Self::Failure { .. } | Self::Throttled { .. } | Self::QuotaExhausted
        )
    }

    /// How long the dependency asked to be left alone.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Failure { retry_after } | Self::Throttled { retry_after } => *retry_after,
            Self::Success | Self::QuotaExhausted | Self::Cancelled | Self::Ignored => None,
        }
    }
}

/// Judges finished calls.
///
/// "Only an `Err` is a failure" is a trap: HTTP clients and services report a 503 as `Ok`. So there is
/// no default for response types that this crate does not know.
///
/// Implemented for closures, for [`ErrIsFailure`](crate::ErrIsFailure), and for HTTP responses by
/// [`DefaultClassify`](crate::DefaultClassify). In the middleware `Err` is [`tower::BoxError`], the
/// inner service's error after it was boxed, so that a classifier can walk its sources.
///
/// ```
/// use tower_tenant_breaker::{Classify, Outcome};
///
/// let odd_is_bad = |result: Result<&u32, &std::io::Error>| match result {
///     Ok(n) if n % 2 == 0 => Outcome::Success,
///     _ => Outcome::failure(),
/// };
/// assert_eq!(odd_is_bad.classify(Ok(&3)), Outcome::failure());
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot judge a `Result<{Res}, {Err}>`",
    label = "no way to tell a success from a failure here",
    note = "`DefaultClassify` knows `http::Response` and, with the feature `reqwest-middleware`, \
            `reqwest::Response` alone",
    note = "for any other response say `.classify(ErrIsFailure)` on the layer, or give a closure: \
            `.classify(|result: Result<&Res, &BoxError>| Outcome::Success)`"
)]
pub trait Classify<Res, Err> {
    /// What this result means to the circuit.
    ///
    /// A panic in here is the classifier's own: it reaches the caller, and the call counts as
    /// [`Outcome::Ignored`].
    fn classify(&self, result: Result<&Res, &Err>) -> Outcome;
}

impl<F, Res, Err> Classify<Res, Err> for F
where
    F: Fn(Result<&Res, &Err>) -> Outcome,
{
    fn classify(&self, result: Result<&Res, &Err>) -> Outcome {
        self(result)
    }
}
