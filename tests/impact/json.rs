use serde_json::json;
use tower_tenant_breaker::impact::Turn;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_report_is_written_under_stable_names() {
    let registry = registry(impact().max_turns(1));
    let search = declare(&registry, "search", patient());
    let tenant = "ac\"me\n";
    succeed(&search, tenant, 2);
    for turn in ["17", "18"] {
        Turn::scope(turn, async { fail(&search, tenant, 1) }).await;
    }
    let report = registry.impact();
    let counts = json!({
        "hour_start": "2026-03-05T12:00:00Z",
        "tenant": tenant,
        "calls": 4,
        "failed": 2,
        "slow": 0,
        "rejected": 0,
        "fallback_served": 0,
        "turns": {"count": 1, "at_least": true},
    });
    let mut row = counts.clone();
    row["dependency"] = json!("search");
    let hour = json!({
        "hour_start": "2026-03-05T12:00:00Z",
        "rows": 1,
        "unlisted": 0,
        "dropped": 0,
    });
    let written = serde_json::to_value(&report).unwrap();
    assert_eq!(
        written,
        json!({"kept": true, "hours": [hour], "rows": [row]})
    );
    let sums = serde_json::to_value(report.per_tenant()).unwrap();
    assert_eq!(sums, json!([counts]));
}

#[test]
fn that_there_is_no_ledger_is_written() {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let written = serde_json::to_value(registry.impact()).unwrap();
    assert_eq!(written, json!({"kept": false, "hours": [], "rows": []}));
}

#[tokio::test(start_paused = true)]
async fn a_row_without_a_tenant_says_so() {
    let (registry, search) = search();
    let shared = search.acquire_shared(tower_tenant_breaker::Probing::Yes);
    shared.unwrap().record(Outcome::failure());
    let written = serde_json::to_value(registry.impact()).unwrap();
    assert_eq!(written["rows"][0]["tenant"], json!(null));
}
