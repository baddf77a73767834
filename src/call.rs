//! The decorator: a circuit around a future, without a service.

use std::error::Error;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};

use tower::BoxError;

use crate::circuit::{Credit, Stage};
use crate::{CircuitOpen, Classify, Dependency, ErrIsFailure, Outcome, Permit, Rejection};

impl Dependency {
    /// Awaits a future where the tenant's circuit admits it. An `Err` is a failure, unless it is a
    /// rejection by a circuit or a load shed further in ([`ErrIsFailure`]).
    ///
    /// The circuit is asked when the call is first polled, and the future is not polled before it was
    /// admitted: give it something lazy, as an `async fn`'s future is.
    ///
    /// # Errors
    ///
    /// [`CallError::Rejected`] where the circuit admits no call, and the id of a tenant is invalid;
    /// [`CallError::Inner`] with the future's own error.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped before it is done is a cancelled one: neutral by itself, and a slow call
    /// where it had already taken longer than a latency rule allows.
    ///
    /// ```
    /// use tower_tenant_breaker::{CallError, CircuitBreakerRegistry};
    ///
    /// async fn fetch_hits() -> Result<u32, std::io::Error> {
    ///     Ok(3)
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), tower::BoxError> {
    /// let search = CircuitBreakerRegistry::builder().build()?.dependency("search")?;
    /// match search.call("acme", fetch_hits()).await {
    ///     Ok(hits) => assert_eq!(hits, 3),
    ///     Err(CallError::Rejected(why)) => println!("not even tried: {why}"),
    ///     Err(CallError::Inner(err)) => println!("tried, and failed: {err}"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn call<T, E, F>(&self, tenant: &str, future: F) -> Result<T, CallError<E>>
    where
        F: Future<Output = Result<T, E>>,
        ErrIsFailure: Classify<T, E>,
    {
        self.call_with(tenant, ErrIsFailure, future).await
    }

    /// As [`call`](Self::call), with a classifier of your own.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    ///
    /// ```
    /// use tower_tenant_breaker::{CircuitBreakerRegistry, Outcome};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), tower::BoxError> {
    /// let search = CircuitBreakerRegistry::builder().build()?.dependency("search")?;
    /// let nothing_is_bad = |result: Result<&Vec<u32>, &std::io::Error>| match result {
    ///     Ok(hits) if hits.is_empty() => Outcome::failure(),
    ///     Ok(_) => Outcome::Success,
    ///     Err(_) => Outcome::failure(),
    /// };
    /// let hits = search.call_with("acme", nothing_is_bad, async { Ok(vec![3]) }).await?;
    /// # assert_eq!(hits, [3]);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn call_with<T, E, F, C>(
        &self,
        tenant: &str,
        classify: C,
        future: F,
    ) -> Result<T, CallError<E>>
    where
        F: Future<Output = Result<T, E>>,
        C: Classify<T, E>,
    {
        let permit = self.acquire(tenant).map_err(CallError::Rejected)?;
        permit
            .guard(&classify, future)
            .await
            .map_err(CallError::Inner)
    }

    /// As [`call`](Self::call), and what comes of it where it is rejected or fails is up to `or`. No
    /// circuit hears of how that ends.
    ///
    /// ```
    /// use tower_tenant_breaker::{CallError, CircuitBreakerRegistry};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), tower::BoxError> {
    /// let search = CircuitBreakerRegistry::builder().build()?.dependency("search")?;
    /// let hits = search
    ///     .call_or("acme", async { Err(std::io::Error::other("down")) }, |_why| async { 0 })
    ///     .await;
    /// assert_eq!(hits, 0);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn call_or<T, E, F, Or, Fut>(&self, tenant: &str, future: F, or: Or) -> T
    where
        F: Future<Output = Result<T, E>>,
        ErrIsFailure: Classify<T, E>,
        Or: FnOnce(CallError<E>) -> Fut,
        Fut: Future<Output = T>,
    {
        let (why, credit) = match self.attempt(tenant, future).await {
            Ok(value) => return value,
            Err(failed) => failed,
        };
        let value = or(why).await;
        if let Some(credit) = credit {
            credit.serve();
        }
        value
    }

    /// As [`call`](Self::call), and who is to be told when something else serves the call.
    async fn attempt<T, E, F>(
        &self,
        tenant: &str,
        future: F,
    ) -> Result<T, (CallError<E>, Option<Credit>)>
    where
        F: Future<Output = Result<T, E>>,
        ErrIsFailure: Classify<T, E>,
    {
        let mut permit = self.acquire(tenant).map_err(|rejection| {
            let open = rejection.circuit_open();
            let credit = open.and_then(CircuitOpen::credit);
            (CallError::Rejected(rejection), credit)
        })?;
        let future = pin!(future);
        let (result, outcome) = permit.judge(&ErrIsFailure, future).await;
        let credit = permit.record_for_credit(outcome);
        result.map_err(|error| (CallError::Inner(error), credit))
    }
}

impl Permit {
    /// Awaits the future, and records what the classifier says of its result.
    pub(crate) async fn guard<T, E, F, C>(mut self, classify: &C, future: F) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
        C: Classify<T, E>,
    {
        let future = pin!(future);
        let (result, outcome) = self.judge(classify, future).await;
        self.record(outcome);
        result
    }

    /// Awaits the future, and finds what the classifier says of its result.
    pub(crate) async fn judge<T, E, F, C>(
        &mut self,
        classify: &C,
        mut future: Pin<&mut F>,
    ) -> (Result<T, E>, Outcome)
    where
        F: Future<Output = Result<T, E>>,
        C: Classify<T, E>,
    {
        // A panic that leaves the future is its failure; one that leaves the classifier is not.
        let result = poll_fn(|cx| self.within(|| future.as_mut().poll(cx))).await;
        self.stage(Stage::Hook);
        let outcome = classify.classify(result.as_ref());
        (result, outcome)
    }
}

/// Why [`Dependency::call`] has nothing to give.
///
/// ```
/// use tower_tenant_breaker::{CallError, CircuitBreakerRegistry, CircuitOpen};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), tower::BoxError> {
/// let search = CircuitBreakerRegistry::builder().build()?.dependency("search")?;
/// search.force_open("maintenance");
///
/// let call = search.call("acme", async { Ok::<_, std::io::Error>(3) }).await;
/// let open = call.as_ref().err().and_then(|err| CircuitOpen::find(err));
/// assert!(open.is_some());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub enum CallError<E> {
    /// The call was not admitted, and the future never polled.
    Rejected(Rejection),
    /// The future's own error.
    Inner(E),
}

impl<E> CallError<E>
where
    E: Into<BoxError>,
{
    /// The rejection or the future's error itself, in a box. For an `E` that is no
    /// [`Error`](std::error::Error), as `BoxError` is not.
    pub fn into_box_error(self) -> BoxError {
        match self {
            Self::Rejected(Rejection::Open(open)) => open.into(),
            Self::Rejected(Rejection::InvalidTenant(invalid)) => invalid.into(),
            Self::Inner(error) => error.into(),
        }
    }
}

impl<E> fmt::Display for CallError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rejected(_) => "the call was not admitted",
            Self::Inner(_) => "the call failed",
        })
    }
}

impl<E> Error for CallError<E>
where
    E: Error + 'static,
{
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(match self {
            Self::Rejected(Rejection::Open(open)) => open,
            Self::Rejected(Rejection::InvalidTenant(invalid)) => invalid,
            Self::Inner(error) => error,
        })
    }
}
