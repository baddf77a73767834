//! One provider's go at a call, and what it means to the circuit and to the call.

use tower::BoxError;

use super::service::Provider;
use super::{Served, ServedBy, Unserved};
use crate::circuit::Stage;
use crate::event::say;
use crate::{Classify, Outcome, Permit};

/// A call that a provider's circuit admitted.
pub(super) struct Attempt {
    /// The provider's place in the list.
    pub(super) index: usize,
    pub(super) permit: Permit,
}

/// What became of an attempt.
pub(super) enum Verdict<Res> {
    /// The call is over.
    Over(Result<Served<Res>, BoxError>),
    /// Somebody else may do better.
    Failed(Failed<Res>),
}

pub(super) struct Failed<Res> {
    index: usize,
    outcome: Outcome,
    pub(super) why: Unserved<Res>,
}

impl Attempt {
    /// Tells the circuit how the attempt ended, and finds out whether the call is over.
    pub(super) fn judge<S, C, Res>(
        self,
        providers: &[Provider<S>],
        classify: &C,
        result: Result<Res, BoxError>,
    ) -> Verdict<Res>
    where
        C: Classify<Res, BoxError>,
    {
        let Self { index, mut permit } = self;
        permit.stage(Stage::Hook);
        let outcome = classify.classify(result.as_ref());
        permit.record(outcome);

        let served = |response| {
            let dependency = providers[index].dependency.clone();
            Served::new(response, ServedBy::provider(index, dependency))
        };
        let why = match (result, outcome) {
            (Ok(response), Outcome::Failure { .. } | Outcome::Throttled { .. }) => {
                Unserved::Answered(served(response))
            }
            (Ok(response), _) => return Verdict::Over(Ok(served(response))),
            (Err(error), Outcome::Success) => return Verdict::Over(Err(error)),
            // Also where the circuit ignores it: a load that was shed further in finds a place elsewhere.
            (Err(error), _) => Unserved::Failed(error),
        };
        Verdict::Failed(Failed {
            index,
            outcome,
            why,
        })
    }
}

impl<Res> Failed<Res> {
    /// Says that the call moves on: nobody else hears of an error after which another provider serves.
    pub(super) fn tell<S>(&self, providers: &[Provider<S>], next: usize, tenant: Option<&str>) {
        let error = match &self.why {
            Unserved::Failed(error) => Some(error),
            Unserved::Rejected(_) | Unserved::Answered(_) => None,
        };
        say(|| {
            tracing::debug!(
                from = providers[self.index].dependency.name(),
                to = providers[next].dependency.name(),
                tenant = tenant.map(tracing::field::debug),
                outcome = ?self.outcome,
                // Through `Debug`, so that a provider's line breaks forge no line of the log.
                error = error.map(|error| tracing::field::debug(error.to_string())),
                "a provider failed, and the call moves on"
            );
        });
    }
}
