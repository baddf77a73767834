//! Why reqwest's `connector_layer` is not the place: a breaker there takes no notice of what is answered, and has no say
//! in what goes over a connection that is there already.

use tower_tenant_breaker::{CircuitState, ErrIsFailure, TaskTenant, TenantCircuitBreakerLayer};

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
