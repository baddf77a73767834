//! One provider's go at a call, and what it means to the circuit and to the call.

use tower::BoxError;

use super::service::Provider;
use super::{Served, ServedBy, Unserved};
use crate::circuit::{Credit, Stage};
use crate::event::{Text, counted_as, say};
use crate::settle::Settle;
use crate::{Classify, Outcome, Permit};

/// A call that a provider's circuit admitted.
pub(super) struct Attempt {
    /// The provider's place in the list.
    pub(super) index: usize,
    pub(super) permit: Permit,
}

/// What became of an attempt.
pub(super) enum Verdict<A, Res> {
    /// The call is over, though its body may still have to settle the attempt.
    Over(Result<Served<A>, BoxError>),
    /// Somebody else may do better.
    Failed(Failed<Res>),
}

pub(super) struct Failed<Res> {
    index: usize,
    outcome: Outcome,
    /// Who is to be told when somebody else serves the call.
    pub(super) credit: Option<Credit>,
    pub(super) why: Unserved<Res>,
}

impl Attempt {
    /// Tells the circuit how the attempt ended, and finds out whether the call is over.
    pub(super) fn judge<Req, S, C, Res, T>(
        self,
        begun: T::Begun,
        providers: &[Provider<S>],
        classify: &C,
        result: Result<Res, BoxError>,
    ) -> Verdict<T::Response, Res>
    where
        C: Classify<Res, BoxError>,
        T: Settle<Req, Res>,
    {
        let Self { index, mut permit } = self;
        permit.stage(Stage::Hook);
        let outcome = classify.classify(result.as_ref());
        let by = || {
            let dependency = providers[index].dependency.clone();
            ServedBy::provider(index, dependency)
        };
        let result = match result {
            // What is good so far may have a body in which it goes wrong. The call stays here all the same.
            Ok(response) if outcome == Outcome::Success => {
                let response = T::settle(begun, response, &mut permit);
                return Verdict::Over(Ok(Served::new(response, by())));
            }
            result => result,
        };
        let credit = permit.record_for_credit(outcome);

        let why = match (result, outcome) {
            (Ok(response), outcome) if outcome.is_bad() => {
                Unserved::Answered(Served::new(response, by()))
            }
            (Ok(response), _) => {
                return Verdict::Over(Ok(Served::new(T::pass(response), by())));
            }
            (Err(error), Outcome::Success) => return Verdict::Over(Err(error)),
            // Also where the circuit ignores it: a load that was shed further in finds a place elsewhere.
            (Err(error), _) => Unserved::Failed(error),
        };
        Verdict::Failed(Failed {
            index,
            outcome,
            credit,
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
                dependency = Text::new(providers[self.index].dependency.name()).as_value(),
                next = Text::new(providers[next].dependency.name()).as_value(),
                tenant.id = Text::new(tenant).as_value(),
                outcome = counted_as(self.outcome),
                // Through `Debug`, so that a provider's line breaks forge no line of the log.
                error = error.map(|error| tracing::field::debug(error.to_string())),
                "a provider failed, and the call moves on"
            );
        });
    }
}
