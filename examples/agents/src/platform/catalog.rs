//! The tenants, the tools, and what protects their calls.

use std::sync::Arc;
use std::time::Duration;

use tower_tenant_breaker::agent::Tool;
use tower_tenant_breaker::{LatencyRule, OutagePolicy, Policy, PolicyError};

pub(super) const TENANTS: usize = 50;
/// Sorted, as a report is.
pub(super) const TOOLS: [&str; 6] = [
    "billing",
    "calendar",
    "code_runner",
    "encyclopedia",
    "mail",
    "search",
];

/// What a tool's description says of where it can stand in; only one can.
pub(super) fn stand_ins(tool: &str) -> &'static [&'static str] {
    if tool == "search" {
        &["encyclopedia"]
    } else {
        &[]
    }
}

pub(super) fn tenant(number: usize) -> Arc<str> {
    format!("tenant-{number:02}").into()
}

/// By which calls are judged.
///
/// A tenant calls a tool about once a minute here, so two failures in a row are enough.
pub(super) fn breaking() -> Result<Policy, PolicyError> {
    Policy::low_traffic()
        .consecutive_failures(2)
        .without_latency()
        .latency(LatencyRule::p95(Duration::from_secs(5)).min_calls(3))
        .outage(OutagePolicy::default())
        .build()
}

/// No rule: calls are counted, and no circuit ever opens.
pub(super) fn counting() -> Result<Policy, PolicyError> {
    Policy::builder()
        .without_failure_rate()
        .without_consecutive_failures()
        .without_latency()
        .build()
}

/// The tools as they are declared, the same with the breaker and without.
pub(super) fn tools() -> impl Iterator<Item = Tool> {
    TOOLS.into_iter().map(|name| {
        let tool = Tool::new(name).substitutes(stand_ins(name).iter().copied());
        match name {
            "calendar" => tool.timeout(Duration::from_secs(10)),
            "mail" => tool.has_side_effects(),
            _ => tool,
        }
    })
}
