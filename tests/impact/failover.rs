use tower::{BoxError, Service, service_fn};
use tower_tenant_breaker::failover::Unserved;
use tower_tenant_breaker::{ErrIsFailure, EveryRequest, Failover};

use super::job::{Fail, Job, Owner, job};
use super::*;

/// Fails as long as it is not the last in the list.
fn model(
    works: bool,
) -> impl Service<Job, Response = String, Error = BoxError, Future: Send> + Clone {
    service_fn(move |_: Job| async move {
        if works {
            Ok("a haiku".to_owned())
        } else {
            Err(BoxError::from("overloaded"))
        }
    })
}

fn of(registry: &CircuitBreakerRegistry, dependency: &str) -> [u64; 5] {
    let report = registry.impact();
    let mut rows = report.rows().iter();
    let row = rows.find(|row| row.dependency == dependency);
    row.map_or([0; 5], |row| figures(row.counts))
}

#[tokio::test(start_paused = true)]
async fn a_call_that_a_later_provider_serves_is_served_for_all_that_did_not() {
    let registry = registry(impact());
    let [a, b, c] = ["a", "b", "c"].map(|name| declare(&registry, name, strict()));
    let mut models = Failover::builder(Owner)
        .provider(a.clone(), model(false))
        .provider(b, model(false))
        .provider(c, model(true))
        .classify(ErrIsFailure)
        .resend(EveryRequest)
        .build()
        .unwrap();
    a.circuit("acme").force_open("unpaid");
    models.call(job("acme", Fail)).await.unwrap();
    assert_eq!(of(&registry, "a"), [0, 0, 0, 1, 1]);
    assert_eq!(of(&registry, "b"), [1, 1, 0, 0, 1]);
    assert_eq!(of(&registry, "c"), [0; 5]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_nobody_serves_is_served_for_none() {
    let registry = registry(impact());
    let [a, b] = ["a", "b"].map(|name| declare(&registry, name, strict()));
    let mut models = Failover::builder(Owner)
        .provider(a, model(false))
        .provider(b, model(false))
        .classify(ErrIsFailure)
        .resend(EveryRequest)
        .build()
        .unwrap();
    assert!(models.call(job("acme", Fail)).await.is_err());
    assert_eq!(of(&registry, "a"), [1, 1, 0, 0, 0]);
    assert_eq!(of(&registry, "b"), [1, 1, 0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_last_resort_serves_for_all_unless_it_fails() {
    for works in [true, false] {
        let registry = registry(impact());
        let [a, b] = ["a", "b"].map(|name| declare(&registry, name, strict()));
        let mut models = Failover::builder(Owner)
            .provider(a.clone(), model(false))
            .provider(b, model(false))
            .classify(ErrIsFailure)
            .resend(EveryRequest)
            .last_resort(move |_: Job, why: Unserved<String>| async move {
                match works {
                    true => Ok("a person will answer".to_owned()),
                    false => why.into_result().map(|served| served.into_inner()),
                }
            })
            .build()
            .unwrap();
        a.circuit("acme").force_open("unpaid");
        assert_eq!(models.call(job("acme", Fail)).await.is_ok(), works);
        assert_eq!(of(&registry, "a"), [0, 0, 0, 1, u64::from(works)]);
        assert_eq!(of(&registry, "b"), [1, 1, 0, 0, u64::from(works)]);
    }
}
