use std::error::Error;
use std::fmt;

use crate::CircuitOpen;
use crate::admit::Refusal;

/// A request was not sent. Its source says why: [`CircuitOpen`], [`MissingTenant`](crate::MissingTenant),
/// [`InvalidTenant`](crate::InvalidTenant) or [`UnknownDependency`](crate::UnknownDependency).
///
/// What `reqwest_middleware::Error::Middleware` holds for a call that was not admitted. The errors of
/// reqwest-middleware and of reqwest-retry are transparent: whoever walks the sources of one comes to what
/// lies beneath this wrapper, and never to the wrapper. That is what it is for.
/// [`CircuitOpen::find`] takes the error as it comes, through however many middlewares.
///
/// Printed with `{}` it is "the request was not sent", and not why: ask [`CircuitOpen::find`], or print the chain of
/// sources too.
///
/// reqwest-middleware keeps it in an `anyhow::Error`, which takes a backtrace of every one where
/// `RUST_BACKTRACE` is set. `RUST_LIB_BACKTRACE=0` spares rejections that.
///
/// ```
/// use reqwest_middleware::ClientWithMiddleware;
/// use tower_tenant_breaker::CircuitOpen;
///
/// async fn hits(client: &ClientWithMiddleware) -> Result<String, reqwest_middleware::Error> {
///     match client.get("http://search/").send().await {
///         Ok(response) => Ok(response.text().await?),
///         Err(error) => match CircuitOpen::find(&error) {
///             Some(open) => Ok(format!("none now, ask again in {:?}", open.retry_after())),
///             None => Err(error),
///         },
///     }
/// }
/// ```
pub struct Unsent {
    why: Refusal,
}

impl Unsent {
    pub(super) const fn new(why: Refusal) -> Self {
        Self { why }
    }

    /// The circuit's rejection, if that is why.
    #[must_use]
    pub const fn circuit_open(&self) -> Option<&CircuitOpen> {
        match &self.why {
            Refusal::Open(open) => Some(open),
            Refusal::Error(_) => None,
        }
    }
}

impl fmt::Debug for Unsent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why: &dyn fmt::Debug = match &self.why {
            Refusal::Open(open) => open,
            Refusal::Error(error) => error,
        };
        f.debug_tuple("Unsent").field(why).finish()
    }
}

impl fmt::Display for Unsent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request was not sent")
    }
}

impl Error for Unsent {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(match &self.why {
            Refusal::Open(open) => open,
            Refusal::Error(error) => &**error,
        })
    }
}
