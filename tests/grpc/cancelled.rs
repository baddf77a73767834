//! `CANCELLED` is ambiguous: what is made of it.

use std::time::Duration;

use tonic::Code;
use tonic::transport::Server;
use tower_tenant_breaker::CircuitState;

use crate::echo::{Echo, EchoClient};
use crate::stack::{dependency, endpoint, guard, of, plain, three_in_a_row, totals};

/// A server that hangs and whose own timeout strikes.
async fn impatient_server() -> std::net::SocketAddr {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .unwrap();
    let address = listener.local_addr().unwrap();
    let mut server = Server::builder().timeout(Duration::from_millis(20));
    let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
    tokio::spawn(server.add_service(Echo).serve_with_incoming(incoming));
    address
}

#[tokio::test]
async fn a_server_that_hangs_and_gives_up_by_itself_opens_the_circuit_by_the_abandoned_run() {
    let echo = dependency(three_in_a_row());
    let channel = endpoint(impatient_server().await).connect_lazy();
    let mut client = EchoClient::new(guard(channel, &echo));
    for cancelled in 1..=5 {
        assert_eq!(
            echo.state("acme"),
            CircuitState::Closed,
            "after {cancelled} calls"
        );
        let status = client.once(of("acme", "hang".into())).await.unwrap_err();
        assert_eq!(status.code(), Code::Cancelled, "{status}");
        assert_eq!(totals(&echo).cancelled, cancelled);
    }
    assert_eq!(echo.state("acme"), CircuitState::Open);
}

#[tokio::test]
async fn a_dependency_that_answers_cancelled_now_and_then_opens_nothing() {
    let echo = dependency(three_in_a_row());
    let channel = endpoint(plain(Echo).await).connect_lazy();
    let mut client = EchoClient::new(guard(channel, &echo));
    for _ in 0..10 {
        client.once(of("acme", "fail 1".into())).await.unwrap_err();
        client.once(of("acme", "one".into())).await.unwrap();
    }
    assert_eq!(echo.state("acme"), CircuitState::Closed);
    assert_eq!((totals(&echo).failures, totals(&echo).cancelled), (0, 10));
}
