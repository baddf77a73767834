//! A signal as serde writes it.

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::DegradationSignal;
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
        object.serialize_field("alternatives", &Alternatives(self))?;
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

struct Alternatives<'a>(&'a DegradationSignal);

impl Serialize for Alternatives<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.alternatives())
    }
}

impl DegradationSignal {
    /// The signal as a JSON value.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        // Of strings and numbers alone, under keys that are strings: nothing in it can fail.
        serde_json::to_value(self).unwrap_or_default()
    }
}
