//! One run: a gateway that begins anew, the load, and a fault on its way.

use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tower::BoxError;

use crate::breakers::Breaker;
use crate::fault::Trouble;
use crate::gateway::Gateway;
use crate::load::{Timetable, offer};
use crate::tally::{Calls, Of};
use crate::upstream::Upstream;

/// What a run found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Run {
    /// Of the healthy tenants.
    pub(crate) healthy: Calls,
    /// In µs, of those that were served; none where none was.
    pub(crate) p50: Option<u64>,
    pub(crate) p99: Option<u64>,
    /// Of the tenants that are hit, to the other dependency.
    pub(crate) other: Calls,
    /// How long after the fault's beginning all circuits were open that it hits, in ms; none where they never were.
    pub(crate) opened: Option<u64>,
    /// How many healthy tenants had a circuit of their own open after the fault's beginning.
    pub(crate) healthy_opened: usize,
    /// The most that the load was behind, in ms.
    pub(crate) late: u64,
}

/// What all runs have in common.
pub(crate) struct Stage {
    pub(crate) upstream: Upstream,
    pub(crate) share: f64,
    /// From one call of a tenant to its next.
    pub(crate) interval: Duration,
    /// From the fault's beginning on.
    pub(crate) measured: Duration,
}

impl Stage {
    pub(crate) fn run(&self, breaker: Breaker, trouble: Option<Trouble>) -> Result<Run, BoxError> {
        let gateway = Gateway::start(breaker, self.share, self.upstream.address)?;
        let timetable = Timetable {
            interval: self.interval,
            measured: self.measured,
        };
        let strike = || self.upstream.strike(trouble);
        let offered = offer(gateway.address, trouble, timetable, strike);
        self.upstream.strike(None);
        let (tally, struck) = offered?;
        let opened = trouble.and_then(|trouble| gateway.openings.opened_after(trouble, struck));
        let healthy_opened = gateway.openings.of_healthy(trouble, struck);
        drop(gateway);
        settle();
        Ok(Run {
            healthy: tally.calls(Of::Healthy),
            p50: tally.quantile(0.5),
            p99: tally.quantile(0.99),
            other: tally.calls(Of::OtherDependency),
            opened: opened.map(whole_ms),
            healthy_opened,
            late: whole_ms(tally.late()),
        })
    }
}

fn whole_ms(duration: Duration) -> u64 {
    duration.as_millis().try_into().unwrap_or(u64::MAX)
}

/// Until the upstream has seen that the gateway's connections are closed.
#[expect(
    clippy::disallowed_methods,
    reason = "between runs, on a thread that has no runtime"
)]
fn settle() {
    thread::sleep(Duration::from_millis(50));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Fault;
    use crate::scenario::{SHARE, TENANTS};

    /// One turn of each tenant, at a pace that a busy machine can keep.
    fn stage() -> Stage {
        Stage {
            upstream: Upstream::start().unwrap(),
            share: SHARE,
            interval: Duration::from_secs(1),
            measured: Duration::from_secs(1),
        }
    }

    /// A run that the machine has time for: where something else has it, gateways have too little to serve in time.
    fn attended(stage: &Stage, breaker: Breaker, trouble: Option<Trouble>) -> Run {
        let runs = (0..20).map(|_| stage.run(breaker, trouble).unwrap());
        let mut runs = runs.inspect(|run| assert!(run.healthy.served <= run.healthy.made));
        let found = runs.find(|run| run.healthy.served * 2 > run.healthy.made);
        found.expect("in one of twenty runs most are served")
    }

    #[test]
    fn every_call_that_was_due_is_counted_and_most_are_served() {
        let stage = stage();
        for breaker in Breaker::ALL {
            let run = attended(&stage, breaker, None);
            assert_eq!(run.healthy.made, TENANTS as u64, "{breaker:?}");
            assert!(run.p50.is_some() && run.p50 <= run.p99, "{run:?}");
            assert_eq!((run.other.made, run.opened), (0, None));
        }
    }

    #[test]
    fn those_that_are_hit_are_not_among_the_healthy() {
        let fault = Fault::Fails;
        let trouble = Trouble { fault, hit: 50 };
        let run = attended(&stage(), Breaker::None, Some(trouble));
        assert_eq!(run.healthy.made, 150);
        // What they call beside it is well, and what fails for them is not among it.
        assert!((1..50).contains(&run.other.made), "{run:?}");
        assert!(run.other.served > 0, "{run:?}");
    }
}
