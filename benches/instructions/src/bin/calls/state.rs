//! In what state the circuits are that are called.

use std::time::Duration;

use tower_tenant_breaker::{LatencyRule, Outcome, Policy, Probing};

use crate::world::{World, succeed};

/// Far longer than anything is counted.
const LONG: Duration = Duration::from_secs(24 * 60 * 60);

/// Above which a call is slow. A thread knows its slot for a quarter of it, and then finds out anew, which must not fall into
/// what is counted: so it is about as long as the default histogram takes.
const THRESHOLD: Duration = Duration::from_secs(4 * 60);

/// The same where that is what is counted: so short that it can be waited for, and far longer than a call takes, even
/// where something else has the processor meanwhile.
const SHORT: Duration = Duration::from_millis(80);

/// Longer than a quarter of that.
pub const BEYOND_A_STRETCH: Duration = Duration::from_millis(21);

/// The callers' circuits, all of them.
#[derive(Clone, Copy, Debug)]
pub enum State {
    Closed,
    /// With a second latency rule.
    TwoRules,
    /// With a threshold so low that a thread does not know its slot for as long as [`BEYOND_A_STRETCH`].
    ShortStretches,
    /// There was a call that was cancelled: the first one allocates what remembers it.
    Cancelled,
    Open,
    /// There was a probe.
    HalfOpen,
    /// There is the circuit that calls without a tenant share, too.
    Shared,
}

impl State {
    /// The default one, but for a window whose slots do not end while calls are counted: what comes with the end of a slot
    /// is paid once in six seconds, and not by a call.
    pub fn policy(self) -> Policy {
        let policy = Policy::builder().window(LONG);
        let policy = policy.latency(LatencyRule::p95(match self {
            Self::ShortStretches => SHORT,
            _ => THRESHOLD,
        }));
        let policy = match self {
            Self::TwoRules => policy.latency(LatencyRule::p99(THRESHOLD)),
            // For as many probes as there can be.
            Self::HalfOpen => policy.success_threshold(255),
            _ => policy,
        };
        policy.build().unwrap()
    }

    pub fn prepare(self, world: &World) {
        let search = &world.search;
        for caller in &world.callers {
            let circuit = search.circuit(caller);
            match self {
                Self::Closed | Self::TwoRules | Self::ShortStretches => {}
                Self::Cancelled => {
                    drop(search.acquire(caller).unwrap());
                    succeed(search, caller);
                }
                Self::Open => {
                    circuit.open_for(LONG).unwrap();
                    search.acquire(caller).unwrap_err();
                }
                Self::HalfOpen => {
                    circuit.open_for(LONG).unwrap();
                    circuit.half_open().unwrap();
                    succeed(search, caller);
                }
                Self::Shared => {
                    let permit = search.acquire_shared(Probing::Yes).unwrap();
                    permit.record(Outcome::Success);
                }
            }
        }
    }
}
