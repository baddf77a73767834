//! Writes that must not probe, and a prober in their place.

use std::convert::Infallible;

use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
use tower_tenant_breaker::{CircuitOpen, Reason, TenantCircuitBreakerLayer, tenant_fn};

use super::*;

#[derive(Clone)]
struct Transfer;

#[tokio::test(start_paused = true)]
async fn writes_are_never_probes_and_come_back_by_the_prober_alone() {
    let ledger = declare(policy());
    let (writes, is_up) = (Arc::new(Mutex::new(0)), Arc::new(Mutex::new(false)));
    let (written, up) = (Arc::clone(&writes), Arc::clone(&is_up));
    let layer =
        TenantCircuitBreakerLayer::new(ledger.clone(), tenant_fn(|_: &Transfer| Ok("acme".into())))
            .classify(|result: Result<&bool, &tower::BoxError>| match result {
                Ok(true) => Outcome::Success,
                _ => Outcome::failure(),
            })
            .probe_if(|_: &Transfer| false);
    let mut service = ServiceBuilder::new()
        .layer(layer)
        .service(service_fn(move |_: Transfer| {
            *written.lock().unwrap() += 1;
            let is_up = *up.lock().unwrap();
            async move { Ok::<_, Infallible>(is_up) }
        }));
    let up = Arc::clone(&is_up);
    let _prober = prober(&ledger)
        .spawn(move |_| {
            let outcome = if *up.lock().unwrap() {
                Outcome::Success
            } else {
                Outcome::failure()
            };
            async move { outcome }
        })
        .unwrap();

    assert!(!service.ready().await.unwrap().call(Transfer).await.unwrap());
    for second in 0..60 {
        *is_up.lock().unwrap() = second >= 40;
        pass(SECOND).await;
        let answer = service.ready().await.unwrap().call(Transfer).await;
        if ledger.state("acme") == CircuitState::Closed {
            assert!(answer.unwrap());
        } else {
            let error = answer.unwrap_err();
            assert!(CircuitOpen::find(&*error).is_some());
            assert_eq!(*writes.lock().unwrap(), 1, "a write was risked");
        }
    }
    assert_eq!(ledger.state("acme"), CircuitState::Closed);
    assert!(*writes.lock().unwrap() > 10);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_warned_and_if_none_else_never_probes_while_a_prober_is_at_work() {
    watch_the_log();
    let search = declare(policy());
    let upstream = Upstream::up().hanging();
    // One slow probe at a time: many circuits wait for longer than three periods.
    let slow = prober(&search).concurrency(1).timeout(1_000 * SECOND);
    let prober = upstream.spawn(slow);
    want(&search, "acme", 1);
    want(&search, "globex", 100);
    let reason = |probing| {
        let rejected = search.acquire_barred("acme", probing).unwrap_err();
        rejected.circuit_open().unwrap().reason()
    };
    for _ in 0..10 {
        pass(3 * PERIOD).await;
        assert_eq!(reason(Probing::No), Reason::Barred);
        assert_eq!(reason(Probing::IfNoneElse), Reason::Barred);
    }
    assert_eq!(upstream.asked(), ["globex"]);
    assert_eq!(WARNINGS.get(), 0);
    // Once it is gone, others have to.
    drop(prober);
    assert!(search.acquire_barred("acme", Probing::IfNoneElse).is_ok());
    assert_eq!(WARNINGS.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_synthetic_probe_is_one_that_may_probe() {
    watch_the_log();
    let search = declare(policy());
    let upstream = Upstream::new(Outcome::Ignored);
    let prober = upstream.spawn(prober(&search));
    trip(&search, "acme");
    pass(2 * PERIOD + HALF).await;
    reject(&search, "acme", 1);
    pass(SECOND).await;
    assert_eq!(upstream.asked(), ["acme"]);
    drop(prober);
    // Three periods count from its probe on, as from that of a live call.
    pass(3 * PERIOD - SECOND).await;
    reject(&search, "acme", 1);
    assert_eq!(WARNINGS.get(), 0);
    pass(SECOND).await;
    reject(&search, "acme", 1);
    assert_eq!(WARNINGS.get(), 1);
}
