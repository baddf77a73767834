//! The breaker in front of a server.

use tonic::Code;
use tonic::service::Routes;
use tonic::transport::Server;
use tower_tenant_breaker::grpc::{GrpcClassify, error_response, rejection_response};
use tower_tenant_breaker::{CircuitState, OnMissingTenant, TenantCircuitBreakerLayer};

use crate::echo::Echo;
use crate::stack::{
    all, by_metadata, dependency, four_that_end_unavailable, four_that_end_well, guarded_server,
    of, plain_client, serve, three_in_a_row, totals, until, words,
};

#[tokio::test]
async fn the_four_kinds_of_calls_pass_and_are_successes_at_their_end() {
    let echo = dependency(three_in_a_row());
    let mut client = plain_client(guarded_server(&echo).await);

    four_that_end_well(&mut client).await;

    until("all four are counted", || totals(&echo).calls == 4).await;
    assert_eq!((totals(&echo).failures, totals(&echo).cancelled), (0, 0));
}

#[tokio::test]
async fn each_kind_of_call_that_ends_unavailable_is_a_failure_wherever_the_status_comes() {
    let echo = dependency(three_in_a_row());
    let mut client = plain_client(guarded_server(&echo).await);

    four_that_end_unavailable(&mut client).await;

    until("all four are counted", || totals(&echo).calls == 4).await;
    for tenant in ["a", "b", "c", "d"] {
        let circuit = echo.circuit(tenant).snapshot().unwrap();
        assert_eq!(
            (circuit.totals.calls, circuit.totals.failures),
            (1, 1),
            "{tenant}"
        );
    }
}

#[tokio::test]
async fn streams_that_end_unavailable_open_the_circuit_and_the_next_call_is_told_when_to_come_back()
{
    let echo = dependency(three_in_a_row());
    let mut client = plain_client(guarded_server(&echo).await);
    for _ in 0..3 {
        all(client.repeat(of("sick", "one, fail 14".into())).await).await;
        all(client.repeat(of("well", "one, two".into())).await).await;
    }
    until("the circuit opens", || {
        echo.state("sick") == CircuitState::Open
    })
    .await;

    // Answers, and not streams that are reset: the status has words and metadata.
    let unary = client.once(of("sick", "one".into())).await.unwrap_err();
    let (_, streaming) = all(client.each(of("sick", words(&["one"]))).await).await;
    for status in [unary, streaming.unwrap()] {
        assert_eq!(status.code(), Code::Unavailable, "{status}");
        assert_eq!(
            status.message(),
            "circuit of \"echo\" is open: consecutive_failures"
        );
        let pushback = status.metadata().get("grpc-retry-pushback-ms").unwrap();
        let pushback: u64 = pushback.to_str().unwrap().parse().unwrap();
        assert!((590_000..=660_000).contains(&pushback), "{pushback}");
    }
    assert_eq!(client.once(of("well", "one".into())).await.unwrap(), "one");
    assert_eq!(totals(&echo).rejected, 2);
}

#[tokio::test]
async fn a_circuit_that_is_forced_open_without_an_end_says_not_to_try_again() {
    let echo = dependency(three_in_a_row());
    echo.force_open("maintenance");
    let mut client = plain_client(guarded_server(&echo).await);
    let status = client.once(of("acme", "one".into())).await.unwrap_err();
    assert_eq!(
        status.metadata().get("grpc-retry-pushback-ms").unwrap(),
        "-1"
    );
}

#[tokio::test]
async fn a_call_without_a_tenant_that_is_refused_is_an_invalid_argument() {
    let echo = dependency(three_in_a_row());
    let breaker = TenantCircuitBreakerLayer::new(echo.clone(), by_metadata())
        .on_missing_tenant(OnMissingTenant::Reject)
        .classify_grpc(GrpcClassify::new())
        .respond_with(rejection_response)
        .respond_to_error(error_response);
    let server = serve(Server::builder().layer(breaker), Routes::new(Echo)).await;
    let mut client = plain_client(server);
    let nobodys = tonic::Request::new("one".to_owned());
    let status = client.once(nobodys).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn without_answers_a_rejection_resets_the_stream_unless_it_is_told_as_a_status() {
    let echo = dependency(three_in_a_row());
    echo.circuit("acme").open().unwrap();
    let breaker = || {
        TenantCircuitBreakerLayer::new(echo.clone(), by_metadata())
            .classify_grpc(GrpcClassify::new())
    };
    let reset = serve(Server::builder().layer(breaker()), Routes::new(Echo)).await;
    let status = plain_client(reset)
        .once(of("acme", "one".into()))
        .await
        .unwrap_err();
    assert_ne!(status.code(), Code::Unavailable, "tonic's own: {status}");

    let told = tower::ServiceBuilder::new()
        .map_err(tower_tenant_breaker::grpc::status_error)
        .layer(breaker())
        .into_inner();
    let told = serve(Server::builder().layer(told), Routes::new(Echo)).await;
    let status = plain_client(told)
        .once(of("acme", "one".into()))
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    assert!(status.metadata().contains_key("grpc-retry-pushback-ms"));
}

#[tokio::test]
async fn a_client_that_leaves_a_stream_has_cancelled_the_call() {
    let echo = dependency(three_in_a_row());
    let mut client = plain_client(guarded_server(&echo).await);
    let mut stream = client.repeat(of("acme", "one, hang".into())).await.unwrap();
    assert_eq!(stream.message().await.unwrap().unwrap(), "one");
    drop(stream);
    until("the server notices", || totals(&echo).cancelled == 1).await;
    assert_eq!(totals(&echo).calls, 0);
}
