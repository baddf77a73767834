use ::http::Request;
use ::http::header::HeaderName;

use super::header_tenant::only_value;
use crate::impact::{Turn, TurnExtractor};

/// The longest value that names a turn, in bytes.
const MAX_BYTES: usize = 256;

/// The turn that a header names: `x-request-id`, or the id of a conversation.
///
/// A value of 1 to 256 bytes, whatever they are. A header that is there twice names none. Nothing is kept of the value
/// but a [hash](Turn#the-id-is-not-kept), so it may be the caller's own; but a caller who makes up a new turn for each
/// call is counted as so many turns.
///
/// ```
/// use http::Request;
/// use tower_tenant_breaker::http::HeaderTurn;
/// use tower_tenant_breaker::impact::{Turn, TurnExtractor};
///
/// # fn main() -> Result<(), http::Error> {
/// let request = Request::get("/").header("x-turn-id", "17").body(())?;
/// assert_eq!(HeaderTurn::new("x-turn-id").turn(&request), Some(Turn::new("17")));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct HeaderTurn {
    name: HeaderName,
}

impl HeaderTurn {
    /// The turn is the value of this header, whose name is written in the program.
    ///
    /// # Panics
    ///
    /// Where the name is not a header's or has upper-case letters in it, as
    /// [`HeaderName::from_static`]. A name that comes from a configuration is made into a `HeaderName`
    /// first, and this from it.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self {
            name: HeaderName::from_static(name),
        }
    }
}

impl From<HeaderName> for HeaderTurn {
    fn from(name: HeaderName) -> Self {
        Self { name }
    }
}

impl<B> TurnExtractor<Request<B>> for HeaderTurn {
    fn turn(&self, req: &Request<B>) -> Option<Turn> {
        let id = only_value(req.headers(), &self.name).ok()?;
        (1..=MAX_BYTES).contains(&id.len()).then(|| Turn::new(id))
    }
}
