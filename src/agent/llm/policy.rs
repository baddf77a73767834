use std::time::Duration;

use crate::{OpenPeriod, OutagePolicy, Policy, PolicyBuilder};

/// A policy for a provider of language models, to begin with and to change: [`Policy::low_traffic`], and
///
/// | field | here | because |
/// |---|---|---|
/// | [`trip_on_hint`](PolicyBuilder::trip_on_hint) | yes | a provider that says when a limit is reset means it: every call before is refused, and some count it against the limit. The circuit opens until then, and no longer |
/// | [`open_for`](PolicyBuilder::open_for) | 1 s, doubled up to 30 s | of failures, and of limits without a hint. An overloaded provider says 529 for seconds, and its own word for how long, where it has one, lengthens the period. One that is down is probed some times more in its first half minute, once for each tenant, until it is an outage |
/// | [`latency`](PolicyBuilder::latency) | p95 over 30 s at 3 calls | the time to the first token, under [`classify_llm`](crate::TenantCircuitBreakerLayer::classify_llm). A model that thinks before it speaks takes tens of seconds in good health; whoever calls none chooses less. An answer that is not streamed begins when it is complete, and is timed to there: where those take longer, choose more |
/// | [`abandoned_run`](PolicyBuilder::abandoned_run) | 20 | people stop streams when they have seen enough. Nobody stops twenty in a row and lets none end, so a provider that hangs behind a caller's short timeout is still found out |
/// | [`success_threshold`](PolicyBuilder::success_threshold) | 1 | a probe is a paid call that lasts to the end of its stream; the second proof can be had closed |
/// | [`outage`](PolicyBuilder::outage) | the default | a provider that is down is down for all its tenants, which need not each find out. Rate limits and quotas are those of a tenant's own key, and do not count. Where all tenants share one key they share its limits too, and one tenant for all is the better [extractor](crate::FixedTenant) |
///
/// A hint counts for an hour at the most, as by default ([`hint_cap`](PolicyBuilder::hint_cap)): where the limit of a
/// day is reset in six hours, six probes are spent until then, rather than six hours where the provider was wrong.
///
/// An exhausted quota is no matter of the policy: its circuit is forced open until somebody resets it.
///
/// ```
/// use std::time::Duration;
/// use tower_tenant_breaker::LatencyRule;
/// use tower_tenant_breaker::agent::llm::llm_policy;
///
/// let fast_model = llm_policy()
///     .without_latency() // the rule of 30 s
///     .latency(LatencyRule::p95(Duration::from_secs(5)).min_calls(3))
///     .build()?;
/// # Ok::<(), tower_tenant_breaker::PolicyError>(())
/// ```
pub fn llm_policy() -> PolicyBuilder {
    Policy::low_traffic()
        .trip_on_hint(true)
        .open_for(OpenPeriod::exponential(
            Duration::from_secs(1),
            Duration::from_secs(30),
        ))
        .abandoned_run(20)
        .success_threshold(1)
        .outage(OutagePolicy::default())
}
