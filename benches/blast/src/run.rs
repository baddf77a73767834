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
    /// Of the healthy tenants, from the fault's beginning to what is measured.
    pub(crate) onset: Calls,
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
    /// Before what is measured without a fault.
    pub(crate) warm_up: Duration,
    pub(crate) measured: Duration,
}

impl Stage {
    pub(crate) fn run(&self, breaker: Breaker, trouble: Option<Trouble>) -> Result<Run, BoxError> {
        let gateway = Gateway::start(breaker, self.share, self.upstream.address)?;
        let timetable = Timetable {
            interval: self.interval,
            warm_up: trouble.map_or(self.warm_up, |trouble| trouble.fault.warm_up()),
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
            onset: tally.calls(Of::OnsetHealthy),
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
            warm_up: Fault::Fails.warm_up(),
            measured: Duration::from_secs(1),
        }
    }

    #[test]
    fn every_call_that_was_due_is_counted_and_most_are_served() {
        let stage = stage();
        for breaker in Breaker::ALL {
            let run = stage.run(breaker, None).unwrap();
            assert_eq!(run.healthy.made, TENANTS as u64, "{breaker:?}");
            assert!(
                run.healthy.served * 2 > run.healthy.made,
                "{breaker:?}: {run:?}"
            );
            assert!(run.p50.is_some() && run.p50 <= run.p99, "{run:?}");
            assert_eq!((run.other.made, run.opened), (0, None));
        }
    }

    #[test]
    fn those_that_are_hit_are_not_among_the_healthy() {
        let fault = Fault::Fails;
        let trouble = Trouble { fault, hit: 50 };
        let run = stage().run(Breaker::None, Some(trouble)).unwrap();
        assert_eq!(run.healthy.made, 150);
        // Of four fifths of a second.
        assert_eq!(run.onset.made, 120);
        // What they call beside it is well, and what fails for them is not among it.
        assert!((1..50).contains(&run.other.made), "{run:?}");
        assert!(run.other.served * 2 > run.other.made, "{run:?}");
    }
}
