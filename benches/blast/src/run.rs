//! One run: a gateway that begins anew, the load, and a fault on its way.

use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tower::BoxError;

use crate::breakers::Breaker;
use crate::fault::{Fault, Trouble};
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
}

/// What all runs have in common.
pub(crate) struct Stage {
    pub(crate) upstream: Upstream,
    pub(crate) share: f64,
    pub(crate) measured: Duration,
}

impl Stage {
    pub(crate) fn run(&self, breaker: Breaker, trouble: Option<Trouble>) -> Result<Run, BoxError> {
        let gateway = Gateway::start(breaker, self.share, self.upstream.address)?;
        let fault = trouble.map_or(Fault::Fails, |trouble| trouble.fault);
        let timetable = Timetable {
            warm_up: fault.warm_up(),
            measured: self.measured,
        };
        let strike = || self.upstream.strike(trouble);
        let offered = offer(gateway.address, trouble, timetable, strike);
        self.upstream.strike(None);
        let (tally, struck) = offered?;
        let opened = trouble.and_then(|trouble| gateway.openings.opened_after(trouble, struck));
        let healthy_opened = match trouble {
            Some(trouble) => gateway.openings.of_healthy(trouble, struck),
            None => gateway
                .openings
                .of_healthy(Trouble { fault, hit: 0 }, struck),
        };
        drop(gateway);
        settle();
        Ok(Run {
            healthy: tally.calls(Of::Healthy),
            p50: tally.quantile(0.5),
            p99: tally.quantile(0.99),
            onset: tally.calls(Of::OnsetHealthy),
            other: tally.calls(Of::OtherDependency),
            opened: opened.map(|after| after.as_millis().try_into().unwrap_or(u64::MAX)),
            healthy_opened,
        })
    }
}

/// Until the upstream has seen that the gateway's connections are closed.
#[expect(
    clippy::disallowed_methods,
    reason = "between runs, on a thread that has no runtime"
)]
fn settle() {
    thread::sleep(Duration::from_millis(50));
}
