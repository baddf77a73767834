//! Walking an error and what lies beneath it.

use std::error::Error;
use std::io;
use std::iter;

/// The error itself, then its sources, outermost first.
pub(crate) fn chain<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    iter::successors(Some(error), |error| beneath(*error))
}

fn beneath<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    // Its variants are transparent: each hides the very error that it holds.
    #[cfg(feature = "reqwest-middleware")]
    match error.downcast_ref::<reqwest_middleware::Error>() {
        Some(reqwest_middleware::Error::Middleware(inner)) => return Some(&**inner),
        Some(reqwest_middleware::Error::Reqwest(inner)) => return Some(inner),
        None => {}
    }
    // So is this variant, where nothing was retried.
    #[cfg(feature = "reqwest-retry")]
    if let Some(reqwest_retry::RetryError::Error(inner)) = error.downcast_ref() {
        return Some(inner);
    }
    // `io::Error::source` skips the very error that it was made from, and connectors and bodies
    // put other errors into one.
    match error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref)
    {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use tower::load_shed::error::Overloaded;

    use super::chain;

    #[test]
    fn an_error_inside_an_io_error_is_found() {
        let error = io::Error::other(io::Error::other(Overloaded::new()));
        assert_eq!(chain(&error).count(), 3);
        assert!(chain(&error).any(|error| error.is::<Overloaded>()));
    }

    #[cfg(feature = "reqwest-middleware")]
    #[test]
    fn an_error_inside_one_of_reqwest_middleware_is_found() {
        let error = reqwest_middleware::Error::middleware(Overloaded::new());
        assert!(chain(&error).any(|error| error.is::<Overloaded>()));

        let error = reqwest::Client::new().get("no url").build().unwrap_err();
        let error = reqwest_middleware::Error::Reqwest(error);
        assert!(chain(&error).any(|error| error.is::<reqwest::Error>()));
    }
}
