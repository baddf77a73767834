//! The token by which a request shows that it was made by somebody who could read what this service answers.

use std::fmt;
use std::hint::black_box;

const DIGITS: usize = 32;

/// 128 random bits.
pub(super) struct Token(String);

impl Token {
    /// # Panics
    ///
    /// Where the system has no random bytes.
    pub(super) fn random() -> Self {
        let mut bytes = [0; DIGITS / 2];
        let filled = getrandom::fill(&mut bytes);
        filled.expect("the system has random bytes, as std's maps need them too");
        Self(format!("{:032x}", u128::from_ne_bytes(bytes)))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// In a time that does not tell how much of it is right.
    pub(super) fn is(&self, given: &[u8]) -> bool {
        let pairs = self.0.bytes().zip(given);
        let difference = pairs.fold(0, |difference, (own, given)| difference | (own ^ given));
        given.len() == DIGITS && black_box(difference) == 0
    }
}

/// Not what it is.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::Token;

    #[test]
    fn a_token_is_itself_and_nothing_that_differs_in_a_digit_or_in_length() {
        let token = Token::random();
        let digits = token.as_str().to_owned();
        assert!(digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        assert!(token.is(digits.as_bytes()));
        for at in 0..32 {
            let mut other = digits.clone().into_bytes();
            other[at] ^= 1;
            assert!(!token.is(&other), "{at}");
            assert!(!token.is(&digits.as_bytes()[..at]), "{at}");
        }
        assert!(!token.is(format!("{digits}0").as_bytes()));
        assert_ne!(digits, Token::random().as_str());
        assert_eq!(format!("{token:?}"), "Token { .. }");
    }
}
