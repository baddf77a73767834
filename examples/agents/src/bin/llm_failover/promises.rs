//! What the program promises, and whether it is so.

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

    pub(crate) fn broken(&self) -> &[String] {
        &self.broken
    }
}
