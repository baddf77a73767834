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
}
