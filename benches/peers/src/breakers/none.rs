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

    const REJECTS: bool = false;

    fn call(
        &mut self,
        _: &'static str,
        answer: Answer,
    ) -> impl Future<Output = Result<u32, Failed>> {
        answer
    }

    fn is_rejected(_: &Result<u32, Failed>) -> bool {
        false
    }
}
