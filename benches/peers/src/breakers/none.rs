//! Nothing in front of the dependency: what all others have in their figures.

use super::About;
use crate::breaker::{Breaker, Trips};
use crate::call::{Answer, Failed};

pub(super) const ABOUT: About = About {
    name: "none",
    packages: &[],
    percentile: "-",
};

#[derive(Clone)]
pub(super) struct Nothing;

pub(super) fn make(_: Trips) -> Nothing {
    Nothing
}

impl Breaker for Nothing {
    type Error = Failed;

    fn call(
        &mut self,
        _: &'static str,
        answer: Answer,
    ) -> impl Future<Output = Result<u32, Failed>> {
        answer
    }

    fn is_rejected(result: &Result<u32, Failed>) -> bool {
        // So that it can be told to open.
        result.is_err()
    }
}
