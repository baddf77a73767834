//! The order that `tests/COMPOSITION.md` recommends, as a whole.

use std::future::{Ready, ready};
use std::time::Duration;

use tower::load_shed::error::Overloaded;
use tower::retry::Policy;
use tower::timeout::error::Elapsed;
use tower::{BoxError, Service, ServiceBuilder};
use tower_tenant_breaker::{CircuitState, Dependency, Reason};

use crate::job::{Fail, Hang, Job, Succeed, job, two_strikes};
use crate::{Limited, declare, layer, limited, once, rejection, settle};

/// What fails is the caller's own fault.
fn sound(job: Job) -> Result<Job, BoxError> {
    if job.order == Fail {
        return Err("paper that fits no tray".into());
    }
    Ok(job)
}

/// A second attempt for each call that fails.
#[derive(Clone, Debug)]
struct OnceMore(bool);

impl Policy<Job, String, BoxError> for OnceMore {
    type Future = Ready<()>;

    fn retry(&mut self, _: &mut Job, result: &mut Result<String, BoxError>) -> Option<Ready<()>> {
        (result.is_err() && std::mem::take(&mut self.0)).then(|| ready(()))
    }

    fn clone_request(&mut self, job: &Job) -> Option<Job> {
        Some(job.clone())
    }
}

fn stack(
    printer: &Dependency,
    inner: Limited,
) -> impl Service<Job, Response = String, Error = BoxError, Future: Send> + Clone + Send + use<> {
    ServiceBuilder::new()
        .filter(sound)
        .timeout(Duration::from_secs(20))
        .layer(layer(printer))
        .load_shed()
        .concurrency_limit(2)
        .retry(OnceMore(true))
        .timeout(Duration::from_secs(5))
        .service(inner)
}

// As with `LoadShed` inside, and without an error of the inner, since the filter knows it before.
promises! {
    these: stack,
    a_rejection_arrives_as_itself_and_is_counted,
    a_rejected_call_leaves_no_reservation,
    a_probe_that_is_dropped_gives_its_place_back
}

#[tokio::test(start_paused = true)]
async fn only_what_the_dependency_did_is_held_against_it_and_only_its_own_tenants_pay() {
    let printer = declare(two_strikes().max_in_flight(1));
    let service = stack(&printer, limited(9).1);

    for _ in 0..10 {
        assert!(once(&service, job("clumsy", Fail)).await.is_err());
    }
    assert_eq!(printer.len(), 0, "no circuit hears of the callers' faults");

    // One place for each tenant, two for all.
    let hanging = ["sick", "ill"].map(|tenant| {
        let service = service.clone();
        tokio::spawn(async move { once(&service, job(tenant, Hang)).await })
    });
    settle().await;
    let saturated = rejection(&service, "sick").await;
    assert_eq!(saturated.reason(), Reason::Saturated);
    let shed = once(&service, job("well", Succeed)).await.unwrap_err();
    assert!(shed.is::<Overloaded>(), "{shed}");
    assert_eq!(printer.snapshot().totals.ignored, 1);

    for call in hanging {
        let error = call.await.unwrap().unwrap_err();
        assert!(error.is::<Elapsed>(), "{error}");
    }
    assert_eq!(printer.snapshot().totals.failures, 2, "of four attempts");
    assert!(once(&service, job("sick", Hang)).await.is_err());
    assert_eq!(printer.state("sick"), CircuitState::Open);
    assert_eq!(printer.state("ill"), CircuitState::Closed);
    once(&service, job("well", Succeed)).await.unwrap();
    assert_eq!(printer.open_circuits(), ["sick"]);
}
