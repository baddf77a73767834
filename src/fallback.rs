//! Answers that are found by doing something else.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;

use tower::BoxError;

use crate::answer::{Answer, OnRejection, ToCredit};
use crate::circuit::Credit;
use crate::{CircuitOpen, Outcome, Permit, TenantCircuitBreakerLayer};

/// Why a fallback is asked.
#[derive(Debug)]
pub enum Cause<Res> {
    /// The circuit rejected the call; the inner service was not touched.
    Rejected(CircuitOpen),
    /// The inner service gave an error, and the classifier did not call it a success.
    Failed(BoxError),
    /// The inner service answered, and the classifier calls the answer a failure or throttled. It is
    /// handed over, so that a fallback without anything better can return it.
    Answered(Res),
}

impl<Res> Cause<Res> {
    /// The call's own result: what it would have come to without a fallback.
    ///
    /// # Errors
    ///
    /// The rejection, or the inner service's error.
    pub fn into_result(self) -> Result<Res, BoxError> {
        match self {
            Self::Rejected(open) => Err(open.into()),
            Self::Failed(error) => Err(error),
            Self::Answered(response) => Ok(response),
        }
    }
}

/// The tenant whose call a fallback serves, where a ledger is kept.
#[doc(hidden)]
#[derive(Debug)]
pub struct Served(Option<Credit>);

impl ToCredit for Served {
    fn of_rejected(open: &CircuitOpen) -> Self {
        Self(open.credit())
    }

    fn of_ended(permit: Permit, outcome: Outcome) -> Self {
        Self(permit.record_for_credit(outcome))
    }

    fn serve(&self) {
        self.0.iter().for_each(Credit::serve);
    }
}

/// Answers rejected calls with the request at hand; made by
/// [`fallback`](crate::TenantCircuitBreakerLayer::fallback).
#[derive(Clone, Copy)]
pub struct Fallback<F>(pub(crate) F);

impl<Req, Res, F, Fut> OnRejection<Req, Res> for Fallback<F>
where
    F: Fn(Req, CircuitOpen) -> Fut,
    Fut: Future<Output = Result<Res, BoxError>>,
{
    type Error = Infallible;
    type Kept = ();
    type Credit = Served;
    type Future = Fut;

    fn keep(&self, _req: &Req) {}

    fn rejected(&self, req: Req, open: CircuitOpen) -> Answer<Res, Infallible, Fut> {
        Answer::Later((self.0)(req, open))
    }

    fn failed(&self, (): (), cause: Cause<Res>) -> Result<Fut, Cause<Res>> {
        Err(cause)
    }
}

/// Answers rejected and failed calls with what was kept of the request; made by
/// [`fallback_keeping`](crate::TenantCircuitBreakerLayer::fallback_keeping) and
/// [`fallback_on_failure`](crate::TenantCircuitBreakerLayer::fallback_on_failure).
#[derive(Clone, Copy)]
pub struct FallbackKeeping<K, F> {
    pub(crate) keep: K,
    pub(crate) fallback: F,
}

/// A [`FallbackKeeping`] that keeps a clone of the request.
pub type FallbackOnFailure<Req, F> = FallbackKeeping<fn(&Req) -> Req, F>;

impl<Req, Res, K, Kept, F, Fut> OnRejection<Req, Res> for FallbackKeeping<K, F>
where
    K: Fn(&Req) -> Kept,
    F: Fn(Kept, Cause<Res>) -> Fut,
    Fut: Future<Output = Result<Res, BoxError>>,
{
    type Error = Infallible;
    type Kept = Kept;
    type Credit = Served;
    type Future = Fut;

    fn keep(&self, req: &Req) -> Kept {
        (self.keep)(req)
    }

    fn rejected(&self, req: Req, open: CircuitOpen) -> Answer<Res, Infallible, Fut> {
        Answer::Later((self.fallback)((self.keep)(&req), Cause::Rejected(open)))
    }

    fn failed(&self, kept: Kept, cause: Cause<Res>) -> Result<Fut, Cause<Res>> {
        Ok((self.fallback)(kept, cause))
    }
}

impl<D, E, C, O, G, P, T> TenantCircuitBreakerLayer<D, E, C, O, G, P, T> {
    /// Answers rejected calls by doing something else with the request. No circuit hears of how that
    /// ends.
    ///
    /// Replaces an earlier `respond_with` or fallback. Dropping the call drops the fallback.
    ///
    /// ```
    /// use tower_tenant_breaker::{
    ///     CircuitBreakerRegistry, CircuitOpen, FixedTenant, TenantCircuitBreakerLayer,
    /// };
    ///
    /// let search = CircuitBreakerRegistry::builder().build()?.dependency("search")?;
    /// let layer = TenantCircuitBreakerLayer::new(search, FixedTenant::new("acme"))
    ///     .fallback(|query: String, _open: CircuitOpen| async move {
    ///         Ok(vec![format!("what the cache has on {query}")])
    ///     });
    /// # Ok::<(), tower::BoxError>(())
    /// ```
    pub fn fallback<Req, Res, F, Fut>(
        self,
        fallback: F,
    ) -> TenantCircuitBreakerLayer<D, E, C, Fallback<F>, G, P, T>
    where
        F: Fn(Req, CircuitOpen) -> Fut,
        Fut: Future<Output = Result<Res, BoxError>>,
    {
        self.on_rejection(Fallback(fallback))
    }

    /// As [`fallback`](Self::fallback), on failures too: [`Cause`] tells which. Clones every request.
    ///
    /// A failure is an answer that the classifier calls a failure or throttled, and any error but those
    /// that it calls a success. So an `Overloaded` from a load shed further in is answered too, although
    /// the circuit ignores it.
    ///
    /// ```
    /// use tower_tenant_breaker::answer::Cause;
    /// use tower_tenant_breaker::{CircuitBreakerRegistry, FixedTenant, TenantCircuitBreakerLayer};
    ///
    /// let models = CircuitBreakerRegistry::builder().build()?.dependency("models")?;
    /// let layer = TenantCircuitBreakerLayer::new(models, FixedTenant::new("acme"))
    ///     .fallback_on_failure(|prompt: String, cause: Cause<String>| async move {
    ///         match cause {
    ///             Cause::Rejected(_) | Cause::Failed(_) => Ok(format!("a smaller model on {prompt}")),
    ///             Cause::Answered(_) => cause.into_result(),
    ///         }
    ///     });
    /// # Ok::<(), tower::BoxError>(())
    /// ```
    pub fn fallback_on_failure<Req, Res, F, Fut>(
        self,
        fallback: F,
    ) -> TenantCircuitBreakerLayer<D, E, C, FallbackOnFailure<Req, F>, G, P, T>
    where
        Req: Clone,
        F: Fn(Req, Cause<Res>) -> Fut,
        Fut: Future<Output = Result<Res, BoxError>>,
    {
        let keep: fn(&Req) -> Req = Req::clone;
        self.on_rejection(FallbackKeeping { keep, fallback })
    }

    /// As [`fallback_on_failure`](Self::fallback_on_failure), for requests that cannot be cloned, or not
    /// cheaply: the first closure says what to keep of each.
    ///
    /// ```
    /// use tower_tenant_breaker::answer::Cause;
    /// use tower_tenant_breaker::{CircuitBreakerRegistry, FixedTenant, TenantCircuitBreakerLayer};
    ///
    /// struct Upload { path: String, body: Vec<u8> }
    ///
    /// let store = CircuitBreakerRegistry::builder().build()?.dependency("store")?;
    /// let layer = TenantCircuitBreakerLayer::new(store, FixedTenant::new("acme"))
    ///     .fallback_keeping(
    ///         |upload: &Upload| upload.path.clone(),
    ///         |path: String, _cause: Cause<String>| async move { Ok(format!("later: {path}")) },
    ///     );
    /// # Ok::<(), tower::BoxError>(())
    /// ```
    pub fn fallback_keeping<Req, Res, K, Kept, F, Fut>(
        self,
        keep: K,
        fallback: F,
    ) -> TenantCircuitBreakerLayer<D, E, C, FallbackKeeping<K, F>, G, P, T>
    where
        K: Fn(&Req) -> Kept,
        F: Fn(Kept, Cause<Res>) -> Fut,
        Fut: Future<Output = Result<Res, BoxError>>,
    {
        self.on_rejection(FallbackKeeping { keep, fallback })
    }
}

impl<F> fmt::Debug for Fallback<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fallback")
    }
}

impl<K, F> fmt::Debug for FallbackKeeping<K, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FallbackKeeping")
    }
}
