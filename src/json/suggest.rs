//! Proposals as JSON.

use std::time::Duration;

use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::ms;
use crate::{NoSuggestion, Suggested, Suggestion};

#[derive(serde::Serialize)]
#[serde(untagged)]
enum Proposal<'a> {
    Time {
        value_ms: f64,
        samples: u64,
        basis: &'a str,
    },
    Count {
        value: u32,
        samples: u64,
        basis: &'a str,
    },
    None {
        why_not: String,
    },
}

impl Serialize for Suggestion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            open_for,
            consecutive_failures,
            latency_p95,
        } = self;
        let mut suggestion = serializer.serialize_struct("Suggestion", 3)?;
        suggestion.serialize_field("open_for", &time(open_for))?;
        suggestion.serialize_field("consecutive_failures", &count(consecutive_failures))?;
        suggestion.serialize_field("latency_p95", &time(latency_p95))?;
        suggestion.end()
    }
}

fn time(suggested: &Result<Suggested<Duration>, NoSuggestion>) -> Proposal<'_> {
    match suggested {
        Ok(suggested) => Proposal::Time {
            value_ms: ms::of(suggested.value),
            samples: suggested.samples,
            basis: &suggested.basis,
        },
        Err(why) => none(why),
    }
}

fn count(suggested: &Result<Suggested<u32>, NoSuggestion>) -> Proposal<'_> {
    match suggested {
        Ok(suggested) => Proposal::Count {
            value: suggested.value,
            samples: suggested.samples,
            basis: &suggested.basis,
        },
        Err(why) => none(why),
    }
}

fn none(why: &NoSuggestion) -> Proposal<'static> {
    let why_not = why.to_string();
    Proposal::None { why_not }
}
