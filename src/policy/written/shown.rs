//! The fields of a policy in one line each, worded as in a file.

use std::time::Duration;

use super::duration::Human;
use super::setting::OFF;
use crate::CircuitState;
use crate::policy::to_builder::Lease;
use crate::policy::{
    CompiledLatencyRule, HistogramShape, LatencyRule, OpenPeriod, OutagePolicy, Overflow, Policy,
    Ramp,
};

/// A value as it is written, but for the quotes around words and durations.
trait Shown {
    fn shown(&self) -> String;
}

macro_rules! as_displayed {
    ($($type:ty),*) => {
        $(impl Shown for $type {
            fn shown(&self) -> String {
                self.to_string()
            }
        })*
    };
}

as_displayed!(bool, u8, u32, f64);

impl Shown for Duration {
    fn shown(&self) -> String {
        Human(*self).to_string()
    }
}

impl<T: Shown> Shown for Option<T> {
    fn shown(&self) -> String {
        self.as_ref().map_or_else(|| OFF.to_owned(), Shown::shown)
    }
}

impl Shown for Vec<CompiledLatencyRule> {
    fn shown(&self) -> String {
        if self.is_empty() {
            return OFF.to_owned();
        }
        let rules: Vec<_> = self.iter().map(|rule| rule.rule().shown()).collect();
        format!("[{}]", rules.join(", "))
    }
}

impl Shown for CircuitState {
    fn shown(&self) -> String {
        self.as_str().to_owned()
    }
}

impl Shown for Overflow {
    fn shown(&self) -> String {
        let word = match self {
            Self::Unguarded => "unguarded",
            Self::Shared => "shared",
        };
        word.to_owned()
    }
}

impl Shown for Lease {
    fn shown(&self) -> String {
        self.lasts.shown()
    }
}

/// A table in one line, of the parts and their names.
macro_rules! table {
    ($whole:ident: $($name:ident = $part:ident),*) => {{
        let parts = [$(format!(concat!(stringify!($name), " = {}"), $whole.$part.shown())),*];
        format!("{{ {} }}", parts.join(", "))
    }};
}

impl Shown for LatencyRule {
    fn shown(&self) -> String {
        table!(self: quantile = quantile, threshold = threshold, min_calls = min_calls)
    }
}

impl Shown for HistogramShape {
    fn shown(&self) -> String {
        table!(self: lowest = lowest, highest = highest, digits = digits)
    }
}

impl Shown for OpenPeriod {
    fn shown(&self) -> String {
        if *self == Self::fixed(self.initial) {
            return self.initial.shown();
        }
        table!(self: first = initial, max = max, multiplier = multiplier, jitter = jitter)
    }
}

impl Shown for Ramp {
    fn shown(&self) -> String {
        table!(self: start = start, over = over)
    }
}

impl Shown for OutagePolicy {
    fn shown(&self) -> String {
        table!(
            self: min_tenants = min_tenants,
            min_share = min_share,
            newcomers = newcomers,
            recovery_spread = recovery_spread,
            open_for = open_for
        )
    }
}

/// The fields in which a policy differs from the one before: the name, what it was, what it is.
pub(crate) fn differences(from: &Policy, to: &Policy) -> Vec<(&'static str, String, String)> {
    let mut differences = Vec::new();
    macro_rules! compare {
        ($($field:ident),*) => {
            // All of them by name, so that none that is yet to come is forgotten.
            let Policy { $($field),* } = to;
            $(if from.$field != *$field {
                differences.push((stringify!($field), from.$field.shown(), $field.shown()));
            })*
        };
    }
    compare!(
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
        outage
    );
    differences
}
