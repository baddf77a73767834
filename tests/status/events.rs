//! What readers of the events are told, and when.

use serde_json::json;
use tokio::time::Instant;
use tower_tenant_breaker::LatencyRule;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_reader_begins_with_an_overview_and_the_log_and_then_hears_of_changes_at_once() {
    let (status, search) = search();
    trip(&search, "acme");
    settle().await;
    let mut reader = Reader::of(&status).await;
    let (name, first) = reader.next().await;
    assert_eq!(name, "overview");
    assert_eq!(first["actions"], false);
    assert_eq!(first["interval_ms"], 2_000);
    assert!(first["dependencies"][0]["history"].is_object());
    let (name, log) = reader.next().await;
    assert_eq!(name, "log");
    assert_eq!(log.as_array().unwrap().len(), 1);
    assert_eq!(log[0]["tenant"], "acme");
    assert_eq!(log[0]["reason"], "consecutive_failures");

    let before = Instant::now();
    trip(&search, "globex");
    let (name, change) = reader.next().await;
    assert_eq!(Instant::now(), before);
    assert_eq!(name, "change");
    assert_eq!(change["kind"], "transition");
    assert_eq!([&change["from"], &change["to"]], ["closed", "open"]);
    assert_eq!(change["tenant"], "globex");

    let (name, second) = reader.next().await;
    assert_eq!(name, "overview");
    assert_eq!(second["dependencies"][0].get("history"), None);
    assert_eq!(second["dependencies"][0]["open"], 2);
}

#[tokio::test(start_paused = true)]
async fn a_change_is_either_in_the_log_or_told_whenever_the_reader_comes() {
    let (status, search) = search();
    // The first comes before there is a sample.
    let mut readers = vec![Reader::of(&status).await];
    for n in 0..10 {
        trip(&search, &format!("tenant {n}"));
        readers.push(Reader::of(&status).await);
        settle().await;
    }
    for mut reader in readers {
        let mut told: Vec<String> = Vec::new();
        let mut note = |change: &Value| told.push(change["tenant"].as_str().unwrap().to_owned());
        loop {
            match reader.next().await {
                (name, log) if name == "log" => log.as_array().unwrap().iter().for_each(&mut note),
                (name, change) if name == "change" => note(&change),
                (name, overview) => {
                    assert_eq!(name, "overview");
                    if overview["dependencies"][0].get("history").is_none() {
                        break;
                    }
                }
            }
        }
        let all: Vec<_> = (0..10).map(|n| format!("tenant {n}")).collect();
        assert_eq!(told, all);
    }
}

#[tokio::test(start_paused = true)]
async fn an_overview_has_the_figures_of_each_dependency() {
    let (status, search) = search();
    settle().await;
    for tenant in ["acme", "globex", "initech", "umbrella"] {
        succeed(&search, tenant);
    }
    trip(&search, "acme");
    sleep(SECOND).await;
    search.circuit("globex").force_open("unpaid");
    let mut reader = Reader::greeted(&status).await;
    let mut seen = reader.wait_for("overview").await;
    assert!(seen["unix_ms"].as_u64().unwrap() > 1_700_000_000_000);
    seen["unix_ms"] = 0.into();
    assert_eq!(
        seen,
        json!({
            "actions": false, "unix_ms": 0, "interval_ms": 2_000, "overridden": null, "left_out": 0,
            "dependencies": [{
                "name": "search", "rate": 3.0, "rejected_rate": 0.0,
                "circuits": 4, "open": 1, "half_open": 0, "idle": 0, "share_open": 0.25,
                "oldest_open_ms": 1_999.0, "p50_ms": null, "p95_ms": null, "p99_ms": null,
                "outage": null, "overridden": null, "forced_circuits": 1
            }]
        })
    );
    search.force_open("maintenance");
    let seen = overview(&mut reader).await;
    assert_eq!(seen["overridden"]["kind"], "forced_open");
    assert_eq!(seen["overridden"]["note"], "maintenance");
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_is_overridden_is_shown_as_such() {
    let registry = registry();
    let status = StatusService::new(registry.clone());
    registry.set(tower_tenant_breaker::Override::Disabled);
    let seen = Reader::of(&status).await.wait_for("overview").await;
    assert_eq!(seen["overridden"]["kind"], "disabled");
    assert_eq!(seen["overridden"]["level"], "registry");
    assert_eq!(seen["dependencies"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn latencies_are_those_of_the_busy_circuits_together() {
    let registry = registry();
    let latency = LatencyRule::p95(10 * SECOND).min_calls(1_000);
    let search = declare(&registry, "search", policy().latency(latency));
    let status = StatusService::new(registry);
    for n in 0..300 {
        let tenant = ["acme", "globex"][n % 2];
        let permit = search.acquire(tenant).unwrap();
        tokio::time::advance(Duration::from_millis(10)).await;
        permit.record(Outcome::Success);
    }
    let seen = overview(&mut Reader::of(&status).await).await;
    let seen = match seen["p50_ms"].is_null() {
        // The first sample was made before the calls.
        true => overview(&mut Reader::greeted(&status).await).await,
        false => seen,
    };
    for quantile in ["p50_ms", "p95_ms", "p99_ms"] {
        let value = seen[quantile].as_f64().unwrap();
        assert!((10.0..10.2).contains(&value), "{quantile}: {value}");
    }
}

#[tokio::test(start_paused = true)]
async fn rates_are_the_calls_between_two_samples_by_the_time_between() {
    let (status, search) = search();
    // Before the first sample: nobody knows since when.
    for _ in 0..100 {
        succeed(&search, "acme");
    }
    let mut reader = Reader::of(&status).await;
    let first = overview(&mut reader).await;
    assert_eq!([&first["rate"], &first["rejected_rate"]], [&json!(0.0); 2]);
    for _ in 0..5 {
        succeed(&search, "acme");
        record(&search, "acme", Outcome::Ignored);
        drop(search.acquire("acme").unwrap());
    }
    search.circuit("globex").open().unwrap();
    for _ in 0..3 {
        search.acquire("globex").unwrap_err();
    }
    let second = overview(&mut reader).await;
    assert_eq!([&second["rate"], &second["rejected_rate"]], [9.0, 1.5]);
    for _ in 0..8 {
        succeed(&search, "acme");
    }
    let third = overview(&mut reader).await;
    assert_eq!([&third["rate"], &third["rejected_rate"]], [4.0, 0.0]);
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_in_the_middle_of_it_sees_when_it_began_though_nobody_looked() {
    let (status, search) = search();
    succeed(&search, "acme");
    sleep(300 * SECOND).await;
    let circuit = search.circuit("acme");
    circuit.open_for(600 * SECOND).unwrap();
    for _ in 0..10 {
        sleep(INTERVAL).await;
        for _ in 0..4 {
            search.acquire("acme").unwrap_err();
        }
    }
    settle().await;
    let seen = overview(&mut Reader::of(&status).await).await;
    let line = |name: &str| {
        let line = seen["history"][name].as_array().unwrap();
        assert_eq!(line.len(), 60, "two minutes");
        line.iter()
            .map(|point| point.as_f64().unwrap())
            .collect::<Vec<_>>()
    };
    let share = line("share_open");
    let began = share.iter().position(|share| *share > 0.0).unwrap();
    assert!((49..=51).contains(&began), "{share:?}");
    assert!(share[began..].iter().all(|share| *share == 1.0));
    assert_eq!(line("rejected_rate")[58..], [2.0, 2.0]);
    assert_eq!(line("rate")[58..], [2.0, 2.0]);
    assert_eq!(line("rate")[..began - 1], vec![0.0; began - 1]);
}

#[tokio::test(start_paused = true)]
async fn a_circuit_that_nobody_asks_for_any_more_is_idle_and_not_open() {
    let (status, search) = search();
    trip(&search, "acme");
    sleep(600 * SECOND).await;
    let seen = overview(&mut Reader::of(&status).await).await;
    assert_eq!([&seen["open"], &seen["idle"]], [0, 1]);
    assert_eq!(seen["share_open"], 0.0);
    assert_eq!(seen["oldest_open_ms"], Value::Null);
}
