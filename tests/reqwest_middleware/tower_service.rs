//! The other direction: the layer around `reqwest::Client` and `ClientWithMiddleware`, which are tower services.

use std::io;

use futures_util::stream;
use reqwest::{Body, Client, Method, Request, Response};
use reqwest_middleware::ClientWithMiddleware;
use tower::timeout::error::Elapsed;
use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt};
use tower_tenant_breaker::http::problem_response;
use tower_tenant_breaker::{
    CircuitOpen, CircuitState, Dependency, HeaderTenant, HostTenant, TenantCircuitBreakerLayer,
};

use crate::job::{open, printer};
use crate::upstream::{Nobody, Upstream, says_and_leaves};
use crate::{TENANT, breaker, client, plain_client};

fn layer(dependency: &Dependency) -> TenantCircuitBreakerLayer<Dependency, HeaderTenant> {
    TenantCircuitBreakerLayer::new(dependency.clone(), HeaderTenant::new(TENANT))
}

fn request(url: &str) -> Request {
    let mut request = Request::new(Method::GET, url.parse().unwrap());
    request
        .headers_mut()
        .insert(TENANT, "acme".parse().unwrap());
    request
}

fn with_middleware() -> ClientWithMiddleware {
    plain_client().into()
}

/// (calls that were counted, failures, ignored ones)
fn counted(dependency: &Dependency) -> (u64, u64, u64) {
    let totals = dependency.snapshot().totals;
    (totals.calls, totals.failures, totals.ignored)
}

/// What one request through the layer around a client counts as: the same for both clients.
async fn counts(make: impl Fn() -> Request) -> (u64, u64, u64) {
    let around_client = printer();
    _ = layer(&around_client)
        .layer(plain_client())
        .oneshot(make())
        .await;
    let around_middleware = printer();
    _ = layer(&around_middleware)
        .layer(with_middleware())
        .oneshot(make())
        .await;
    assert_eq!(counted(&around_client), counted(&around_middleware));
    counted(&around_client)
}

#[tokio::test]
async fn answers_and_errors_of_either_client_mean_what_they_mean_to_the_middleware() {
    let upstream = Upstream::start().await;
    for (path, expected) in [
        ("/200", (1, 0, 0)),
        ("/404", (1, 0, 0)),
        ("/503", (1, 1, 0)),
        ("/loop", (1, 1, 0)),
    ] {
        assert_eq!(
            counts(|| request(&upstream.url(path))).await,
            expected,
            "{path}"
        );
    }

    let nobody = Nobody::new();
    assert_eq!(counts(|| request(&nobody.url())).await, (1, 1, 0));
    let rude = says_and_leaves("").await;
    assert_eq!(counts(|| request(&rude)).await, (1, 1, 0));
    assert_eq!(counts(|| request("gopher://search/")).await, (0, 0, 1));
    let breaks_off = || {
        let mut request = request(&upstream.url("/hang"));
        let chunks = [Ok("half of it"), Err(io::Error::other("the caller left"))];
        *request.method_mut() = Method::POST;
        *request.body_mut() = Some(Body::wrap_stream(stream::iter(chunks)));
        request
    };
    assert_eq!(counts(breaks_off).await, (0, 0, 1));
}

async fn is_cut_off<S>(service: S, dependency: &Dependency)
where
    S: Service<Request, Response = Response, Error = BoxError> + Clone,
{
    let upstream = Upstream::start().await;
    for _ in 0..2 {
        let answer = service
            .clone()
            .oneshot(request(&upstream.url("/500")))
            .await;
        assert_eq!(answer.unwrap().status(), 500);
    }
    assert_eq!(dependency.state("acme"), CircuitState::Open);
    let error = service
        .oneshot(request(&upstream.url("/200")))
        .await
        .unwrap_err();
    assert_eq!(CircuitOpen::find(&*error).unwrap().tenant(), Some("acme"));
    assert_eq!(upstream.received(), 2);
}

#[tokio::test]
async fn a_layer_around_a_client_cuts_a_failing_tenant_off() {
    let dependency = printer();
    is_cut_off(layer(&dependency).layer(plain_client()), &dependency).await;
    let dependency = printer();
    is_cut_off(layer(&dependency).layer(with_middleware()), &dependency).await;
}

#[tokio::test]
async fn errors_of_either_client_come_out_as_they_are() {
    let nobody = Nobody::new();
    let around_client = layer(&printer()).layer(plain_client());
    let error = around_client
        .oneshot(request(&nobody.url()))
        .await
        .unwrap_err();
    assert!(error.downcast_ref::<reqwest::Error>().unwrap().is_connect());

    let around_middleware = layer(&printer()).layer(with_middleware());
    let error = around_middleware
        .oneshot(request(&nobody.url()))
        .await
        .unwrap_err();
    assert!(
        error
            .downcast_ref::<reqwest_middleware::Error>()
            .unwrap()
            .is_connect()
    );
}

#[tokio::test]
async fn a_timeout_of_tower_inside_is_a_failure() {
    let upstream = Upstream::start().await;
    let dependency = printer();
    let service = ServiceBuilder::new()
        .layer(layer(&dependency))
        .timeout(std::time::Duration::from_millis(50))
        .service(plain_client());
    let error = service
        .oneshot(request(&upstream.url("/hang")))
        .await
        .unwrap_err();
    assert!(error.is::<Elapsed>(), "{error}");
    assert_eq!(counted(&dependency), (1, 1, 0));
}

#[tokio::test]
async fn a_rejection_of_a_breaker_among_the_middlewares_is_ignored_by_a_layer_around_them() {
    let (near, far) = (printer(), printer());
    open(&far, "acme");
    let service = layer(&near).layer(client(breaker(&far)));
    let error = service
        .oneshot(request("http://search/"))
        .await
        .unwrap_err();
    assert!(CircuitOpen::find(&*error).is_some());
    assert!(error.source().unwrap().is::<CircuitOpen>());
    assert_eq!(counted(&near), (0, 0, 1));
}

#[tokio::test]
async fn a_middleware_and_a_layer_with_one_dependency_share_its_circuits() {
    let upstream = Upstream::start().await;
    let dependency = printer();
    let middleware = client(breaker(&dependency));
    let service = layer(&dependency).layer(plain_client());
    middleware
        .execute(request(&upstream.url("/500")))
        .await
        .unwrap();
    service
        .clone()
        .oneshot(request(&upstream.url("/500")))
        .await
        .unwrap();
    service
        .oneshot(request(&upstream.url("/200")))
        .await
        .unwrap_err();
    middleware
        .execute(request(&upstream.url("/200")))
        .await
        .unwrap_err();
}

#[tokio::test]
async fn the_host_of_a_bare_request_can_be_its_tenant() {
    let upstream = Upstream::start().await;
    let dependency = printer();
    let by_host = TenantCircuitBreakerLayer::new(dependency.clone(), HostTenant);
    by_host
        .layer(plain_client())
        .oneshot(request(&upstream.url("/200")))
        .await
        .unwrap();
    assert!(dependency.circuit("127.0.0.1").snapshot().is_some());
}

#[tokio::test]
async fn a_rejection_can_be_answered_with_a_response_of_reqwest() {
    let dependency = printer();
    open(&dependency, "acme");
    let service: Client = plain_client();
    let service = layer(&dependency)
        .respond_with(|open: &CircuitOpen| Response::from(problem_response::<String>(open)))
        .layer(service);
    let response = service.oneshot(request("http://search/")).await.unwrap();
    assert_eq!(response.status(), 503);
    assert!(
        response
            .text()
            .await
            .unwrap()
            .contains("\"dependency\":\"printer\"")
    );
}

#[tokio::test]
async fn responses_of_http_can_be_made_of_those_of_reqwest_inside() {
    let upstream = Upstream::start().await;
    let dependency = printer();
    let service = ServiceBuilder::new()
        .layer(layer(&dependency))
        .map_response(http::Response::<Body>::from)
        .service(plain_client());
    let response = service
        .oneshot(request(&upstream.url("/500")))
        .await
        .unwrap();
    assert_eq!(response.status(), 500);
    assert_eq!(counted(&dependency), (1, 1, 0));
}
