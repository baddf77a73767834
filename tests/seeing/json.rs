//! Snapshots as JSON: the names of their fields are an interface, so that whole documents are compared.

use serde_json::{Value, json, to_value};
use tower_tenant_breaker::{EffectiveState, LatencyRule, OutagePolicy, PageRequest, Reason};

use super::*;

fn written(value: impl serde::Serialize) -> Value {
    to_value(value).unwrap()
}

/// At 4 s a circuit has recovered, at 7.5 s it has tripped again; now it is 8.00025 s.
async fn eventful() -> (CircuitBreakerRegistry, Dependency) {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let policy = policy().max_in_flight(8).latency(LatencyRule::p95(SECOND));
    let search = registry.dependency_with("search", policy.build().unwrap());
    let search = search.unwrap();
    trip(&search, "acme");
    advance(PERIOD).await;
    succeed(&search, "acme");
    advance(2 * SECOND).await;
    let slow = search.acquire("acme").unwrap();
    advance(Duration::from_millis(1_500)).await;
    slow.record(Outcome::Success);
    record(&search, "acme", Outcome::Ignored);
    record(&search, "acme", Outcome::throttled());
    trip(&search, "acme");
    for _ in 0..2 {
        assert!(search.acquire("acme").is_err());
    }
    advance(Duration::from_micros(500_250)).await;
    (registry, search)
}

fn eventful_totals() -> Value {
    json!({
        "calls": 7, "failures": 4, "throttled": 1, "ignored": 1, "cancelled": 0, "abandoned": 0, "abandoned_failures": 0, "unmeasured": 0,
        "slow": 1, "rejected": 2, "would_reject": 0, "would_open": 0, "late": 0, "probes": 1,
        "probe_successes": 1, "probe_failures": 0, "opened": 2, "time_open_ms": 4500.25,
        "recovered": 1, "time_to_recover_ms": 4000.0
    })
}

fn eventful_circuit() -> Value {
    let figures = json!({
        "calls": 4, "failures": 3, "throttled": 1, "consecutive_failures": 2, "slow": [1, 0, 0, 0]
    });
    json!({
        "dependency": "search",
        "tenant": "acme",
        "state": "open",
        "effective_state": { "decided_by": "automatic", "state": "open" },
        "overridden": null,
        "generation": 4,
        "retry_after_ms": 3499.75,
        "ramp": null,
        "in_flight": 0,
        "window": figures,
        "latency": null,
        "totals": eventful_totals(),
        "last_success_ago_ms": 1000.25,
        "last_failure_ago_ms": 500.25,
        "last_trip": { "ago_ms": 500.25, "reason": "consecutive_failures", "figures": figures }
    })
}

#[tokio::test(start_paused = true)]
async fn a_circuit_is_written_so() {
    let (_registry, search) = eventful().await;
    let snapshot = search.circuit("acme").snapshot().unwrap();
    assert_eq!(written(&snapshot), eventful_circuit());
    advance(60 * SECOND).await;
    assert_eq!(written(&snapshot), eventful_circuit(), "no clock is read");
}

#[tokio::test(start_paused = true)]
async fn a_circuit_to_which_nothing_has_happened_is_written_so() {
    let search = declare(policy());
    succeed(&search, "acme");
    let snapshot = search.circuit("acme").snapshot().unwrap();
    let mut expected = eventful_circuit();
    let none = json!({
        "state": "closed", "effective_state": { "decided_by": "automatic", "state": "closed" },
        "generation": 0, "retry_after_ms": null, "in_flight": null,
        "window": {
            "calls": 1, "failures": 0, "throttled": 0, "consecutive_failures": 0,
            "slow": [0, 0, 0, 0]
        },
        "last_success_ago_ms": 0.0, "last_failure_ago_ms": null, "last_trip": null,
    });
    for (name, value) in none.as_object().unwrap() {
        expected[name] = value.clone();
    }
    for (name, total) in expected["totals"].as_object_mut().unwrap() {
        *total = match name.as_str() {
            "calls" => 1.into(),
            name if name.ends_with("_ms") => 0.0.into(),
            _ => 0.into(),
        };
    }
    assert_eq!(written(snapshot), expected);
}

#[tokio::test(start_paused = true)]
async fn latencies_are_written_so() {
    let search = declare(policy().latency(LatencyRule::p95(60 * SECOND)));
    let permits: Vec<_> = (0..200).map(|_| search.acquire("acme").unwrap()).collect();
    advance(Duration::from_micros(12_300)).await;
    for permit in permits {
        permit.record(Outcome::Success);
    }
    let snapshot = search.circuit("acme").snapshot().unwrap();
    let latency = snapshot.latency.unwrap();
    let ms = latency.p50.as_nanos() as f64 / 1e6;
    assert!((12.3..12.5).contains(&ms), "{ms}");
    let expected = json!({
        "samples": latency.samples, "p50_ms": ms, "p95_ms": ms, "p99_ms": ms, "max_ms": ms
    });
    assert_eq!(written(snapshot)["latency"], expected);
}

fn eventful_dependency() -> Value {
    json!({
        "name": "search",
        "circuits": 1,
        "open": 1,
        "half_open": 0,
        "overridden": null,
        "forced_circuits": 0,
        "outage": null,
        "age_ms": 8000.25,
        "circuit_time_ms": 8000.25,
        "circuit_time_open_ms": 4500.25,
        "outage_time_open_ms": 0.0,
        "share_open": 4500.25 / 8000.25,
        "mean_time_to_recovery_ms": 4000.0,
        "totals": eventful_totals(),
        "overflowed": 0,
        "forgotten": 0,
        "missing_tenant": 0
    })
}

#[tokio::test(start_paused = true)]
async fn a_registry_and_its_dependencies_are_written_so() {
    let (registry, search) = eventful().await;
    let expected = json!({ "overridden": null, "dependencies": [eventful_dependency()] });
    assert_eq!(written(registry.snapshot()), expected);
    assert_eq!(written(search.snapshot()), eventful_dependency());
}

#[tokio::test(start_paused = true)]
async fn a_dependency_that_knows_nothing_writes_null_where_there_is_nothing() {
    let seen = written(declare(policy()).snapshot());
    assert_eq!(seen["share_open"], Value::Null);
    assert_eq!(seen["mean_time_to_recovery_ms"], Value::Null);
    assert_eq!(seen["age_ms"], json!(0.0));
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_written_so() {
    let outage = OutagePolicy::default()
        .min_tenants(2)
        .open_for(OpenPeriod::fixed(PERIOD).jitter(0.0));
    let search = declare(policy().outage(outage));
    for tenant in ["acme", "globex", "initech"] {
        succeed(&search, tenant);
    }
    trip(&search, "acme");
    trip(&search, "globex");
    advance(SECOND).await;
    let expected = json!({
        "state": "open", "declared_ago_ms": 1000.0, "since_ago_ms": 1000.0, "retry_after_ms": 3000.0,
        "down": 2, "active": 3
    });
    assert_eq!(written(search.outage()), expected);
    let seen = written(search.snapshot());
    assert_eq!(seen["outage"], expected);
    assert_eq!(seen["outage_time_open_ms"], json!(1000.0));
    let initech = written(search.circuit("initech").snapshot());
    let decided = json!({ "decided_by": "outage", "state": "closed" });
    assert_eq!(initech["effective_state"], decided);

    advance(PERIOD - SECOND).await;
    search
        .acquire("initech")
        .unwrap()
        .record(Outcome::failure());
    let again = written(search.outage());
    assert_eq!(again["since_ago_ms"], json!(0.0));
    assert_eq!(again["declared_ago_ms"], json!(4000.0), "declared once");
}

#[tokio::test(start_paused = true)]
async fn a_tenant_is_written_so() {
    let (registry, _search) = eventful().await;
    let circuits = [eventful_circuit()];
    let expected = json!({ "tenant": "acme", "overridden": null, "circuits": circuits });
    assert_eq!(written(registry.tenant("acme").snapshot()), expected);
    let expected = json!({ "tenant": "globex", "overridden": null, "circuits": [] });
    assert_eq!(written(registry.tenant("globex").snapshot()), expected);
}

#[tokio::test(start_paused = true)]
async fn what_is_forced_is_written_so_wherever_it_is_shown() {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let search = registry.dependency("search").unwrap();
    succeed(&search, "acme");
    registry.set(Override::DryRun);
    registry.tenant("acme").set(Override::Disabled);
    search.force_open_for("line \"7\" is down", 3 * SECOND);
    advance(Duration::from_micros(1_500_250)).await;
    let of_dependency = json!({
        "kind": "forced_open", "level": "dependency", "reason": "forced", "note": "line \"7\" is down",
        "since_ago_ms": 1500.25, "remaining_ms": 1499.75
    });
    let lasting = |kind, level| {
        json!({
            "kind": kind, "level": level, "reason": "forced", "note": null,
            "since_ago_ms": 1500.25, "remaining_ms": null
        })
    };
    let seen = written(registry.snapshot());
    assert_eq!(seen["overridden"], lasting("dry_run", "registry"));
    assert_eq!(seen["dependencies"][0]["overridden"], of_dependency);
    let seen = written(registry.tenant("acme").snapshot());
    assert_eq!(seen["overridden"], lasting("disabled", "tenant"));
    assert_eq!(seen["circuits"][0]["overridden"], of_dependency);
    search.circuit("acme").set(Override::DryRun);
    advance(SECOND).await;
    let shown = search.circuit("acme").override_in_force();
    let expected = json!({
        "kind": "dry_run", "level": "circuit", "reason": "forced", "note": null,
        "since_ago_ms": 1000.0, "remaining_ms": null
    });
    assert_eq!(written(shown), expected);
}

#[tokio::test(start_paused = true)]
async fn a_circuit_that_is_held_for_its_quota_says_so() {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let search = registry.dependency("search").unwrap();
    record(&search, "acme", Outcome::QuotaExhausted);
    advance(SECOND).await;
    let seen = written(search.circuit("acme").snapshot());
    let expected = json!({
        "kind": "forced_open", "level": "circuit", "reason": "quota_exhausted", "note": null,
        "since_ago_ms": 1000.0, "remaining_ms": null
    });
    assert_eq!(seen["overridden"], expected);
    assert_eq!(seen["state"], "closed");
}

#[tokio::test(start_paused = true)]
async fn a_page_is_written_so() {
    let (_registry, search) = eventful().await;
    let expected = json!({ "circuits": [eventful_circuit()], "next": null });
    assert_eq!(
        written(search.circuits_page(&PageRequest::new(1))),
        expected
    );
    succeed(&search, "globex");
    let page = search.circuits_page(&PageRequest::new(1));
    let next = page.next.clone().unwrap().to_string();
    let expected = json!({ "circuits": [eventful_circuit()], "next": next });
    assert_eq!(written(page), expected);
}

#[tokio::test(start_paused = true)]
async fn a_report_of_a_dry_run_is_written_so() {
    let search = declare(policy());
    let none = json!({
        "dependency": "search", "since_ago_ms": null, "calls": 0, "would_open": 0,
        "would_declare_outage": 0, "would_reject": 0, "would_reject_by_outage": 0, "share_rejected": 0.0, "tenants": 0, "most_affected": []
    });
    assert_eq!(written(search.dry_run_report(9)), none);
    search.set(Override::DryRun);
    trip(&search, "acme");
    for _ in 0..2 {
        succeed(&search, "acme");
    }
    advance(Duration::from_millis(250)).await;
    let expected = json!({
        "dependency": "search", "since_ago_ms": 250.0, "calls": 2, "would_open": 1,
        "would_declare_outage": 0, "would_reject": 2, "would_reject_by_outage": 0,
        "share_rejected": 0.5, "tenants": 1,
        "most_affected": [{
            "tenant": "acme", "calls": 2, "would_open": 1, "would_reject": 2,
            "share_rejected": 0.5
        }]
    });
    assert_eq!(written(search.dry_run_report(9)), expected);
}

#[tokio::test(start_paused = true)]
async fn an_outage_in_a_dry_run_is_written_apart() {
    let outage = OutagePolicy::default().min_tenants(2);
    let search = declare(policy().outage(outage));
    search.set(Override::DryRun);
    for tenant in ["acme", "globex"] {
        succeed(&search, tenant);
        trip(&search, tenant);
        succeed(&search, tenant);
    }
    for _ in 0..2 {
        succeed(&search, "initech");
    }
    let report = written(search.dry_run_report(0));
    let counts = ["open", "declare_outage", "reject", "reject_by_outage"];
    let counts = counts.map(|count| report[format!("would_{count}")].clone());
    assert_eq!(counts, [2, 1, 4, 3]);
}

#[tokio::test(start_paused = true)]
async fn proposals_are_written_so() {
    let search = declare(policy());
    let expected = json!({
        "open_for": { "why_not": "too few samples: 0 of 20" },
        "consecutive_failures": { "why_not": "too few samples: 0 of 10000" },
        "latency_p95": { "why_not": "too few samples: 0 of 10" }
    });
    assert_eq!(written(search.suggest()), expected);
    for _ in 0..10_000 {
        succeed(&search, "acme");
    }
    for _ in 0..20 {
        trip(&search, "acme");
        advance(PERIOD).await;
        fail(&search, "acme");
        advance(PERIOD).await;
        succeed(&search, "acme");
    }
    let suggestion = search.suggest();
    let [period, run] = [
        suggestion.open_for.clone().unwrap().basis,
        suggestion.consecutive_failures.clone().unwrap().basis,
    ];
    let expected = json!({
        "open_for": { "value_ms": 8589.934592, "samples": 20, "basis": period },
        "consecutive_failures": { "value": 3, "samples": 10_080, "basis": run },
        "latency_p95": { "why_not": "too few samples: 0 of 10" }
    });
    assert_eq!(written(suggestion), expected);
}

#[test]
fn states_reasons_and_overrides_are_their_names() {
    use CircuitState::{Closed, HalfOpen, Open};
    for state in [Closed, Open, HalfOpen] {
        assert_eq!(written(state), state.as_str());
    }
    let overrides = [Override::ForcedOpen, Override::Disabled, Override::DryRun];
    assert_eq!(
        written(overrides),
        json!(["forced_open", "disabled", "dry_run"])
    );
    for reason in [Reason::FailureRate, Reason::Recovering, Reason::ByHand] {
        assert_eq!(written(reason), reason.as_str());
    }
    assert_eq!(written(Reason::Latency { rule: 2 }), "latency:2");
    let effective = [
        (
            EffectiveState::Automatic(HalfOpen),
            "automatic",
            json!("half_open"),
        ),
        (EffectiveState::ForcedOpen, "forced_open", Value::Null),
        (EffectiveState::Disabled, "disabled", Value::Null),
        (EffectiveState::DryRun(Open), "dry_run", json!("open")),
        (EffectiveState::Outage(Closed), "outage", json!("closed")),
    ];
    for (effective, by, state) in effective {
        let expected = json!({ "decided_by": by, "state": state });
        assert_eq!(written(effective), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn ids_that_tenants_choose_do_not_break_out_of_their_strings() {
    let search = declare(policy());
    let hostile = "\"},\u{0}\u{2028}</script>\n";
    succeed(&search, hostile);
    let page = search.circuits_page(&PageRequest::new(1));
    let text = serde_json::to_string(&page).unwrap();
    assert!(!text.contains('\n') && !text.contains('\u{0}'));
    let read: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(read["circuits"][0]["tenant"], hostile);
}
