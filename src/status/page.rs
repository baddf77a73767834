//! The page.

use bytes::Bytes;

use super::answer::{Answer, of_type};

const PAGE: Bytes = Bytes::from_static(include_bytes!("page.html"));

/// Lets nothing run but the page's own script and style, which it names by their hashes. A test says what to write here
/// when they have changed.
pub(super) const SECURITY_POLICY: &str = "default-src 'none'; script-src 'sha256-VgMuQ4rqkcN2+KSE0v9I91egzd5qw7RAs/rfvxRPltY='; style-src 'sha256-FlPiV0bw74rNTJCaUWntuJEB6FoP0MSj64VKku6cE1o='; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) fn answer() -> Answer {
    of_type("text/html; charset=utf-8", PAGE.into())
}
