//! Policies as they are written in files.

mod duration;
mod fields;
mod parts;
mod setting;
mod shown;
pub(crate) mod table;

use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, SerializeStruct, Serializer};

use self::duration::Human;
pub(crate) use self::fields::Fields;
use self::setting::Setting;
pub(crate) use self::shown::differences;
use super::{CompiledLatencyRule, LatencyRule, Policy};

/// As a table with the fields of [`PolicyBuilder`](crate::PolicyBuilder); what is not named has its default.
impl<'de> Deserialize<'de> for Policy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = Fields::deserialize(deserializer)?;
        fields
            .onto(Self::builder())
            .build()
            .map_err(D::Error::custom)
    }
}

/// All fields, also those that have their default: a policy that is read again is the same where defaults have
/// changed in between.
impl Serialize for Policy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
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
        let count = |count: &Option<u32>| Setting::from(*count);
        let rules: Vec<LatencyRule> = latency.iter().map(CompiledLatencyRule::rule).collect();
        let rules = Some(rules).filter(|rules| !rules.is_empty());
        let hint_cap = Some(*hint_cap).filter(|cap| !cap.is_zero()).map(Human);
        let abandoned_run = Some(*abandoned_run).filter(|calls| *calls > 0);
        let mut table = serializer.serialize_struct("Policy", 19)?;
        table.serialize_field("window", &Human(*window))?;
        table.serialize_field("failure_threshold", &count(failure_threshold))?;
        table.serialize_field("failure_rate", &Setting::from(*failure_rate))?;
        table.serialize_field("min_calls", min_calls)?;
        table.serialize_field("consecutive_failures", &count(consecutive_failures))?;
        table.serialize_field("half_open_max_calls", half_open_max_calls)?;
        table.serialize_field("success_threshold", success_threshold)?;
        table.serialize_field("hint_cap", &Setting::from(hint_cap))?;
        table.serialize_field("trip_on_hint", trip_on_hint)?;
        table.serialize_field("abandoned_run", &Setting::from(abandoned_run))?;
        table.serialize_field("probe_lease", &Human(probe_lease.lasts))?;
        table.serialize_field("initial_state", initial_state.as_str())?;
        table.serialize_field("max_in_flight", &count(max_in_flight))?;
        table.serialize_field("overflow", overflow)?;
        // What may be a table of its own comes last, as TOML wants it.
        table.serialize_field("latency", &Setting::from(rules))?;
        table.serialize_field("histogram", histogram)?;
        table.serialize_field("open_for", open_for)?;
        table.serialize_field("ramp", &Setting::from(*ramp))?;
        table.serialize_field("outage", &Setting::from(*outage))?;
        table.end()
    }
}
