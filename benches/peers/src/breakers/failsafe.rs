//! failsafe, which knows of no keys: one `StateMachine` per tenant in a map that grows.
//!
//! Ours is the map. The policy is that of `Config::new()`, which its documentation shows first: a success rate or a run
//! of failures.

use std::sync::Arc;

use dashmap::DashMap;
use failsafe::backoff::{self, EqualJittered};
use failsafe::failure_policy::{
    self, ConsecutiveFailures, FailurePolicy, OrElse, SuccessRateOverTimeWindow,
};
use failsafe::futures::CircuitBreaker;
use failsafe::{Config, Error, StateMachine};

use super::About;
use crate::breaker::{Breaker, Trips};
use crate::call::{Answer, Failed};

pub(super) const ABOUT: About = About {
    name: "DashMap {} + failsafe {}",
    packages: &["dashmap", "failsafe"],
    percentile: "no",
};

type Rules = OrElse<SuccessRateOverTimeWindow<EqualJittered>, ConsecutiveFailures<EqualJittered>>;

fn new_machine(trips: Trips) -> StateMachine<Rules, ()> {
    match trips {
        Trips::ByDefault => Config::new().build(),
        Trips::AtOnce(period) => {
            // Equal jitter is half of the period and up to half of it more.
            let backoff = backoff::equal_jittered(period * 2, period * 2);
            let rules = SuccessRateOverTimeWindow::default()
                .or_else(failure_policy::consecutive_failures(1, backoff));
            Config::new().failure_policy(rules).build()
        }
    }
}

#[derive(Clone)]
pub(super) struct InDashMap {
    by_tenant: Arc<DashMap<String, StateMachine<Rules, ()>>>,
    trips: Trips,
}

pub(super) fn make(trips: Trips) -> InDashMap {
    InDashMap {
        by_tenant: Arc::default(),
        trips,
    }
}

impl Breaker for InDashMap {
    type Error = Error<Failed>;

    fn call(
        &mut self,
        tenant: &'static str,
        answer: Answer,
    ) -> impl Future<Output = Result<u32, Self::Error>> {
        if let Some(machine) = self.by_tenant.get(tenant) {
            return machine.call(answer);
        }
        let trips = self.trips;
        let vacant = self.by_tenant.entry(tenant.to_owned());
        vacant.or_insert_with(|| new_machine(trips)).call(answer)
    }

    fn is_rejected(result: &Result<u32, Self::Error>) -> bool {
        matches!(result, Err(Error::Rejected))
    }
}
