//! Who calls, how often, whose upstream falls sick when, and the policy of both gateways.

use std::time::Duration;

use tower_tenant_breaker::{LatencyRule, OpenPeriod, Policy, PolicyError};

use crate::upstream::Health;

/// The tenants.
pub(crate) const TENANTS: [&str; 8] = [
    "acme", "birch", "cedar", "dune", "ember", "flint", "grove", "harbor",
];

/// How long load is offered.
pub(crate) const RUN: Duration = Duration::from_secs(12);

/// Each tenant calls through each gateway 20 times a second.
pub(crate) const INTERVAL: Duration = Duration::from_millis(50);

/// What the upstream takes when it is well.
pub(crate) const WORK: Duration = Duration::from_millis(5);

/// After which a gateway gives a call up: a hundred times what a healthy call takes, so that a hiccup
/// of a busy machine is not a failed call.
pub(crate) const TIMEOUT: Duration = Duration::from_millis(500);

/// A time during which the upstream is sick for one tenant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outage {
    pub(crate) tenant: &'static str,
    pub(crate) health: Health,
    pub(crate) from: Duration,
    pub(crate) until: Duration,
}

/// The two outages. They overlap by a second, since outages do not queue.
pub(crate) const OUTAGES: [Outage; 2] = [
    Outage {
        tenant: "cedar",
        health: Health::Failing,
        from: Duration::from_secs(2),
        until: Duration::from_secs(6),
    },
    Outage {
        tenant: "flint",
        health: Health::Hanging,
        from: Duration::from_secs(5),
        until: Duration::from_secs(9),
    },
];

/// Whether this tenant's upstream is well all the time.
pub(crate) fn is_healthy(tenant: &str) -> bool {
    OUTAGES.iter().all(|outage| outage.tenant != tenant)
}

/// The policy of both gateways: the shape of what one would run with, shortened to fit 12 seconds.
///
/// A tenth of the calls, not half, since one tenant out of eight makes up no more than that of a
/// circuit that all of them share: with half, the shared gateway would never open, and would not
/// protect the sick upstream at all.
pub(crate) fn policy() -> Result<Policy, PolicyError> {
    Policy::builder()
        .window(Duration::from_secs(2))
        .failure_threshold(5)
        .failure_rate(0.1)
        .min_calls(20)
        .consecutive_failures(5)
        .latency(LatencyRule::p95(Duration::from_millis(250)).min_calls(20))
        .open_for(OpenPeriod::exponential(
            Duration::from_millis(300),
            Duration::from_secs(1),
        ))
        .half_open_max_calls(3)
        .success_threshold(2)
        .build()
}

/// The policy in words. Kept beside it, since nothing else would keep them in step.
pub(crate) const POLICY_IN_WORDS: &str = "\
policy: window 2 s; opens after 5 failures in a row, or 5 making up a tenth of at least 20 calls,
        or p95 over 250 ms at 20 calls; open for 300 ms, doubling to 1 s; then up to 3 probes at a
        time, of which 2 successes close. Timeout of a call: 500 ms; a healthy one takes 5 ms.";
