//! What serde writes of signals and of lists of tools.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::{DegradationSignal, UnavailableTool, UnavailableTools};
use crate::utc::Utc;

impl Serialize for DegradationSignal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (retry_after, since) = (self.retry_after_seconds(), self.since());
        let fields = 5 + usize::from(retry_after.is_some()) + usize::from(since.is_some());
        let mut object = serializer.serialize_struct("DegradationSignal", fields)?;
        object.serialize_field("status", "tool_unavailable")?;
        object.serialize_field("tool_name", self.tool_name())?;
        object.serialize_field("reason", &self.reason())?;
        object.serialize_field("message", &Shown(self.shown()))?;
        if let Some(seconds) = retry_after {
            object.serialize_field("retry_after_seconds", &seconds)?;
        }
        if let Some(since) = since {
            object.serialize_field("since", &Shown(Utc(since)))?;
        }
        object.serialize_field("alternatives", &Names(self.alternatives()))?;
        object.end()
    }
}

/// Text that is written as it is made.
struct Shown<T>(T);

impl<T: std::fmt::Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Names that are found as they are written.
struct Names<I>(I);

impl<'a, I> Serialize for Names<I>
where
    I: Iterator<Item = &'a str> + Clone,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.clone())
    }
}

impl Serialize for UnavailableTools {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("UnavailableTools", 2)?;
        object.serialize_field("tools", &self.tools)?;
        object.serialize_field("left_out", &self.left_out)?;
        object.end()
    }
}

impl Serialize for UnavailableTool {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let until = self.until.map(at_the_next_second);
        let retry_after = self.retry_after_seconds();
        let known = [self.since.is_some(), until.is_some(), retry_after.is_some()];
        let fields = 3 + known.into_iter().filter(|is_known| *is_known).count();
        let mut object = serializer.serialize_struct("UnavailableTool", fields)?;
        object.serialize_field("name", &*self.name)?;
        object.serialize_field("reason", &self.reason)?;
        if let Some(since) = self.since {
            object.serialize_field("since", &Shown(Utc(since)))?;
        }
        if let Some(until) = until {
            object.serialize_field("until", &Shown(Utc(until)))?;
        }
        if let Some(seconds) = retry_after {
            object.serialize_field("retry_after_seconds", &seconds)?;
        }
        let alternatives = self.alternatives.iter().map(|name| &**name);
        object.serialize_field("alternatives", &Names(alternatives))?;
        object.end()
    }
}

/// The full second that is not before this moment.
fn at_the_next_second(moment: SystemTime) -> SystemTime {
    let since = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
    let begun = u64::from(since.subsec_nanos() > 0);
    let seconds = Duration::from_secs(since.as_secs().saturating_add(begun));
    UNIX_EPOCH.checked_add(seconds).unwrap_or(moment)
}

impl DegradationSignal {
    /// The signal as a JSON value.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        // Of strings and numbers alone, under keys that are strings: nothing in it can fail.
        serde_json::to_value(self).unwrap_or_default()
    }
}
