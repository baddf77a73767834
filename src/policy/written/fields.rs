//! What a table says of a policy.

use serde::Deserialize;
use serde::de::{Deserializer, Error, Unexpected};

use super::duration::Human;
use super::parts::holds;
use super::setting::{Calls, Count, Probes, Setting};
use super::table::table;
use crate::CircuitState;
use crate::policy::{
    HistogramShape, LatencyRule, OpenPeriod, OutagePolicy, Overflow, Policy, PolicyBuilder,
    PolicyError, Ramp,
};
use crate::time::DAY;

/// With what a table begins that differs from nothing else.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Base {
    /// [`Policy::builder`].
    Standard,
    /// [`Policy::low_traffic`].
    LowTraffic,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct State(pub(super) CircuitState);

impl<'de> Deserialize<'de> for State {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let states = [
            CircuitState::Closed,
            CircuitState::Open,
            CircuitState::HalfOpen,
        ];
        let state = states.into_iter().find(|state| state.as_str() == name);
        let expected = &"one of closed, open, half_open";
        state
            .map(Self)
            .ok_or_else(|| D::Error::invalid_value(Unexpected::Str(&name), expected))
    }
}

/// The parts of it were checked one by one, and what they are to each other is once the policy is built: that error
/// can name the part, which an error that stands at the whole could not.
fn by_parts(_: PolicyBuilder) -> Result<(), PolicyError> {
    Ok(())
}

/// How long a threshold may be is known once the policy is built, of which the histogram may be inherited.
fn but_for_thresholds(builder: PolicyBuilder) -> Result<(), PolicyError> {
    holds(builder).or_else(|error| match error.field() {
        "latency threshold" => Ok(()),
        _ => Err(error),
    })
}

/// A builder that has nothing to say against a value that another policy could have.
fn lenient() -> PolicyBuilder {
    let HistogramShape { lowest, digits, .. } = HistogramShape::DEFAULT;
    Policy::builder()
        .without_latency()
        .histogram(lowest, DAY, digits)
}

/// The fields, how each is checked alone, and how a builder is told of it.
macro_rules! fields {
    ($($field:ident: $type:ty, $check:ident => |$builder:ident, $value:pat_param| $set:expr,)*) => {
        table! {
            /// What a table says of a policy, as a difference from another.
            struct Fields {
                base: Base => |_: Base| by_parts(lenient()),
                $($field: $type => |value: $type| {
                    let ($builder, $value) = (lenient(), value);
                    $check($set)
                },)*
            }
        }

        impl Fields {
            fn set(&self, builder: PolicyBuilder) -> PolicyBuilder {
                $(let builder = match self.$field.clone() {
                    Some(value) => {
                        let ($builder, $value) = (builder, value);
                        $set
                    }
                    None => builder,
                };)*
                builder
            }

            /// Whether the table names the field.
            pub(crate) fn names(&self, field: &str) -> bool {
                match field {
                    $(stringify!($field) => self.$field.is_some(),)*
                    _ => false,
                }
            }
        }
    };
}

fields! {
    window: Human, holds => |builder, Human(window)| builder.window(window),
    // What is off was switched off before; see `onto`.
    failure_threshold: Setting<Calls>, holds => |builder, failures| match failures {
        Setting::On(Count(failures)) => builder.failure_threshold(failures),
        Setting::Off => builder,
    },
    failure_rate: Setting<f64>, holds => |builder, rate| match rate {
        Setting::On(rate) => builder.failure_rate(rate),
        Setting::Off => builder,
    },
    min_calls: Calls, holds => |builder, Count(calls)| builder.min_calls(calls),
    consecutive_failures: Setting<Calls>, holds => |builder, failures| match failures {
        Setting::On(Count(failures)) => builder.consecutive_failures(failures),
        Setting::Off => builder.without_consecutive_failures(),
    },
    latency: Setting<Vec<LatencyRule>>, but_for_thresholds => |builder, rules| {
        let rules = rules.on().unwrap_or_default();
        rules.into_iter().fold(builder.without_latency(), PolicyBuilder::latency)
    },
    histogram: HistogramShape, by_parts => |builder, shape| {
        builder.histogram(shape.lowest, shape.highest, shape.digits)
    },
    open_for: OpenPeriod, by_parts => |builder, period| builder.open_for(period),
    half_open_max_calls: Probes, holds => |builder, Count(calls)| builder.half_open_max_calls(calls),
    success_threshold: Probes, holds => |builder, Count(calls)| builder.success_threshold(calls),
    hint_cap: Setting<Human>, holds => |builder, cap| {
        builder.hint_cap(cap.on().map_or(std::time::Duration::ZERO, |cap| cap.0))
    },
    trip_on_hint: bool, by_parts => |builder, trip| builder.trip_on_hint(trip),
    abandoned_run: Setting<Count<0, 255>>, holds => |builder, calls| {
        builder.abandoned_run(calls.on().map_or(0, |calls| calls.0))
    },
    probe_lease: Human, holds => |builder, Human(lease)| builder.probe_lease(lease),
    initial_state: State, by_parts => |builder, State(state)| builder.initial_state(state),
    max_in_flight: Setting<Count<1, { u32::MAX }>>, holds => |builder, calls| match calls {
        Setting::On(Count(calls)) => builder.max_in_flight(calls),
        Setting::Off => builder.without_max_in_flight(),
    },
    ramp: Setting<Ramp>, by_parts => |builder, ramp| match ramp {
        Setting::On(ramp) => builder.ramp(ramp.start, ramp.over),
        Setting::Off => builder.without_ramp(),
    },
    // The last two concern the dependency as a whole; see `OF_DEPENDENCY`.
    overflow: Overflow, by_parts => |builder, overflow| builder.overflow(overflow),
    outage: Setting<OutagePolicy>, by_parts => |builder, outage| match outage {
        Setting::On(outage) => builder.outage(outage),
        Setting::Off => builder.without_outage(),
    },
}

impl Fields {
    /// Those that are of a dependency alone, and of no tenant: the last of the fields.
    pub(crate) const OF_DEPENDENCY: [&'static str; 2] = ["overflow", "outage"];

    /// What is named takes the place of what the builder has; a base takes the place of all of it.
    pub(crate) fn onto(&self, builder: PolicyBuilder) -> PolicyBuilder {
        let builder = match self.base {
            None => builder,
            Some(Base::Standard) => Policy::builder(),
            Some(Base::LowTraffic) => Policy::low_traffic(),
        };
        // Count and rate are one rule. Who names one of them, and switches the other off, has a rule of that alone.
        let rule = [
            matches!(self.failure_threshold, Some(Setting::Off)),
            matches!(self.failure_rate, Some(Setting::Off)),
        ];
        let builder = match rule.contains(&true) {
            true => builder.without_failure_rate(),
            false => builder,
        };
        self.set(builder)
    }

    /// Where in this table the field is of which the error speaks, as it is written; none where it is not named here.
    pub(crate) fn path_of(&self, error: &PolicyError, builder: &PolicyBuilder) -> Option<String> {
        let (field, part) = match error.field().split_once(' ') {
            Some((field, part)) => (field, Some(part)),
            None => (error.field(), None),
        };
        if !self.names(field) {
            return None;
        }
        let index = match field {
            "latency" => self.first_bad_rule(builder),
            _ => None,
        };
        let index = index.map_or_else(String::new, |index| format!("[{index}]"));
        let part = part.map_or_else(String::new, |part| format!(".{}", part.replace(' ', ".")));
        Some(format!("{field}{index}{part}"))
    }

    /// The first latency rule with which these fields, up to it, make no policy.
    fn first_bad_rule(&self, builder: &PolicyBuilder) -> Option<usize> {
        let Some(Setting::On(rules)) = &self.latency else {
            return None;
        };
        (0..rules.len()).find(|last| {
            let fields = Self {
                latency: Some(Setting::On(rules[..=*last].to_vec())),
                ..self.clone()
            };
            fields.onto(builder.clone()).build().is_err()
        })
    }
}
