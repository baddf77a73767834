//! What callers get in place of an error.
//!
//! Two things can be answered, each by its own closure, so that neither has to ask what the other
//! already knows: a circuit's rejection ([`OnRejection`]), and every other error ([`OnError`]): no
//! tenant, no dependency, and what the inner service says. The layer's type carries both, so that a
//! service with both answered has [`Infallible`] for its error, whichever was set first.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use tower::BoxError;

pub use crate::fallback::{Cause, Fallback, FallbackKeeping, FallbackOnFailure};
use crate::{CircuitOpen, Outcome, Permit, TenantCircuitBreakerLayer};

/// What becomes of a rejected call, and of one that failed. Sealed: [`Propagate`], [`RespondWith`],
/// [`Fallback`] and [`FallbackKeeping`].
pub trait OnRejection<Req, Res>: sealed::Sealed {
    /// What a rejection is to the caller: [`BoxError`], or [`Infallible`] where it is answered.
    type Error;
    /// What is kept of the request while the inner service has it.
    type Kept;
    /// Who is told where something else serves the call: no bytes where there is no fallback.
    #[doc(hidden)]
    type Credit: ToCredit;
    /// The fallback's future.
    type Future: Future<Output = Result<Res, BoxError>>;

    /// Keeps what a fallback on failure will need.
    fn keep(&self, req: &Req) -> Self::Kept;

    /// The answer to a call that the circuit rejected.
    fn rejected(&self, req: Req, open: CircuitOpen) -> Answer<Res, Self::Error, Self::Future>;

    /// The fallback for a call that was admitted and failed. The cause comes back where there is none.
    fn failed(&self, kept: Self::Kept, cause: Cause<Res>) -> Result<Self::Future, Cause<Res>>;
}

/// What becomes of errors that no circuit made. Sealed: [`Propagate`] and [`RespondToError`].
pub trait OnError<Res, Rejected>: sealed::Sealed {
    /// The error of the whole service.
    type Error;

    /// The answer to this error.
    fn answer(&self, error: BoxError) -> Result<Res, Self::Error>;

    /// What is left of a rejection, as the service's error.
    fn rejected(rejected: Rejected) -> Self::Error;
}

/// Who is told that a fallback has served a call.
#[doc(hidden)]
pub trait ToCredit: sealed::Sealed {
    fn of_rejected(open: &CircuitOpen) -> Self;
    /// Records the outcome, since that decides whether there is anything to serve.
    fn of_ended(permit: Permit, outcome: Outcome) -> Self;
    fn serve(&self);
}

/// Nobody.
impl ToCredit for () {
    #[inline]
    fn of_rejected(_open: &CircuitOpen) {}

    #[inline]
    fn of_ended(permit: Permit, outcome: Outcome) {
        permit.record(outcome);
    }

    #[inline]
    fn serve(&self) {}
}

/// An answer that is there, or one that a fallback has yet to find.
#[derive(Debug)]
pub enum Answer<Res, E, F> {
    /// It is there.
    Now(Result<Res, E>),
    /// A fallback is on it.
    Later(F),
}

/// Errors stay errors. The default.
#[derive(Clone, Copy, Debug, Default)]
pub struct Propagate;

impl<Req, Res> OnRejection<Req, Res> for Propagate {
    type Error = BoxError;
    type Kept = ();
    type Credit = ();
    type Future = NoFallback<Res>;

    fn keep(&self, _req: &Req) {}

    fn rejected(&self, _req: Req, open: CircuitOpen) -> Answer<Res, BoxError, NoFallback<Res>> {
        Answer::Now(Err(open.into()))
    }

    fn failed(&self, (): (), cause: Cause<Res>) -> Result<NoFallback<Res>, Cause<Res>> {
        Err(cause)
    }
}

impl<Res, Rejected> OnError<Res, Rejected> for Propagate
where
    Rejected: Into<BoxError>,
{
    type Error = BoxError;

    fn answer(&self, error: BoxError) -> Result<Res, BoxError> {
        Err(error)
    }

    fn rejected(rejected: Rejected) -> BoxError {
        rejected.into()
    }
}

/// Answers a circuit's rejections; made by
/// [`respond_with`](crate::TenantCircuitBreakerLayer::respond_with).
#[derive(Clone, Copy)]
pub struct RespondWith<F>(pub(crate) F);

impl<Req, Res, F> OnRejection<Req, Res> for RespondWith<F>
where
    F: Fn(&CircuitOpen) -> Res,
{
    type Error = Infallible;
    type Kept = ();
    type Credit = ();
    type Future = NoFallback<Res>;

    fn keep(&self, _req: &Req) {}

    fn rejected(&self, _req: Req, open: CircuitOpen) -> Answer<Res, Infallible, NoFallback<Res>> {
        Answer::Now(Ok((self.0)(&open)))
    }

    fn failed(&self, (): (), cause: Cause<Res>) -> Result<NoFallback<Res>, Cause<Res>> {
        Err(cause)
    }
}

/// Answers errors that no circuit made; made by
/// [`respond_to_error`](crate::TenantCircuitBreakerLayer::respond_to_error).
#[derive(Clone, Copy)]
pub struct RespondToError<F>(pub(crate) F);

impl<Res, Rejected, F> OnError<Res, Rejected> for RespondToError<F>
where
    F: Fn(BoxError) -> Res,
{
    type Error = Rejected;

    fn answer(&self, error: BoxError) -> Result<Res, Rejected> {
        Ok((self.0)(error))
    }

    fn rejected(rejected: Rejected) -> Rejected {
        rejected
    }
}

impl<D, E, C, O, G, P, T> TenantCircuitBreakerLayer<D, E, C, O, G, P, T> {
    /// Answers a circuit's rejections with a response.
    ///
    /// Replaces an earlier `respond_with` or fallback. Nothing else is answered: see the table above.
    ///
    /// ```
    /// use tower_tenant_breaker::{
    ///     CircuitBreakerRegistry, CircuitOpen, FixedTenant, TenantCircuitBreakerLayer,
    /// };
    ///
    /// let tools = CircuitBreakerRegistry::builder().build()?.dependency("tools")?;
    /// let layer = TenantCircuitBreakerLayer::new(tools, FixedTenant::new("acme"))
    ///     .respond_with(|open: &CircuitOpen| format!("{} is down, do without it", open.dependency()))
    ///     .respond_to_error(|err| format!("the tool failed: {err}"));
    /// # Ok::<(), tower::BoxError>(())
    /// ```
    pub fn respond_with<Res, F>(
        self,
        respond: F,
    ) -> TenantCircuitBreakerLayer<D, E, C, RespondWith<F>, G, P, T>
    where
        F: Fn(&CircuitOpen) -> Res,
    {
        self.on_rejection(RespondWith(respond))
    }

    /// Answers every error that is not this circuit's rejection with a response: no tenant
    /// ([`MissingTenant`](crate::MissingTenant), [`InvalidTenant`](crate::InvalidTenant)), no dependency
    /// ([`UnknownDependency`](crate::UnknownDependency)), what the inner service says, and a fallback's
    /// own error.
    ///
    /// The classifier judges the inner's error first: a timeout that is answered still was a failure.
    ///
    /// # In a spawned task
    ///
    /// Where `tokio::spawn(async move { service.oneshot(request).await })` says "implementation of `FnOnce` is not
    /// general enough", or "mismatched types: one type is more general than the other", it is a closure over a
    /// [`BoxError`] that it means. A `fn` in its place compiles:
    /// [why](TenantCircuitBreakerLayer#where-a-closure-is-not-general-enough).
    ///
    /// ```
    /// use tower::{BoxError, ServiceBuilder, ServiceExt};
    /// use tower_tenant_breaker::{CircuitBreakerRegistry, ErrIsFailure, FixedTenant, TenantCircuitBreakerLayer};
    ///
    /// fn failed(error: BoxError) -> String {
    ///     format!("the tool failed: {error}")
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), BoxError> {
    /// let tools = CircuitBreakerRegistry::builder().build()?.dependency("tools")?;
    /// let layer = TenantCircuitBreakerLayer::new(tools, FixedTenant::new("acme"))
    ///     .classify(ErrIsFailure)
    ///     .respond_to_error(failed);
    /// let service = ServiceBuilder::new()
    ///     .layer(layer)
    ///     .service_fn(async |_: u32| Err::<String, _>(std::io::Error::other("down")));
    /// let answer = tokio::spawn(async move { service.oneshot(3).await }).await??;
    /// assert_eq!(answer, "the tool failed: down");
    /// # Ok(())
    /// # }
    /// ```
    pub fn respond_to_error<Res, F>(
        self,
        respond: F,
    ) -> TenantCircuitBreakerLayer<D, E, C, O, RespondToError<F>, P, T>
    where
        F: Fn(BoxError) -> Res,
    {
        self.on_error(RespondToError(respond))
    }
}

/// The future of a fallback where there is none. It cannot be made.
pub struct NoFallback<Res> {
    never: Infallible,
    response: PhantomData<fn() -> Res>,
}

impl<Res> Future for NoFallback<Res> {
    type Output = Result<Res, BoxError>;

    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.never {}
    }
}

impl<Res> fmt::Debug for NoFallback<Res> {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.never {}
    }
}

impl<F> fmt::Debug for RespondWith<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RespondWith")
    }
}

impl<F> fmt::Debug for RespondToError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RespondToError")
    }
}

mod sealed {
    use crate::fallback::{Fallback, FallbackKeeping, Served};

    pub trait Sealed {}
    impl Sealed for () {}
    impl Sealed for Served {}
    impl Sealed for super::Propagate {}
    impl<X> Sealed for crate::span::OnSpan<X> {}
    impl<F> Sealed for super::RespondWith<F> {}
    impl<F> Sealed for super::RespondToError<F> {}
    impl<F> Sealed for Fallback<F> {}
    impl<K, F> Sealed for FallbackKeeping<K, F> {}
    #[cfg(feature = "agent")]
    impl Sealed for crate::agent::HandOn {}
}

#[cfg(test)]
mod tests {
    use super::{RespondToError, RespondWith};
    use crate::fallback::{Fallback, FallbackKeeping};
    use crate::probe::ProbeFn;

    #[test]
    fn what_a_layer_is_given_shows_its_name_and_nothing_of_a_closure() {
        let keeping = FallbackKeeping {
            keep: (),
            fallback: (),
        };
        assert_eq!(format!("{keeping:?}"), "FallbackKeeping");
        assert_eq!(format!("{:?}", Fallback(())), "Fallback");
        assert_eq!(format!("{:?}", RespondWith(())), "RespondWith");
        assert_eq!(format!("{:?}", RespondToError(())), "RespondToError");
        assert_eq!(format!("{:?}", ProbeFn(())), "ProbeFn");
    }
}
