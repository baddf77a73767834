//! What is left to a tenant, `failed + rejected - fallback_served`, is never less than nothing, in any row.

use tower::util::BoxCloneService;
use tower::{BoxError, Layer, Service, service_fn};
use tower_tenant_breaker::{
    Cause, ErrIsFailure, EveryRequest, Failover, Override, TenantCircuitBreakerLayer,
};

use super::job::{Fail, Job, Owner, job, work};
use super::*;

/// The registry is built a second before one o'clock.
fn shortly_before_one() -> ImpactPolicy {
    impact().wall_clock(noon() + HOUR - SECOND)
}

async fn down() -> Result<u32, std::io::Error> {
    Err(std::io::Error::other("down"))
}

/// A fallback that takes its time.
async fn in_the_next_hour() -> u32 {
    tokio::time::sleep(2 * SECOND).await;
    0
}

/// The hour of the day, and the figures, of each row.
fn by_hour(registry: &CircuitBreakerRegistry) -> Vec<(u64, [u64; 5])> {
    let report = registry.impact();
    let rows = report.rows().iter().zip(listed(registry));
    rows.map(|(row, (hour, ..))| (hour, figures(row.counts)))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_fallback_that_ends_in_the_next_hour_serves_in_that_of_the_failure() {
    let registry = registry(shortly_before_one());
    let search = declare(&registry, "search", strict());
    search.call_or("acme", down(), |_| in_the_next_hour()).await;
    assert_eq!(by_hour(&registry), [(12, [1, 1, 0, 0, 1])]);
}

#[tokio::test(start_paused = true)]
async fn a_fallback_that_ends_in_the_next_hour_serves_in_that_of_the_rejection() {
    let registry = registry(shortly_before_one());
    let search = declare(&registry, "search", strict());
    let (acme, fresh) = ("acme", "fresh");
    search.circuit(acme).force_open("unpaid");
    search.call_or(acme, down(), |_| in_the_next_hour()).await;
    assert_eq!(by_hour(&registry), [(12, [0, 0, 0, 1, 1])]);
    // Nor that of a tenant without a circuit, in a row of its own.
    search.force_open("maintenance");
    pass(HOUR - 2 * SECOND).await;
    search.call_or(fresh, down(), |_| in_the_next_hour()).await;
    let served = (13, [0, 0, 0, 1, 1]);
    assert_eq!(by_hour(&registry), [(12, served.1), served]);
}

#[tokio::test(start_paused = true)]
async fn a_fallback_of_a_layer_serves_in_the_hour_of_the_failure() {
    let registry = registry(shortly_before_one());
    let printer = declare(&registry, "printer", strict());
    let mut service = TenantCircuitBreakerLayer::new(printer, Owner)
        .classify(ErrIsFailure)
        .fallback_on_failure(|_: Job, _: Cause<String>| async {
            in_the_next_hour().await;
            Ok("later".to_owned())
        })
        .layer(service_fn(work));
    service.call(job("acme", Fail)).await.unwrap();
    assert_eq!(by_hour(&registry), [(12, [1, 1, 0, 0, 1])]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_found_no_room_for_a_row_is_served_in_none() {
    let registry = registry(shortly_before_one().max_rows(1));
    let search = declare(&registry, "search", strict());
    fail(&search, "acme", 1);
    search.call_or("globex", down(), |_| async { 0 }).await;
    // Once for the call, and not once more for its fallback.
    assert_eq!(registry.impact().hours()[0].unlisted, 1);
    assert_eq!(by_hour(&registry), [(12, [1, 1, 0, 0, 0])]);
}

/// Sets the kill switch while a call is on its way.
async fn switched_off(registry: CircuitBreakerRegistry) -> Result<u32, std::io::Error> {
    registry.set(Override::Disabled);
    down().await
}

#[tokio::test(start_paused = true)]
async fn a_call_that_the_kill_switch_left_out_is_not_served() {
    let (registry, search) = search();
    // A row that could take the credit, if it were given.
    fail(&search, "acme", 3);
    let call = switched_off(registry.clone());
    search.call_or("acme", call, |_| async { 0 }).await;
    assert_eq!(figures(counts(&registry)), [3, 3, 0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn neither_is_it_by_the_fallback_of_a_layer_or_by_a_later_provider() {
    let (registry, search) = search();
    fail(&search, "acme", 3);
    let off = registry.clone();
    let model = move |_: Job| {
        let call = switched_off(off.clone());
        async { call.await.map(|_| String::new()).map_err(BoxError::from) }
    };
    let mut service = TenantCircuitBreakerLayer::new(search.clone(), Owner)
        .classify(ErrIsFailure)
        .fallback_on_failure(|_: Job, _: Cause<String>| async { Ok("later".to_owned()) })
        .layer(service_fn(model.clone()));
    service.call(job("acme", Fail)).await.unwrap();
    assert_eq!(figures(counts(&registry)), [3, 3, 0, 0, 0]);

    registry.clear();
    let standby = declare(&registry, "standby", strict());
    let mut models = Failover::builder(Owner)
        .provider(search, BoxCloneService::new(service_fn(model)))
        .provider(
            standby,
            BoxCloneService::new(service_fn(async |_: Job| Ok("hi".to_owned()))),
        )
        .classify(ErrIsFailure)
        .resend(EveryRequest)
        .build()
        .unwrap();
    models.call(job("acme", Fail)).await.unwrap();
    assert_eq!(figures(counts(&registry)), [3, 3, 0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_call_of_a_dry_run_that_is_not_counted_is_not_served() {
    let (registry, search) = search();
    fail(&search, "acme", 3);
    search.circuit("acme").open().unwrap();
    search.set(Override::DryRun);
    search.call_or("acme", down(), |_| async { 0 }).await;
    assert_eq!(figures(counts(&registry)), [3, 3, 0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_row_that_had_to_go_and_came_back_is_not_served_for_calls_that_it_has_lost() {
    let registry = registry(impact().max_rows(2));
    let search = declare(&registry, "search", patient());
    let serve_later = || {
        let call = search.call_or("acme", down(), |_| in_the_next_hour());
        let mut call = tokio_test::task::spawn(call);
        assert!(call.poll().is_pending());
        call
    };
    let mut calls = vec![serve_later(), serve_later()];
    fail(&search, "minted", 9);
    // It takes the place of a newcomer, and then so does acme.
    for known in ["globex", "acme"] {
        succeed(&search, known, 1);
        fail(&search, known, 1);
    }
    calls.push(serve_later());
    pass(3 * SECOND).await;
    for call in &mut calls {
        assert!(call.poll().is_ready());
    }
    let report = registry.impact();
    let [acme, _globex] = report.rows() else {
        panic!("two rows")
    };
    assert_eq!(acme.counts.failed, 2);
    assert_eq!(acme.counts.fallback_served, 2);
}
