//! In what state the circuits are that are called.

use std::time::Duration;

use tower_tenant_breaker::{LatencyRule, Outcome, Policy, PolicyBuilder, Probing};

use crate::world::{World, succeed};

/// Far longer than anything is counted.
const LONG: Duration = Duration::from_secs(24 * 60 * 60);

/// The callers' circuits, all of them.
#[derive(Clone, Copy, Debug)]
pub enum State {
    Closed,
    /// With a second latency rule.
    TwoRules,
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
        let default = Policy::builder().window(LONG);
        let policy = match self {
            Self::TwoRules => two_rules(default),
            // For as many probes as there can be.
            Self::HalfOpen => default.success_threshold(255),
            Self::Closed | Self::Cancelled | Self::Open | Self::Shared => default,
        };
        policy.build().unwrap()
    }

    pub fn prepare(self, world: &World) {
        let search = &world.search;
        for caller in &world.callers {
            let circuit = search.circuit(caller);
            match self {
                Self::Closed | Self::TwoRules => {}
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

/// The default rule, and another.
fn two_rules(policy: PolicyBuilder) -> PolicyBuilder {
    let threshold = Policy::default().latency_threshold(0).unwrap();
    policy
        .latency(LatencyRule::p95(threshold))
        .latency(LatencyRule::p99(2 * threshold))
}
