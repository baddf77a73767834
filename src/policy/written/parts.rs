//! The parts of a policy that are tables of their own.

use std::fmt;
use std::time::Duration;

use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::duration::Human;
use super::setting::{Calls, Count};
use super::table::table;
use crate::policy::{
    HistogramShape, LatencyRule, OpenPeriod, OutagePolicy, Policy, PolicyError, Ramp,
};

const SECOND: Duration = Duration::from_secs(1);

/// Whether the builder would take it.
pub(super) fn holds(policy: crate::PolicyBuilder) -> Result<(), PolicyError> {
    policy.build().map(drop)
}

fn any<T>(_: T) -> Result<(), PolicyError> {
    Ok(())
}

/// Whether a policy could have this open period.
fn period(period: OpenPeriod) -> Result<(), PolicyError> {
    holds(Policy::builder().open_for(period))
}

fn outage(policy: OutagePolicy) -> Result<(), PolicyError> {
    holds(Policy::builder().outage(policy))
}

fn rule(rule: LatencyRule) -> Result<(), PolicyError> {
    holds(Policy::builder().latency(rule))
}

table! {
    struct OpenPeriodTable {
        first: Human => |first: Human| period(OpenPeriod::fixed(first.0)),
        max: Human => |max: Human| period(OpenPeriod::fixed(max.0)),
        multiplier: f64 => |by| period(OpenPeriod::fixed(SECOND).multiplier(by)),
        jitter: f64 => |share| period(OpenPeriod::fixed(SECOND).jitter(share)),
    }
}

table! {
    struct LatencyTable {
        quantile: f64 => |q| rule(LatencyRule::quantile(q, SECOND)),
        // How long it may be depends on the policy's histogram, which is not known yet.
        threshold: Human => |threshold: Human| rule(LatencyRule::p50(threshold.0.min(SECOND))),
        min_calls: Calls => |calls: Calls| rule(LatencyRule::p50(SECOND).min_calls(calls.0)),
    }
}

table! {
    struct RampTable {
        start: f64 => |start| holds(Policy::builder().ramp(start, SECOND)),
        over: Human => |over: Human| holds(Policy::builder().ramp(0.5, over.0)),
    }
}

table! {
    struct HistogramTable {
        lowest: Human => |lowest: Human| holds(Policy::builder().histogram(lowest.0, crate::time::DAY, 1)),
        highest: Human => |highest: Human| {
            let lowest = Duration::from_micros(1);
            holds(Policy::builder().without_latency().histogram(lowest, highest.0, 1))
        },
        digits: Digits => any,
    }
}

table! {
    struct OutageTable {
        min_tenants: Count<2, 1_000_000> => |tenants: Count<2, 1_000_000>| outage(OutagePolicy::default().min_tenants(tenants.0)),
        min_share: f64 => |share| outage(OutagePolicy::default().min_share(share)),
        newcomers: bool => any,
        open_for: OpenPeriod => any,
        recovery_spread: Human => |spread: Human| outage(OutagePolicy::default().recovery_spread(spread.0)),
    }
}

#[derive(Clone, Debug)]
pub(super) struct Digits(u8);

impl<'de> Deserialize<'de> for Digits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Count(digits) = Count::<1, 5>::deserialize(deserializer)?;
        let HistogramShape {
            lowest, highest, ..
        } = HistogramShape::DEFAULT;
        // A number that is too large for the builder's type is too large by far: the error names what was written.
        let given = u8::try_from(digits).unwrap_or(u8::MAX);
        let checked = holds(Policy::builder().histogram(lowest, highest, given));
        checked.map_err(|error| {
            D::Error::custom(PolicyError::new("histogram digits", digits, error.bound()))
        })?;
        Ok(Self(given))
    }
}

fn missing<T, E: Error>(value: Option<T>, name: &'static str) -> Result<T, E> {
    value.ok_or_else(|| E::missing_field(name))
}

impl OpenPeriodTable {
    fn period(self) -> Option<OpenPeriod> {
        let first = self.first?.0;
        let period = match self.max {
            Some(max) => OpenPeriod::exponential(first, max.0),
            None => OpenPeriod::fixed(first),
        };
        let multiplier = self.multiplier.unwrap_or(period.multiplier);
        let jitter = self.jitter.unwrap_or(period.jitter);
        Some(period.multiplier(multiplier).jitter(jitter))
    }
}

impl<'de> Deserialize<'de> for OpenPeriod {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FixedOrTable)
    }
}

struct FixedOrTable;

impl<'de> Visitor<'de> for FixedOrTable {
    type Value = OpenPeriod;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration, or a table with first, max, multiplier, jitter")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<OpenPeriod, E> {
        let fixed = OpenPeriod::fixed(Human::deserialize(StrDeserializer::new(text))?.0);
        period(fixed).map_err(E::custom)?;
        Ok(fixed)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<OpenPeriod, A::Error> {
        let table = OpenPeriodTable::deserialize(MapAccessDeserializer::new(map))?;
        missing(table.period(), "first")
    }
}

impl Serialize for OpenPeriod {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if *self == Self::fixed(self.initial) {
            return Human(self.initial).serialize(serializer);
        }
        let mut table = serializer.serialize_struct("OpenPeriod", 4)?;
        table.serialize_field("first", &Human(self.initial))?;
        table.serialize_field("max", &Human(self.max))?;
        table.serialize_field("multiplier", &self.multiplier)?;
        table.serialize_field("jitter", &self.jitter)?;
        table.end()
    }
}

impl<'de> Deserialize<'de> for LatencyRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let table = LatencyTable::deserialize(deserializer)?;
        let threshold = missing(table.threshold, "threshold")?.0;
        let rule = Self::quantile(missing(table.quantile, "quantile")?, threshold);
        Ok(match table.min_calls {
            Some(calls) => rule.min_calls(calls.0),
            None => rule,
        })
    }
}

impl Serialize for LatencyRule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut table = serializer.serialize_struct("LatencyRule", 3)?;
        table.serialize_field("quantile", &self.quantile)?;
        table.serialize_field("threshold", &Human(self.threshold))?;
        table.serialize_field("min_calls", &self.min_calls)?;
        table.end()
    }
}

impl<'de> Deserialize<'de> for OutagePolicy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let table = OutageTable::deserialize(deserializer)?;
        let default = Self::default();
        Ok(Self {
            min_tenants: table
                .min_tenants
                .map_or(default.min_tenants, |tenants| tenants.0),
            min_share: table.min_share.unwrap_or(default.min_share),
            newcomers: table.newcomers.unwrap_or(default.newcomers),
            open_for: table.open_for.unwrap_or(default.open_for),
            recovery_spread: table
                .recovery_spread
                .map_or(default.recovery_spread, |spread| spread.0),
        })
    }
}

impl Serialize for OutagePolicy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut table = serializer.serialize_struct("OutagePolicy", 5)?;
        table.serialize_field("min_tenants", &self.min_tenants)?;
        table.serialize_field("min_share", &self.min_share)?;
        table.serialize_field("newcomers", &self.newcomers)?;
        table.serialize_field("recovery_spread", &Human(self.recovery_spread))?;
        table.serialize_field("open_for", &self.open_for)?;
        table.end()
    }
}

impl<'de> Deserialize<'de> for Ramp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let table = RampTable::deserialize(deserializer)?;
        Ok(Self {
            start: missing(table.start, "start")?,
            over: missing(table.over, "over")?.0,
        })
    }
}

impl Serialize for Ramp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut table = serializer.serialize_struct("Ramp", 2)?;
        table.serialize_field("start", &self.start)?;
        table.serialize_field("over", &Human(self.over))?;
        table.end()
    }
}

impl<'de> Deserialize<'de> for HistogramShape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let table = HistogramTable::deserialize(deserializer)?;
        let default = Self::DEFAULT;
        Ok(Self {
            lowest: table.lowest.map_or(default.lowest, |lowest| lowest.0),
            highest: table.highest.map_or(default.highest, |highest| highest.0),
            digits: table.digits.map_or(default.digits, |digits| digits.0),
        })
    }
}

impl Serialize for HistogramShape {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut table = serializer.serialize_struct("HistogramShape", 3)?;
        table.serialize_field("lowest", &Human(self.lowest))?;
        table.serialize_field("highest", &Human(self.highest))?;
        table.serialize_field("digits", &self.digits)?;
        table.end()
    }
}
