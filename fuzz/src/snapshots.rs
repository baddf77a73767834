//! Snapshots, pages, reports and events as JSON: each field is what the snapshot says, and all is within its bounds.

mod written;

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;
use tower_tenant_breaker::{Dependency, PageCursor, PageRequest, RecvError};

use crate::paused;
use crate::play::{Play, Script, TENANTS, Who};

/// Names of tenants with bars between them, a line feed, and operations.
pub fn check(data: &[u8]) {
    let (names, script) = match data.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&data[..end], &data[end + 1..]),
        None => (&[][..], data),
    };
    let names = names_of(&String::from_utf8_lossy(names));
    cursors(&names);
    let script = Script::read(script);
    paused::play(async {
        let mut play = Play::new(&script, names);
        let all = script.operations.len();
        for (n, operation) in script.operations.into_iter().take(60).enumerate() {
            play.step(operation).await;
            if n % 8 == 7 || n + 1 == all {
                look(&mut play);
            }
        }
    });
}

/// As many good ones as there are tenants, no two of which are the same.
fn names_of(text: &str) -> Vec<String> {
    let given = text
        .split('|')
        .map(|name| name.replace('~', "\n").repeat(1 + name.len() % 3));
    let mut seen = BTreeSet::new();
    let good = |name: &String| (1..=256).contains(&name.len());
    let more = (0..TENANTS).map(|tenant| format!("tenant {tenant}"));
    let names = given.filter(good).chain(more);
    names
        .filter(|name| seen.insert(name.clone()))
        .take(TENANTS)
        .collect()
}

fn cursors(names: &[String]) {
    for text in names {
        match text.parse::<PageCursor>() {
            Ok(cursor) => assert_eq!(cursor.to_string(), *text, "written as it was"),
            Err(error) => assert_eq!(error.to_string(), "not a cursor of a page of circuits"),
        }
    }
}

fn look(play: &mut Play) {
    let whole = json(&play.registry.snapshot());
    let names = list(&whole["dependencies"])
        .iter()
        .map(|seen| seen["name"].as_str());
    assert!(names.eq([Some("mail"), Some("search")]), "sorted: {whole}");
    for dependency in &play.dependencies {
        let snapshot = dependency.snapshot();
        assert_eq!(snapshot.name, dependency.name());
        assert_eq!(snapshot.circuits, dependency.len());
        assert_eq!(json(&snapshot), written::dependency(&snapshot));
        for circuit in dependency.circuit_snapshots() {
            assert_eq!(json(&circuit), written::circuit(&circuit));
        }
        let report = dependency.dry_run_report(3);
        assert!(report.most_affected.len() <= 3);
        assert_eq!(json(&report), written::dry_run(&report));
        json(&dependency.suggest());
        for limit in [1, 3] {
            pages(dependency, limit);
        }
    }
    for who in Who::all().take(TENANTS) {
        let tenant = play.circuit(who).tenant().to_owned();
        let snapshot = play.registry.tenant(&tenant).snapshot();
        let seen = json(&snapshot);
        assert_eq!(seen["tenant"], tenant);
        let circuits = snapshot.circuits.iter().map(written::circuit);
        assert!(
            circuits.eq(list(&seen["circuits"]).iter().cloned()),
            "{seen}"
        );
    }
    loop {
        match play.events.try_recv() {
            Ok(Some(event)) => {
                let seen = json(&event);
                assert_eq!(seen["tenant"].as_str(), event.tenant.as_deref());
                assert_eq!(seen["dependency"].as_str(), event.dependency.as_deref());
                assert_eq!(seen["generation"], event.generation);
            }
            Err(RecvError::Lagged(_)) => {}
            Ok(None) | Err(_) => break,
        }
    }
}

/// Every circuit is on one page, and on one alone.
fn pages(dependency: &Dependency, limit: usize) {
    let mut seen = BTreeSet::new();
    let mut request = PageRequest::new(limit);
    loop {
        let page = dependency.circuits_page(&request);
        assert!(page.circuits.len() <= limit);
        for circuit in &page.circuits {
            assert_eq!(json(circuit), written::circuit(circuit));
            let tenant = circuit.tenant.clone().expect("tenants alone are listed");
            assert!(seen.insert(tenant), "{:?} is listed twice", circuit.tenant);
        }
        let Some(next) = page.next else { break };
        let read: PageCursor = next.to_string().parse().expect("it was written just now");
        assert_eq!(read, next);
        request = PageRequest::new(limit).after(read);
    }
    assert_eq!(seen.len(), dependency.len());
}

/// Written, read, and looked through.
fn json(value: &impl Serialize) -> Value {
    let text = serde_json::to_string(value).expect("it is written");
    let read: Value = serde_json::from_str(&text).expect("and read");
    within_bounds("", &read);
    read
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn within_bounds(name: &str, value: &Value) {
    match value {
        Value::Object(fields) => fields
            .iter()
            .for_each(|(name, value)| within_bounds(name, value)),
        Value::Array(values) => values.iter().for_each(|value| within_bounds(name, value)),
        Value::Number(number) => {
            let number = number.as_f64().expect("a number");
            assert!(number.is_finite() && number >= 0.0, "{name}: {number}");
            if name.starts_with("share_") || name == "ramp" {
                assert!(number <= 1.0, "{name}: {number}");
            }
        }
        Value::String(text) => match name {
            "state" | "from" | "to" => {
                assert!(
                    ["closed", "open", "half_open"].contains(&text.as_str()),
                    "{text}"
                );
            }
            "decided_by" => {
                let known = ["automatic", "forced_open", "disabled", "dry_run", "outage"];
                assert!(known.contains(&text.as_str()), "{text}");
            }
            "reason" | "level" | "origin" => {
                let is_word = |sign: char| {
                    sign.is_ascii_lowercase() || sign.is_ascii_digit() || "_:".contains(sign)
                };
                assert!(
                    !text.is_empty() && text.chars().all(is_word),
                    "{name}: {text}"
                );
            }
            _ => {}
        },
        // JSON has no number that is none: it would be null, where a number is due.
        Value::Null => assert!(
            !name.starts_with("share_rejected") && !name.ends_with("_time_ms"),
            "{name}"
        ),
        Value::Bool(_) => {}
    }
}
