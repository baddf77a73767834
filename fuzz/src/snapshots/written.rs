//! Each snapshot as JSON, written anew: every field by its name, in its unit, and no others.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;
use tower_tenant_breaker::{
    CircuitSnapshot, CircuitState, DependencySnapshot, DryRunReport, EffectiveState, Figures,
    LatencyQuantiles, OutageSnapshot, Override, OverrideSnapshot, Reason, Totals,
};

pub fn circuit(circuit: &CircuitSnapshot) -> Value {
    let ago = |at| ago(circuit.taken_at, at);
    let last_trip = circuit.last_trip.map(|trip| {
        json!({
            "ago_ms": ago(trip.at),
            "reason": reason(trip.reason),
            "figures": figures(&trip.figures),
        })
    });
    json!({
        "dependency": circuit.dependency,
        "tenant": circuit.tenant,
        "state": state(circuit.state),
        "effective_state": effective(circuit.effective_state),
        "overridden": circuit.overridden.as_ref().map(overridden),
        "generation": circuit.generation,
        "retry_after_ms": circuit.retry_after.map(ms),
        "ramp": circuit.ramp,
        "in_flight": circuit.in_flight,
        "window": figures(&circuit.window),
        "latency": circuit.latency.as_ref().map(latency),
        "totals": totals(&circuit.totals),
        "last_success_ago_ms": circuit.last_success.map(ago),
        "last_failure_ago_ms": circuit.last_failure.map(ago),
        "last_trip": last_trip,
    })
}

pub fn dependency(dependency: &DependencySnapshot) -> Value {
    json!({
        "name": dependency.name,
        "circuits": dependency.circuits,
        "open": dependency.open,
        "half_open": dependency.half_open,
        "overridden": dependency.overridden.as_ref().map(overridden),
        "forced_circuits": dependency.forced_circuits,
        "outage": dependency.outage.as_ref().map(outage),
        "age_ms": ms(dependency.age),
        "circuit_time_ms": ms(dependency.circuit_time),
        "circuit_time_open_ms": ms(dependency.circuit_time_open),
        "outage_time_open_ms": ms(dependency.outage_time_open),
        "share_open": dependency.share_open(),
        "mean_time_to_recovery_ms": dependency.totals.mean_time_to_recovery().map(ms),
        "totals": totals(&dependency.totals),
        "overflowed": dependency.overflowed,
        "forgotten": dependency.forgotten,
        "missing_tenant": dependency.missing_tenant,
    })
}

fn outage(outage: &OutageSnapshot) -> Value {
    json!({
        "state": state(outage.state),
        "declared_ago_ms": ago(outage.taken_at, outage.declared_at),
        "since_ago_ms": ago(outage.taken_at, outage.since),
        "retry_after_ms": ms(outage.retry_after),
        "down": outage.down,
        "active": outage.active,
    })
}

fn overridden(over: &OverrideSnapshot) -> Value {
    let remaining = |until: Instant| ms(until.saturating_duration_since(over.taken_at));
    json!({
        "kind": kind(over.kind),
        "level": over.level.as_str(),
        "reason": reason(over.reason),
        "note": over.note.as_deref(),
        "since_ago_ms": ago(over.taken_at, over.since),
        "remaining_ms": over.until.map(remaining),
    })
}

pub fn dry_run(report: &DryRunReport) -> Value {
    let share = |rejected: u64, counted: u64| match rejected + counted {
        0 => 0.0,
        all => rejected as f64 / all as f64,
    };
    let tenants = report.most_affected.iter().map(|row| {
        json!({
            "tenant": row.tenant,
            "calls": row.calls,
            "would_open": row.would_open,
            "would_reject": row.would_reject,
            "share_rejected": share(row.would_reject, row.calls),
        })
    });
    json!({
        "dependency": report.dependency,
        "since_ago_ms": report.since.map(|since| ago(report.taken_at, since)),
        "calls": report.calls,
        "would_open": report.would_open,
        "would_declare_outage": report.would_declare_outage,
        "would_reject": report.would_reject,
        "would_reject_by_outage": report.would_reject_by_outage,
        "share_rejected": share(report.would_reject, report.calls),
        "tenants": report.tenants,
        "most_affected": tenants.collect::<Vec<_>>(),
    })
}

fn figures(figures: &Figures) -> Value {
    json!({
        "calls": figures.calls,
        "failures": figures.failures,
        "throttled": figures.throttled,
        "consecutive_failures": figures.consecutive_failures,
        "slow": figures.slow,
    })
}

fn latency(latency: &LatencyQuantiles) -> Value {
    json!({
        "samples": latency.samples,
        "p50_ms": ms(latency.p50),
        "p95_ms": ms(latency.p95),
        "p99_ms": ms(latency.p99),
        "max_ms": ms(latency.max),
    })
}

fn totals(totals: &Totals) -> Value {
    json!({
        "calls": totals.calls,
        "failures": totals.failures,
        "throttled": totals.throttled,
        "ignored": totals.ignored,
        "cancelled": totals.cancelled,
        "abandoned": totals.abandoned,
        "abandoned_failures": totals.abandoned_failures,
        "unmeasured": totals.unmeasured,
        "slow": totals.slow,
        "rejected": totals.rejected,
        "would_reject": totals.would_reject,
        "would_open": totals.would_open,
        "late": totals.late,
        "probes": totals.probes,
        "probe_successes": totals.probe_successes,
        "probe_failures": totals.probe_failures,
        "opened": totals.opened,
        "time_open_ms": ms(totals.time_open),
        "recovered": totals.recovered,
        "time_to_recover_ms": ms(totals.time_to_recover),
    })
}

fn effective(effective: EffectiveState) -> Value {
    let (decided_by, automatic) = match effective {
        EffectiveState::Automatic(state) => ("automatic", Some(state)),
        EffectiveState::ForcedOpen => ("forced_open", None),
        EffectiveState::Disabled => ("disabled", None),
        EffectiveState::DryRun(state) => ("dry_run", Some(state)),
        EffectiveState::Outage(state) => ("outage", Some(state)),
        other => panic!("it has no name here: {other:?}"),
    };
    json!({"decided_by": decided_by, "state": automatic.map(state)})
}

fn state(state: CircuitState) -> &'static str {
    match state {
        CircuitState::Closed => "closed",
        CircuitState::Open => "open",
        CircuitState::HalfOpen => "half_open",
    }
}

fn kind(kind: Override) -> &'static str {
    match kind {
        Override::ForcedOpen => "forced_open",
        Override::Disabled => "disabled",
        Override::DryRun => "dry_run",
        other => panic!("it has no name here: {other:?}"),
    }
}

fn reason(reason: Reason) -> String {
    match reason {
        Reason::Latency { rule } => format!("latency:{rule}"),
        reason => reason.as_str().to_owned(),
    }
}

fn ago(taken_at: Instant, at: Instant) -> f64 {
    ms(taken_at.saturating_duration_since(at))
}

/// Milliseconds, with what is less as a fraction.
fn ms(duration: Duration) -> f64 {
    duration.as_nanos() as f64 / 1_000_000.0
}
