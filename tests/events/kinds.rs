//! What each kind of event says, borrowed, owned and written.

use super::*;

/// A registry with room for one circuit in which everything happens once.
async fn everything() -> (Vec<OwnedEvent>, Vec<String>) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let write = Arc::clone(&heard);
    let builder = CircuitBreakerRegistry::builder().max_tenants(1);
    let (registry, search) = declare(builder.observer(move |event: &Event<'_>| {
        write.lock().unwrap().push(format!("{event:?}"));
    }));
    let mut events = registry.subscribe();
    trip(&search);
    search.acquire("acme").unwrap_err();
    advance(PERIOD).await;
    record(&search, Outcome::Success);
    record(&search, Outcome::Success);
    {
        let _room = search.acquire("acme").unwrap();
        drop(search.acquire("globex").unwrap());
    }
    registry.tenant("acme").force_open("unpaid");
    search.acquire("acme").unwrap_err();
    registry.tenant("acme").clear();
    advance(2 * WINDOW).await;
    search.circuit("globex").open().unwrap();
    advance(3 * WINDOW).await;
    drop(search.acquire("initech").unwrap());
    let heard = heard.lock().unwrap().clone();
    (take(&mut events), heard)
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_receives_what_the_observer_hears_field_by_field() {
    let (told, heard) = everything().await;
    let received = told.iter().map(|event| format!("{:?}", event.as_event()));
    assert_eq!(received.collect::<Vec<_>>(), heard);
    let kept = told.iter().map(|event| OwnedEvent::from(&event.as_event()));
    let kept = kept.map(|event| format!("{:?}", event.as_event()));
    assert_eq!(kept.collect::<Vec<_>>(), heard);
}

#[tokio::test(start_paused = true)]
async fn everything_that_happens_is_told_in_its_order() {
    let (told, _) = everything().await;
    let kinds: Vec<_> = told.iter().map(|event| event.kind.as_str()).collect();
    let expected = [
        "transition",
        "rejection",
        "transition",
        "probe",
        "probe",
        "transition",
        "overflow",
        "override",
        "rejection",
        "override",
        "evicted",
        "transition",
        "forgotten",
    ];
    assert_eq!(kinds, expected);
    assert!(told.iter().all(|event| event.at <= Instant::now()));
    assert!(told.is_sorted_by_key(|event| event.at));
}

#[test]
fn names_are_what_they_were() {
    let origins = [Origin::Automatic, Origin::ByHand, Origin::Override];
    assert_eq!(
        origins.map(|origin| origin.as_str()),
        ["automatic", "by_hand", "override"]
    );
    let levels = [
        OverrideLevel::Circuit,
        OverrideLevel::Dependency,
        OverrideLevel::Tenant,
        OverrideLevel::Registry,
    ];
    assert_eq!(
        levels.map(|level| level.as_str()),
        ["circuit", "dependency", "tenant", "registry"]
    );
}

#[cfg(feature = "serde")]
mod written {
    use super::*;
    use serde_json::{Value, json};

    /// As written, without the wall clock's word.
    fn write(event: &OwnedEvent) -> Value {
        let mut written = serde_json::to_value(event).unwrap();
        let unix_ms = written.as_object_mut().unwrap().remove("unix_ms").unwrap();
        let since = event.told_at.duration_since(std::time::UNIX_EPOCH).unwrap();
        assert_eq!(unix_ms.as_u64().map(u128::from), Some(since.as_millis()));
        written
    }

    #[tokio::test(start_paused = true)]
    async fn each_kind_is_written_by_stable_names() {
        let (told, _) = everything().await;
        assert_eq!(
            write(&told[0]),
            json!({
                "kind": "transition", "from": "closed", "to": "open",
                "dependency": "search", "tenant": "acme", "generation": 1,
                "origin": "automatic", "reason": "consecutive_failures", "dry_run": false,
                "figures": {
                    "calls": 2, "failures": 2, "throttled": 0, "consecutive_failures": 2,
                    "slow": [0, 0, 0, 0],
                },
            })
        );
        assert_eq!(
            write(&told[3]),
            json!({
                "kind": "probe", "outcome": "success", "slow": false,
                "dependency": "search", "tenant": "acme", "generation": 2,
                "origin": "automatic", "dry_run": false,
            })
        );
        assert_eq!(
            write(&told[7]),
            json!({
                "kind": "override", "level": "tenant", "set": "forced_open",
                "tenant": "acme", "generation": 0,
                "origin": "by_hand", "dry_run": false, "note": "unpaid",
            })
        );
        assert_eq!(
            write(&told[8]),
            json!({
                "kind": "rejection", "dependency": "search", "tenant": "acme", "generation": 3,
                "origin": "override", "reason": "forced", "dry_run": false, "note": "unpaid",
            })
        );
        // Cleared is said, not left out.
        assert_eq!(write(&told[9])["set"], Value::Null);
        assert!(write(&told[9]).as_object().unwrap().contains_key("set"));
        for (at, kind) in [(6, "overflow"), (10, "evicted"), (12, "forgotten")] {
            assert_eq!(write(&told[at])["kind"], kind);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_end_a_hint_and_a_rule_are_written_where_there_are_some() {
        let (registry, search, mut events) = subscribed();
        registry.set_for(Override::DryRun, PERIOD);
        let event = one(&mut events);
        let ends = event.told_at + PERIOD;
        let ends = ends.duration_since(std::time::UNIX_EPOCH).unwrap();
        let written = write(&event)["until_unix_ms"].as_u64().map(u128::from);
        assert_eq!(written, Some(ends.as_millis()));
        registry.clear();
        trip(&search);
        advance(PERIOD).await;
        let hint = Duration::from_millis(1_500);
        record(&search, Outcome::failure().with_retry_after(hint));
        let told = take(&mut events);
        let probe = told.iter().find(|event| event.kind.as_str() == "probe");
        assert_eq!(write(probe.unwrap())["retry_after_ms"], 1_500);
        let mut by_latency = probe.unwrap().clone();
        by_latency.reason = Some(tower_tenant_breaker::Reason::Latency { rule: 2 });
        assert_eq!(write(&by_latency)["reason"], "latency:2");
    }

    #[tokio::test(start_paused = true)]
    async fn no_id_can_forge_a_line() {
        let (_registry, search, mut events) = subscribed();
        let forged = "acme\",\n\"kind\":\"override\u{2028}";
        search.circuit(forged).force_open(forged);
        let written = serde_json::to_string(&one(&mut events)).unwrap();
        assert!(!written.contains('\n'));
        let read: Value = serde_json::from_str(&written).unwrap();
        assert_eq!(
            (&read["tenant"], &read["note"]),
            (&json!(forged), &json!(forged))
        );
    }
}

#[test]
fn names_are_displayed_as_they_are_written() {
    let kinds = [Override::ForcedOpen, Override::Disabled, Override::DryRun];
    let names = ["forced_open", "disabled", "dry_run"];
    assert_eq!(kinds.map(|kind| kind.as_str()), names);
    assert_eq!(kinds.map(|kind| kind.to_string()), names);
    for origin in [Origin::Automatic, Origin::ByHand, Origin::Override] {
        assert_eq!(origin.to_string(), origin.as_str());
    }
    for level in [OverrideLevel::Circuit, OverrideLevel::Registry] {
        assert_eq!(level.to_string(), level.as_str());
    }
    for kind in [EventKind::Rejection, EventKind::Overflow] {
        assert_eq!(kind.to_string(), kind.as_str());
    }
}
