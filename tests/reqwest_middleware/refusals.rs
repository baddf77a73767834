//! What a call gets that was not admitted.

use std::error::Error as _;

use reqwest_middleware::Error;
use tower_tenant_breaker::{
    CircuitOpen, FixedTenant, Reason, TenantCircuitBreakerMiddleware, Unsent,
};

use crate::job::{OPEN, open, printer};
use crate::stub::{OK, Stub};
use crate::{breaker, get, stubbed};

/// A rejection, and how often the client's other middleware was called.
async fn rejected() -> (Error, usize) {
    let dependency = printer();
    open(&dependency, "acme");
    let stub = Stub::default();
    let client = stubbed(breaker(&dependency), &stub);
    let error = get(&client, OK, "acme").send().await.unwrap_err();
    (error, stub.received())
}

#[tokio::test(start_paused = true)]
async fn a_rejected_call_goes_no_further() {
    let (error, received) = rejected().await;
    assert_eq!(received, 0);
    let open = CircuitOpen::find(&error).unwrap();
    assert_eq!(
        (open.dependency(), open.tenant()),
        ("printer", Some("acme"))
    );
    assert_eq!(open.reason(), Reason::ConsecutiveFailures);
    assert_eq!(open.retry_after(), Some(OPEN));
}

#[tokio::test(start_paused = true)]
async fn a_rejection_is_the_source_of_a_wrapper_in_an_error_of_a_middleware() {
    let (error, _) = rejected().await;
    // reqwest-retry, and whoever else matches on it, takes it for what no retry can mend.
    let Error::Middleware(inside) = &error else {
        panic!("{error:?}");
    };
    let unsent: &Unsent = inside.downcast_ref().unwrap();
    assert!(unsent.circuit_open().is_some());
    assert!(unsent.source().unwrap().is::<CircuitOpen>());
    // The transparent error gives what lies beneath the wrapper, to those who know nothing of either.
    assert!(error.source().unwrap().is::<CircuitOpen>());

    assert_eq!(error.to_string(), "the request was not sent");
    assert!(!format!("{error}: {}", error.source().unwrap()).contains("acme"));
    assert!(format!("{unsent:?}").starts_with("Unsent(CircuitOpen"));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_without_a_circuit_is_told_from_a_rejection() {
    let breaker = TenantCircuitBreakerMiddleware::new(printer(), FixedTenant::new(""))
        .on_missing_tenant(tower_tenant_breaker::OnMissingTenant::Reject);
    let client = stubbed(breaker, &Stub::default());
    let error = client.get(OK).send().await.unwrap_err();
    let Error::Middleware(inside) = &error else {
        panic!("{error:?}");
    };
    assert!(
        inside
            .downcast_ref::<Unsent>()
            .unwrap()
            .circuit_open()
            .is_none()
    );
    assert!(CircuitOpen::find(&error).is_none());
}

#[tokio::test(start_paused = true)]
async fn clients_and_clones_with_one_dependency_share_its_circuits() {
    let dependency = printer();
    let stub = Stub::default();
    let middleware = breaker(&dependency);
    let one = stubbed(middleware.clone(), &stub);
    let other = stubbed(middleware, &stub);
    get(&one, crate::stub::DOWN, "acme").send().await.unwrap();
    get(&other, crate::stub::DOWN, "acme").send().await.unwrap();
    get(&one.clone(), OK, "acme").send().await.unwrap_err();
    get(&one, OK, "globex").send().await.unwrap();
}
