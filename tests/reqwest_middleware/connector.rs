//! Why reqwest's `connector_layer` is not the place: a breaker there takes no notice of what is answered, and has no say
//! in what goes over a connection that is there already.

use tower_tenant_breaker::reqwest::ReqwestErrors;
use tower_tenant_breaker::{
    CallError, CircuitOpen, CircuitState, ErrIsFailure, TaskTenant, TenantCircuitBreakerLayer,
};

use crate::job::{open, printer};
use crate::upstream::{Upstream, until};

#[tokio::test]
async fn a_breaker_around_the_connector_neither_sees_answers_nor_stops_calls() {
    let upstream = Upstream::start().await;
    let dependency = printer();
    let layer = TenantCircuitBreakerLayer::new(dependency.clone(), TaskTenant);
    let client = reqwest::Client::builder()
        .no_proxy()
        .connector_layer(layer.classify(ErrIsFailure))
        .build()
        .unwrap();
    let call = async |tenant: &'static str| {
        let answer = TaskTenant::scope(tenant, client.get(upstream.url("/500")).send()).await?;
        assert_eq!(answer.status(), 500);
        // To its end, so that its connection can serve the next call: soon, though not at once.
        answer.bytes().await
    };
    let connections = || dependency.snapshot().totals.calls as usize;

    until("a connection serves another call", async || {
        call("acme").await.unwrap();
        upstream.received() > connections()
    })
    .await;
    // However many connections were made, all that this breaker knows is that they were.
    assert_eq!(dependency.snapshot().totals.failures, 0);
    assert_eq!(dependency.state("acme"), CircuitState::Closed);

    // And whom it rejects has his calls served over the connections of others.
    open(&dependency, "globex");
    until("a call goes over a connection that is there", async || {
        call("globex").await.is_ok()
    })
    .await;
}

#[tokio::test]
async fn what_it_rejects_is_no_failure_of_the_call_around_it() {
    let (within, around) = (printer(), printer());
    let layer = TenantCircuitBreakerLayer::new(within.clone(), TaskTenant);
    let client = reqwest::Client::builder()
        .no_proxy()
        .connector_layer(layer.classify(ErrIsFailure))
        .build()
        .unwrap();
    open(&within, "acme");
    let call = client.get("http://127.0.0.1:9/").send();
    let call = around.call_with("acme", ReqwestErrors, TaskTenant::scope("acme", call));
    let Err(CallError::Inner(error)) = call.await else {
        panic!("the breaker in the connector let it pass")
    };
    assert!(CircuitOpen::find(&error).is_some(), "{error:?}");
    let totals = around.snapshot().totals;
    assert_eq!((totals.ignored, totals.failures), (1, 0));
}
