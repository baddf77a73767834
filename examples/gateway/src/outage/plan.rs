//! Who calls how often, the policy, and how long each act lasts.

use std::time::Duration;

use tower_tenant_breaker::{LatencyRule, OpenPeriod, OutagePolicy, Policy, PolicyError};

/// The tenants: programs, which call all the time, and people, who call now and then.
pub(crate) const TENANTS: [&str; 24] = [
    "acme", "birch", "cedar", "dune", "ember", "flint", "grove", "harbor", "iris", "jade", "kelp",
    "lark", "mango", "north", "otter", "pearl", "quill", "river", "sable", "tulip", "umber",
    "vale", "wren", "yarrow",
];

/// The first eight are programs.
const PROGRAMS: usize = 8;

/// How often the tenant of this place calls: 280 calls a second in all.
pub(crate) const fn interval(place: usize) -> Duration {
    if place < PROGRAMS {
        Duration::from_millis(40)
    } else {
        Duration::from_millis(200)
    }
}

/// The tenant whose part of the upstream fails in the second act: a program.
pub(crate) const ALONE: &str = "cedar";

/// A tenant that comes while the dependency is forced open.
pub(crate) const NEWCOMER: &str = "zephyr";

/// What the operator notes who forces the dependency open.
pub(crate) const NOTE: &str = "the vendor announced maintenance until 14:00";

/// How long an act is watched once what it is about has happened.
pub(crate) const WELL: Duration = Duration::from_millis(1_500);
pub(crate) const ALONE_FOR: Duration = Duration::from_millis(800);
pub(crate) const DOWN_FOR: Duration = Duration::from_millis(2_000);
pub(crate) const BACK_FOR: Duration = Duration::from_millis(1_200);
pub(crate) const FORCED_FOR: Duration = Duration::from_millis(800);
pub(crate) const CLEARED_FOR: Duration = Duration::from_millis(800);

/// After which what should happen counts as not happening: it takes a tenth of that, or half of it where
/// an open period is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(8);

/// How many tenants must be down for an outage.
pub(crate) const MIN_DOWN: u32 = 5;

/// The most calls that probe at a time: a circuit, or the dependency as a whole.
pub(crate) const MAX_PROBES: u32 = 3;

/// How long the dependency is left alone at the beginning of an outage, and at most later on.
pub(crate) const OUTAGE_PERIODS: (Duration, Duration) =
    (Duration::from_millis(300), Duration::from_millis(600));

/// Over which time circuits recover.
pub(crate) const SPREAD: Duration = Duration::from_secs(1);

/// The shape of what one would run with: seconds where those are minutes.
pub(crate) fn policy() -> Result<Policy, PolicyError> {
    let outage = OutagePolicy::default()
        .min_tenants(MIN_DOWN)
        .min_share(0.2)
        .open_for(OpenPeriod::exponential(OUTAGE_PERIODS.0, OUTAGE_PERIODS.1))
        .recovery_spread(SPREAD);
    Policy::builder()
        .window(Duration::from_secs(2))
        .failure_threshold(5)
        .failure_rate(0.5)
        .min_calls(20)
        .consecutive_failures(5)
        .latency(LatencyRule::p95(Duration::from_millis(250)).min_calls(20))
        .open_for(OpenPeriod::exponential(
            Duration::from_secs(4),
            Duration::from_secs(10),
        ))
        .half_open_max_calls(MAX_PROBES)
        .success_threshold(2)
        .outage(outage)
        .build()
}

/// The policy in words. Kept beside it, since nothing else would keep them in step.
pub(crate) const POLICY_IN_WORDS: &str = "\
policy: a circuit opens after 5 failures in a row, for 4 s at first; then up to 3 probes at a time, of
        which 2 successes close it. The dependency is down for all once the circuits of at least 5
        tenants have opened, making up at least a fifth of those that called in the last 2 s. It is then
        probed after 300 ms, and every 600 ms from there on, by up to 3 calls at a time in all; 2
        successes end the outage, and the circuits that are open recover within 1 s.";
