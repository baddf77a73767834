use std::time::Duration;

use super::{CompiledLatencyRule, HistogramShape, Policy, PolicyBuilder, Ramp};

/// How long a probe may keep its place. Two that are as long are equal, wherever they come from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lease {
    pub(crate) lasts: Duration,
    /// Whether it follows from the latency rules, so that it does with other rules too.
    pub(super) is_derived: bool,
}

impl PartialEq for Lease {
    fn eq(&self, other: &Self) -> bool {
        self.lasts == other.lasts
    }
}

impl Policy {
    /// A builder that has every field as this policy has it: for the same, with one field changed.
    ///
    /// What is built of it as it is equals this policy. The latency rules are those that it has, each with its
    /// threshold on the edge of its bucket: [`latency`](PolicyBuilder::latency) adds to them, also to the default one,
    /// and [`without_latency`](PolicyBuilder::without_latency) before it makes room for others. A
    /// [`probe_lease`](PolicyBuilder::probe_lease) that was never set follows the latency rules, if these change.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tower_tenant_breaker::{CircuitBreakerRegistry, Policy};
    ///
    /// let registry = CircuitBreakerRegistry::builder().build()?;
    /// let declared = Policy::builder().consecutive_failures(3).build()?;
    /// let search = registry.dependency_with("search", declared)?;
    ///
    /// let longer = search.policy().to_builder().window(Duration::from_secs(120)).build()?;
    /// search.set_policy(longer);
    ///
    /// let expected = Policy::builder().consecutive_failures(3).window(Duration::from_secs(120));
    /// assert_eq!(*search.policy(), expected.build()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn to_builder(&self) -> PolicyBuilder {
        // All of them by name, so that none that is yet to come is forgotten.
        let Self {
            window,
            failure_threshold,
            failure_rate,
            min_calls,
            consecutive_failures,
            latency,
            histogram,
            open_for,
            half_open_max_calls,
            success_threshold,
            hint_cap,
            trip_on_hint,
            abandoned_run,
            probe_lease,
            initial_state,
            max_in_flight,
            overflow,
            ramp,
            outage,
        } = self;
        let HistogramShape {
            lowest,
            highest,
            digits,
        } = *histogram;
        let builder = Self::builder()
            .window(*window)
            .without_failure_rate()
            .min_calls(*min_calls)
            .without_consecutive_failures()
            .without_latency()
            .histogram(lowest, highest, digits)
            .open_for(*open_for)
            .half_open_max_calls((*half_open_max_calls).into())
            .success_threshold((*success_threshold).into())
            .hint_cap(*hint_cap)
            .trip_on_hint(*trip_on_hint)
            .abandoned_run((*abandoned_run).into())
            .initial_state(*initial_state)
            .overflow(*overflow);
        let lease = Some(probe_lease.lasts).filter(|_| !probe_lease.is_derived);
        let rules = latency.iter().map(CompiledLatencyRule::rule);
        let builder = rules.fold(builder, PolicyBuilder::latency);
        let builder = set(
            builder,
            *failure_threshold,
            PolicyBuilder::failure_threshold,
        );
        let builder = set(builder, *failure_rate, PolicyBuilder::failure_rate);
        let builder = set(
            builder,
            *consecutive_failures,
            PolicyBuilder::consecutive_failures,
        );
        let builder = set(builder, lease, PolicyBuilder::probe_lease);
        let builder = set(builder, *max_in_flight, PolicyBuilder::max_in_flight);
        let builder = set(builder, *ramp, |builder, Ramp { start, over }| {
            builder.ramp(start, over)
        });
        set(builder, *outage, PolicyBuilder::outage)
    }
}

/// Says to the builder what there is; what there is not was switched off before, or is so from the beginning.
fn set<T>(
    builder: PolicyBuilder,
    value: Option<T>,
    say: impl FnOnce(PolicyBuilder, T) -> PolicyBuilder,
) -> PolicyBuilder {
    match value {
        Some(value) => say(builder, value),
        None => builder,
    }
}
