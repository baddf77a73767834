//! What the program promises, and whether it is so.

use tower::BoxError;

use crate::provider::Provider;

/// The promises that were not kept.
#[derive(Debug, Default)]
pub(crate) struct Promises {
    broken: Vec<String>,
}

impl Promises {
    pub(crate) fn expect(&mut self, is_kept: bool, promise: impl Into<String>) {
        if !is_kept {
            self.broken.push(promise.into());
        }
    }

    /// What holds of every provider at its end.
    pub(crate) fn expect_no_stray_key(&mut self, providers: [&Provider; 2]) {
        for provider in providers {
            self.expect(
                provider.counts().strays == 0,
                format!("no other key and no other path reaches {}", provider.model),
            );
        }
    }

    /// What is wrong in the end: what was not kept, and after it what the program stopped for, which may have come of it.
    pub(crate) fn complaints(&self, played: Result<(), BoxError>) -> Vec<String> {
        let broken = self.broken.iter();
        let broken = broken.map(|promise| format!("a promise was not kept: {promise}"));
        let stopped = played.err();
        let stopped = stopped.map(|error| format!("could not run to the end: {error}"));
        broken.chain(stopped).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Promises;

    #[test]
    fn what_was_broken_is_said_before_the_error_that_ended_it() {
        let mut promises = Promises::default();
        promises.expect(true, "kept");
        assert_eq!(promises.complaints(Ok(())), [""; 0]);
        promises.expect(false, "broken");
        let stopped = promises.complaints(Err("no answer".into()));
        let expected = [
            "a promise was not kept: broken",
            "could not run to the end: no answer",
        ];
        assert_eq!(stopped, expected);
        assert_eq!(promises.complaints(Ok(())), expected[..1]);
    }
}
