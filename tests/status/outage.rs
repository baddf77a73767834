//! An outage, as whoever watches sees it.

use super::*;

#[tokio::test(start_paused = true)]
async fn an_outage_appears_in_the_events_and_ends_there() {
    let registry = registry();
    let outage = OutagePolicy::default()
        .min_tenants(3)
        .min_share(0.2)
        .open_for(OpenPeriod::fixed(10 * SECOND).jitter(0.0))
        .recovery_spread(Duration::ZERO);
    let search = declare(&registry, "search", policy().outage(outage));
    let status = StatusService::new(registry);
    let mut reader = Reader::greeted(&status).await;
    for n in 0..10 {
        succeed(&search, &format!("tenant {n}"));
    }
    assert_eq!(overview(&mut reader).await["outage"], Value::Null);
    for n in 0..3 {
        trip(&search, &format!("tenant {n}"));
    }
    let begun = loop {
        let change = reader.wait_for("change").await;
        if change["kind"] == "outage" {
            break change;
        }
    };
    assert_eq!(begun["to"], "open");
    sleep(Duration::from_millis(500)).await;
    let seen = overview(&mut reader).await;
    let outage = &seen["outage"];
    assert_eq!([&outage["down"], &outage["active"]], [3, 10]);
    let [lasts, left] = ["for_ms", "retry_after_ms"].map(|ms| outage[ms].as_f64().unwrap());
    assert!(lasts > 0.0 && lasts + left == 10_000.0, "{outage}");

    sleep(10 * SECOND).await;
    succeed(&search, "tenant 7");
    let ended = loop {
        let change = reader.wait_for("change").await;
        if change["kind"] == "outage" && change["to"] == "closed" {
            break change;
        }
    };
    assert_eq!(ended["dependency"], "search");
    loop {
        let seen = overview(&mut reader).await;
        if seen["outage"].is_null() {
            break;
        }
    }
    assert!(search.outage().is_none());
}

#[tokio::test(start_paused = true)]
async fn an_outage_that_is_probed_in_vain_is_as_old_as_its_declaration() {
    let registry = registry();
    let outage = OutagePolicy::default()
        .min_tenants(2)
        .min_share(0.2)
        .open_for(OpenPeriod::fixed(4 * SECOND).jitter(0.0));
    let search = declare(&registry, "search", policy().outage(outage));
    let status = StatusService::new(registry);
    for n in 0..2 {
        succeed(&search, &format!("tenant {n}"));
        trip(&search, &format!("tenant {n}"));
    }
    sleep(5 * SECOND).await;
    record(&search, "tenant 5", Outcome::failure());
    sleep(3 * SECOND).await;
    let seen = overview(&mut Reader::of(&status).await).await;
    let lasts = seen["outage"]["for_ms"].as_f64().unwrap();
    assert!(
        lasts >= 6_000.0,
        "since its last period began are 3 s: {seen}"
    );
}
