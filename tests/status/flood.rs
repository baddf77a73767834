//! More changes than anybody reads.

use super::*;

fn tenant(n: usize) -> String {
    format!("tenant {n:04}")
}

#[tokio::test(start_paused = true)]
async fn a_flood_is_told_in_part_and_what_was_skipped_is_counted() {
    let (status, search) = search();
    let mut reader = Reader::greeted(&status).await;
    for n in 0..300 {
        trip(&search, &tenant(n));
    }
    settle().await;
    search.force_open("the vendor is down");
    let mut told = Vec::new();
    let skipped = loop {
        match reader.next().await {
            (name, change) if name == "change" => told.push(change),
            (name, data) if name == "skipped" => break data,
            (name, _) => assert_eq!(name, "overview"),
        }
    };
    assert_eq!(skipped, serde_json::json!({ "skipped": 260 }));
    assert_eq!(told.len(), 41);
    for (n, change) in told[..40].iter().enumerate() {
        assert_eq!(change["tenant"], tenant(n));
    }
    assert_eq!(told[40]["note"], "the vendor is down", "it finds room");

    search.clear();
    assert_eq!(
        reader.wait_for("change").await["kind"],
        "override",
        "in a new second"
    );
}

#[tokio::test(start_paused = true)]
async fn an_outage_finds_room_in_a_flood_of_circuits_that_open() {
    let registry = registry();
    let outage = OutagePolicy::default().min_tenants(200);
    let search = declare(&registry, "search", policy().outage(outage));
    (0..200).for_each(|n| record(&search, &tenant(n), Outcome::Success));
    let mut reader = Reader::greeted(&StatusService::new(registry)).await;
    (0..200).for_each(|n| trip(&search, &tenant(n)));
    settle().await;
    assert!(search.outage().is_some());
    let mut kinds = Vec::new();
    for _ in 0..41 {
        kinds.push(reader.wait_for("change").await["kind"].clone());
    }
    assert_eq!(kinds.pop().unwrap(), "outage");
    assert!(kinds.iter().all(|kind| kind == "transition"));
}

#[tokio::test(start_paused = true)]
async fn never_more_than_fifty_are_told_in_a_second() {
    let (status, search) = search();
    let mut reader = Reader::greeted(&status).await;
    for _ in 0..40 {
        search.force_open("on");
        search.clear();
    }
    settle().await;
    for _ in 0..50 {
        assert_eq!(reader.wait_for("change").await["kind"], "override");
    }
    assert_eq!(reader.wait_for("skipped").await["skipped"], 30);
}

#[tokio::test(start_paused = true)]
async fn what_came_too_fast_for_the_task_itself_is_counted_as_skipped() {
    let registry = CircuitBreakerRegistry::builder()
        .event_capacity(16)
        .build()
        .unwrap();
    let search = declare(&registry, "search", policy());
    let status = StatusService::new(registry);
    let mut reader = Reader::greeted(&status).await;
    for n in 0..100 {
        trip(&search, &tenant(n));
    }
    let mut told = 0;
    let skipped = loop {
        match reader.next().await {
            (name, _) if name == "change" => told += 1,
            (name, data) if name == "skipped" => break data["skipped"].as_u64().unwrap(),
            (name, _) => assert_eq!(name, "overview"),
        }
    };
    assert_eq!((told, skipped), (16, 84));
}

#[tokio::test(start_paused = true)]
async fn the_log_holds_the_last_two_hundred_changes_told_or_not() {
    let (status, search) = search();
    for n in 0..300 {
        trip(&search, &tenant(n));
    }
    settle().await;
    let log = Reader::of(&status).await.wait_for("log").await;
    let log = log.as_array().unwrap();
    assert_eq!(log.len(), 200);
    assert_eq!(log[0]["tenant"], tenant(100));
    assert_eq!(log[199]["tenant"], tenant(299));
}
