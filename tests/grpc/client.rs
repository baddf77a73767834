//! The breaker around a channel.

use std::time::Duration;

use tonic::{Code, Request, Status};
use tower::{ServiceBuilder, ServiceExt};
use tower_tenant_breaker::grpc::{GrpcClassify, status_error};
use tower_tenant_breaker::{
    CallError, CircuitOpen, CircuitState, Reason, TaskTenant, TenantCircuitBreakerLayer,
    TenantExtractor,
};

use crate::echo::{Echo, EchoClient};
use crate::stack::{
    all, by_metadata, dependency, endpoint, four_that_end_unavailable, four_that_end_well, guard,
    of, plain, plain_client, three_in_a_row, totals, until, words,
};

#[tokio::test]
async fn the_four_kinds_of_calls_pass_and_are_successes_at_their_end() {
    let echo = dependency(three_in_a_row());
    let channel = endpoint(plain(Echo).await).connect_lazy();
    let mut client = EchoClient::new(guard(channel, &echo));

    four_that_end_well(&mut client).await;

    let totals = totals(&echo);
    assert_eq!((totals.calls, totals.failures, totals.cancelled), (4, 0, 0));
}

#[tokio::test]
async fn each_kind_of_call_that_ends_unavailable_is_a_failure_wherever_the_status_comes() {
    let echo = dependency(three_in_a_row());
    let channel = endpoint(plain(Echo).await).connect_lazy();
    let mut client = EchoClient::new(guard(channel, &echo));

    four_that_end_unavailable(&mut client).await;

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
async fn streams_that_end_unavailable_in_their_trailers_open_the_circuit_and_streams_that_end_ok_do_not()
 {
    let echo = dependency(three_in_a_row());
    let channel = endpoint(plain(Echo).await).connect_lazy();
    let mut client = EchoClient::new(guard(channel, &echo));
    for _ in 0..6 {
        all(client.repeat(of("well", "one, two".into())).await).await;
    }
    for _ in 0..3 {
        all(client.repeat(of("sick", "one, fail 14".into())).await).await;
    }
    assert_eq!(echo.state("well"), CircuitState::Closed);
    assert_eq!(echo.state("sick"), CircuitState::Open);
    let circuit = echo.circuit("sick").snapshot().unwrap();
    let trip = circuit.last_trip.unwrap();
    assert_eq!(trip.reason, Reason::ConsecutiveFailures);
}

#[tokio::test]
async fn a_rejected_caller_sees_unavailable_and_finds_the_circuit() {
    let echo = dependency(three_in_a_row());
    echo.circuit("acme").open().unwrap();
    let channel = endpoint(plain(Echo).await).connect_lazy();
    let mut client = EchoClient::new(guard(channel, &echo));

    let unary = client.once(of("acme", "one".into())).await.unwrap_err();
    let (_, streaming) = all(client.each(of("acme", words(&["one"]))).await).await;
    for status in [unary, streaming.unwrap()] {
        assert_eq!(status.code(), Code::Unavailable, "{status}");
        assert!(!status.message().contains("acme"), "{status}");
        let pushback = status.metadata().get("grpc-retry-pushback-ms").unwrap();
        let pushback: u64 = pushback.to_str().unwrap().parse().unwrap();
        assert!((590_000..=660_000).contains(&pushback), "{pushback}");
        let open = CircuitOpen::find(&status).expect("the circuit is a source");
        assert_eq!((open.tenant(), open.dependency()), (Some("acme"), "echo"));
    }
    assert_eq!(
        client.once(of("globex", "one".into())).await.unwrap(),
        "one"
    );
}

#[tokio::test]
async fn codes_that_blame_the_caller_are_successes_and_resource_exhausted_is_throttled() {
    let echo = dependency(three_in_a_row());
    let channel = endpoint(plain(Echo).await).connect_lazy();
    let mut client = EchoClient::new(guard(channel, &echo));
    for code in 1..=16 {
        let tenant = format!("tenant-{code}");
        let _ = client.once(of(&tenant, format!("fail {code}"))).await;
        let _ = all(client
            .repeat(of(&tenant, format!("one, fail {code}")))
            .await)
        .await;
        let totals = echo.circuit(&tenant).snapshot().unwrap().totals;
        let counted = (
            totals.calls,
            totals.failures,
            totals.throttled,
            totals.cancelled,
        );
        let expected = match code {
            1 => (0, 0, 0, 2),
            8 => (2, 0, 2, 0),
            2 | 4 | 7 | 13 | 14 | 15 => (2, 2, 0, 0),
            _ => (2, 0, 0, 0),
        };
        assert_eq!(counted, expected, "code {code}");
    }
}

#[tokio::test]
async fn codes_can_be_said_to_mean_something_else_in_heads_and_in_trailers() {
    let echo = dependency(three_in_a_row());
    let codes = GrpcClassify::new()
        .failure_on(Code::NotFound)
        .success_on(Code::Unknown)
        .throttled_on(Code::Aborted)
        .ignored_on(Code::Internal);
    let breaker = TenantCircuitBreakerLayer::new(echo.clone(), by_metadata()).classify_grpc(codes);
    let channel = endpoint(plain(Echo).await).connect_lazy();
    let service = ServiceBuilder::new()
        .map_err(status_error)
        .layer(breaker)
        .service(channel);
    let mut client = EchoClient::new(service);
    for code in [5, 2, 10, 13] {
        let tenant = format!("tenant-{code}");
        let _ = client.once(of(&tenant, format!("fail {code}"))).await;
        let _ = all(client
            .repeat(of(&tenant, format!("one, fail {code}")))
            .await)
        .await;
        let totals = echo.circuit(&tenant).snapshot().unwrap().totals;
        let counted = (
            totals.calls,
            totals.failures,
            totals.throttled,
            totals.ignored,
        );
        let expected = match code {
            5 => (2, 2, 0, 0),
            2 => (2, 0, 0, 0),
            10 => (2, 0, 2, 0),
            _ => (0, 0, 0, 2),
        };
        assert_eq!(counted, expected, "code {code}");
    }
}

#[tokio::test]
async fn a_server_that_nobody_can_connect_to_is_a_failure() {
    let echo = dependency(three_in_a_row());
    let gone = {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
            .await
            .unwrap();
        listener.local_addr().unwrap()
    };
    let mut client = EchoClient::new(guard(endpoint(gone).connect_lazy(), &echo));
    for _ in 0..3 {
        let status = client.once(of("acme", "one".into())).await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable);
        assert!(CircuitOpen::find(&status).is_none());
    }
    assert_eq!(echo.state("acme"), CircuitState::Open);
}

#[tokio::test]
async fn a_caller_that_leaves_a_stream_has_cancelled_the_call() {
    let echo = dependency(three_in_a_row());
    let channel = endpoint(plain(Echo).await).connect_lazy();
    let mut client = EchoClient::new(guard(channel, &echo));
    let mut stream = client.repeat(of("acme", "one, hang".into())).await.unwrap();
    assert_eq!(stream.message().await.unwrap().unwrap(), "one");
    drop(stream);
    assert_eq!((totals(&echo).calls, totals(&echo).cancelled), (0, 1));
}

#[tokio::test]
async fn a_probe_that_streams_closes_the_circuit_at_its_end() {
    let echo = dependency(three_in_a_row().half_open_max_calls(1).success_threshold(1));
    let channel = endpoint(plain(Echo).await).connect_lazy();
    let mut client = EchoClient::new(guard(channel, &echo));
    echo.circuit("acme").open().unwrap();
    echo.circuit("acme").half_open().unwrap();
    let mut probe = client.repeat(of("acme", "one, two".into())).await.unwrap();
    let second = client.once(of("acme", "one".into())).await.unwrap_err();
    assert_eq!(
        CircuitOpen::find(&second).unwrap().reason(),
        Reason::HalfOpenFull
    );
    while probe.message().await.unwrap().is_some() {}
    assert_eq!(echo.state("acme"), CircuitState::Closed);
}

#[tokio::test]
async fn the_tenant_may_come_from_the_task_too() {
    let echo = dependency(three_in_a_row());
    let breaker =
        TenantCircuitBreakerLayer::new(echo.clone(), TaskTenant).classify_grpc(GrpcClassify::new());
    let channel = endpoint(plain(Echo).await).connect_lazy();
    let service = ServiceBuilder::new()
        .map_err(status_error)
        .layer(breaker)
        .service(channel);
    // A boxed stack is a client's too, where its type must be named.
    let mut client = EchoClient::new(service.boxed_clone());
    let call = async { client.once(Request::new("fail 14".into())).await };
    TaskTenant::scope("acme", call).await.unwrap_err();
    let totals = echo.circuit("acme").snapshot().unwrap().totals;
    assert_eq!(totals.failures, 1);
}

#[tokio::test]
async fn the_decorator_judges_a_generated_client_s_statuses() {
    let echo = dependency(three_in_a_row());
    let mut client = plain_client(plain(Echo).await);
    for (word, failures) in [("fail 5", 0), ("fail 14", 1)] {
        let request = of("acme", word.to_owned());
        let tenant = by_metadata().extract(&request).unwrap().into_owned();
        let call = async { client.once(request).await.map(tonic::Response::new) };
        let result = echo
            .call_with(tenant.as_str(), GrpcClassify::new(), call)
            .await;
        assert!(matches!(result, Err(CallError::Inner(Status { .. }))));
        assert_eq!(totals(&echo).failures, failures);
    }
    assert_eq!(totals(&echo).calls, 2);
}

#[tokio::test]
async fn a_timeout_of_the_channel_is_a_failure_though_its_caller_sees_cancelled() {
    let echo = dependency(three_in_a_row());
    let channel = endpoint(plain(Echo).await)
        .timeout(Duration::from_millis(50))
        .connect_lazy();
    let mut client = EchoClient::new(guard(channel, &echo));
    let status = client.once(of("acme", "hang".into())).await.unwrap_err();
    assert_eq!(status.code(), Code::Cancelled);
    until("it is counted", || totals(&echo).failures == 1).await;
    assert_eq!(totals(&echo).cancelled, 0);
}
