//! A server on a port that the system chose, a channel to it, and what the tests ask of both.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::stream::{self, Stream};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::body::Body;
use tonic::client::GrpcService;
use tonic::metadata::MetadataValue;
use tonic::server::NamedService;
use tonic::service::Routes;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Code, Request, Status, Streaming};
use tower::{BoxError, Layer, Service, ServiceBuilder};
use tower_tenant_breaker::grpc::{
    GrpcBodyJudge, GrpcClassify, error_response, rejection_response, status_error,
};
use tower_tenant_breaker::http::body::ObservedBody;
use tower_tenant_breaker::{
    CircuitBreakerRegistry, Dependency, HeaderTenant, OpenPeriod, Policy, PolicyBuilder,
    TenantCircuitBreakerLayer, Totals,
};

use crate::echo::{Echo, EchoClient};

/// Long beside any test: for circuits that must not recover while one runs.
pub(crate) const LONG: Duration = Duration::from_secs(600);

/// Trips on three failures in a row and on nothing else.
pub(crate) fn three_in_a_row() -> PolicyBuilder {
    Policy::builder()
        .without_failure_rate()
        .without_latency()
        .consecutive_failures(3)
        .open_for(OpenPeriod::fixed(LONG).jitter(0.0))
}

pub(crate) fn dependency(policy: PolicyBuilder) -> Dependency {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let policy = policy.build().unwrap();
    registry.dependency_with("echo", policy).unwrap()
}

pub(crate) fn by_metadata() -> HeaderTenant {
    HeaderTenant::new("x-tenant-id")
}

/// A request of this tenant.
pub(crate) fn of<T>(tenant: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let tenant: MetadataValue<_> = tenant.parse().unwrap();
    request.metadata_mut().insert("x-tenant-id", tenant);
    request
}

pub(crate) fn words(words: &[&str]) -> impl Stream<Item = String> + Send + 'static {
    let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
    stream::iter(words)
}

/// All of a stream: its messages, and what it ended with.
pub(crate) async fn all(
    stream: Result<Streaming<String>, Status>,
) -> (Vec<String>, Option<Status>) {
    let mut seen = Vec::new();
    let mut stream = match stream {
        Ok(stream) => stream,
        Err(status) => return (seen, Some(status)),
    };
    loop {
        match stream.message().await {
            Ok(Some(message)) => seen.push(message),
            Ok(None) => return (seen, None),
            Err(status) => return (seen, Some(status)),
        }
    }
}

pub(crate) async fn serve<L>(server: Server<L>, routes: Routes) -> SocketAddr
where
    L: Layer<Routes> + Clone + Send + Sync + 'static,
    L::Service: Service<http::Request<Body>, Response = http::Response<ObservedBody<Body, GrpcBodyJudge>>>
        + Clone
        + Send
        + 'static,
    <L::Service as Service<http::Request<Body>>>::Future: Send,
    <L::Service as Service<http::Request<Body>>>::Error: Into<BoxError> + Send,
{
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut server = server;
    let server = server.add_routes(routes);
    let incoming = TcpListenerStream::new(listener);
    tokio::spawn(server.serve_with_incoming(incoming));
    address
}

/// A server without a breaker.
pub(crate) async fn plain<S>(service: S) -> SocketAddr
where
    S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible>
        + NamedService
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send,
{
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server::builder().add_service(service);
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    address
}

/// A server whose calls are guarded.
pub(crate) async fn guarded_server(echo: &Dependency) -> SocketAddr {
    let breaker = TenantCircuitBreakerLayer::new(echo.clone(), by_metadata())
        .classify_grpc(GrpcClassify::new())
        .respond_with(rejection_response)
        .respond_to_error(error_response);
    serve(Server::builder().layer(breaker), Routes::new(Echo)).await
}

pub(crate) fn endpoint(server: SocketAddr) -> Endpoint {
    Endpoint::try_from(format!("http://{server}")).unwrap()
}

/// What a generated client takes in place of a `Channel`.
pub(crate) fn guard(
    channel: Channel,
    echo: &Dependency,
) -> impl Service<
    http::Request<Body>,
    Response = http::Response<ObservedBody<Body, GrpcBodyJudge>>,
    Error = BoxError,
    Future: Send,
> + Clone
+ Send {
    let breaker = TenantCircuitBreakerLayer::new(echo.clone(), by_metadata())
        .classify_grpc(GrpcClassify::new());
    ServiceBuilder::new()
        .map_err(status_error)
        .layer(breaker)
        .service(channel)
}

pub(crate) fn plain_client(server: SocketAddr) -> EchoClient<Channel> {
    EchoClient::new(endpoint(server).connect_lazy())
}

pub(crate) fn totals(echo: &Dependency) -> Totals {
    echo.snapshot().totals
}

/// A call of each kind.
pub(crate) async fn four_that_end_well<T>(client: &mut EchoClient<T>)
where
    T: GrpcService<Body>,
    T::ResponseBody: http_body::Body<Data = bytes::Bytes> + Send + 'static,
    <T::ResponseBody as http_body::Body>::Error: Into<BoxError> + Send,
{
    assert_eq!(client.once(of("acme", "one".into())).await.unwrap(), "one");
    let (seen, end) = all(client.repeat(of("acme", "one, two".into())).await).await;
    assert_eq!((seen.len(), end.is_none()), (2, true));
    let joined = client.join(of("acme", words(&["one", "two"]))).await;
    assert_eq!(joined.unwrap(), "onetwo");
    let (seen, end) = all(client
        .each(of("acme", words(&["one", "two", "three"])))
        .await)
    .await;
    assert_eq!((seen.len(), end.is_none()), (3, true));
}

/// A call of each kind that ends `UNAVAILABLE`, each of another tenant.
pub(crate) async fn four_that_end_unavailable<T>(client: &mut EchoClient<T>)
where
    T: GrpcService<Body>,
    T::ResponseBody: http_body::Body<Data = bytes::Bytes> + Send + 'static,
    <T::ResponseBody as http_body::Body>::Error: Into<BoxError> + Send,
{
    // In the head, after a message, after the caller's stream, and after an answer to each.
    assert!(client.once(of("a", "fail 14".into())).await.is_err());
    let (seen, end) = all(client.repeat(of("b", "one, fail 14".into())).await).await;
    assert_eq!((seen.len(), end.unwrap().code()), (1, Code::Unavailable));
    assert!(
        client
            .join(of("c", words(&["one", "fail 14"])))
            .await
            .is_err()
    );
    let (seen, end) = all(client.each(of("d", words(&["one", "fail 14"]))).await).await;
    assert_eq!((seen.len(), end.unwrap().code()), (1, Code::Unavailable));
}

/// Waits until it is so. The bound is there to fail a test that would hang, not to time anything.
pub(crate) async fn until(what: &str, so: impl Fn() -> bool) {
    let patience = tokio::time::timeout(Duration::from_secs(30), async {
        while !so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    assert!(patience.await.is_ok(), "it never came to that: {what}");
}
