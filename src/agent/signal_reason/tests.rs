use std::collections::HashSet;

use super::SignalReason;
use crate::Reason;
use crate::reason::MAX_LATENCY_RULES;

/// By hand, as it is told: every reason for which a call can be rejected.
const TABLE: [(Reason, &str); 20] = [
    (Reason::ConsecutiveFailures, "circuit_open_failures"),
    (Reason::FailureRate, "circuit_open_failures"),
    (Reason::Latency { rule: 0 }, "circuit_open_latency"),
    (Reason::Hint, "circuit_open_throttled"),
    (Reason::ProbeFailed, "circuit_open_failures"),
    (Reason::ProbeSlow, "circuit_open_latency"),
    (Reason::ProbeThrottled, "circuit_open_throttled"),
    (Reason::ProbesAbandoned, "circuit_open_failures"),
    (Reason::Initial, "circuit_open_unproven"),
    (Reason::ByHand, "circuit_forced_open"),
    (Reason::PeriodOver, "circuit_open_failures"),
    (Reason::Recovered, "circuit_open_failures"),
    (Reason::Forced, "circuit_forced_open"),
    (Reason::HalfOpenFull, "circuit_open_failures"),
    (Reason::Barred, "circuit_open_failures"),
    (Reason::Saturated, "too_many_calls"),
    (Reason::Outage, "circuit_open_outage"),
    (Reason::Recovering, "circuit_open_failures"),
    (Reason::Relapsed, "circuit_open_failures"),
    (Reason::QuotaExhausted, "quota_exhausted"),
];

#[test]
fn every_reason_is_told_as_the_table_has_it() {
    for (reason, told) in TABLE {
        assert_eq!(SignalReason::from(reason).as_str(), told, "{reason:?}");
    }
    for rule in 0..MAX_LATENCY_RULES {
        let reason = SignalReason::from(Reason::Latency { rule });
        assert_eq!(reason, SignalReason::CircuitOpenLatency);
    }
}

#[test]
fn the_table_has_every_reason_once() {
    let in_table: HashSet<_> = TABLE.iter().map(|(reason, _)| reason.as_str()).collect();
    let known: HashSet<_> = (0..=u8::MAX)
        .map(|bits| Reason::from_bits(bits).as_str())
        .collect();
    assert_eq!(in_table, known);
    assert_eq!(in_table.len(), TABLE.len());
}

#[test]
fn a_reason_is_written_by_its_name() {
    let reason = SignalReason::ToolCallTimeout;
    assert_eq!(reason.to_string(), "tool_call_timeout");
    assert_eq!(serde_json::to_value(reason).unwrap(), "tool_call_timeout");
}
