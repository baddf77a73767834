//! Who may act.

use ::http::request::Parts;
use serde::Serialize;

use super::answer::Problem;
use super::authorise::Authorise;
use super::guard;
use super::token::Token;

/// The longest name of who acts, in bytes.
const LONGEST_NAME: usize = 128;

/// Where actions are asked for.
pub(super) struct Desk {
    authoriser: Box<dyn Authorise>,
    token: Token,
}

#[derive(Serialize)]
pub(super) struct Known<'a> {
    who: String,
    token: &'a str,
}

impl Desk {
    pub(super) fn new(authoriser: impl Authorise) -> Self {
        Self {
            authoriser: Box::new(authoriser),
            token: Token::random(),
        }
    }

    /// Who may act, and with what.
    pub(super) fn who(&self, parts: &Parts) -> Result<Known<'_>, Problem> {
        let who = self.authorised(parts)?;
        let token = self.token.as_str();
        Ok(Known { who, token })
    }

    /// Who asks for an action, from our own page.
    pub(super) fn admit(&self, parts: &Parts) -> Result<String, Problem> {
        let who = self.authorised(parts)?;
        guard::check(parts, &self.token)?;
        Ok(who)
    }

    fn authorised(&self, parts: &Parts) -> Result<String, Problem> {
        let who = self.authoriser.authorise(parts);
        let mut who = who.filter(|who| !who.is_empty()).ok_or_else(|| {
            Problem::forbidden("whoever sent this request is not authorised to act")
        })?;
        let mut ends = (0..=who.len().min(LONGEST_NAME)).rev();
        let end = ends.find(|end| who.is_char_boundary(*end));
        who.truncate(end.unwrap_or_default());
        Ok(who)
    }
}
