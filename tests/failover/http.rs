//! HTTP: which requests are sent twice, who served, what axum's router makes of it, and streams that break.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::error_handling::HandleError;
use axum::extract::Request;
use axum::middleware::map_response;
use http::{HeaderValue, Method, Response, StatusCode, Version};
use http_body_util::{BodyExt, Full};
use tokio_test::{assert_pending, assert_ready, task};
use tower::{BoxError, Service, ServiceExt, service_fn};
use tower_tenant_breaker::http::{HeaderTenant, IfBodiless, error_response};
use tower_tenant_breaker::{
    Dependency, Failover, FixedTenant, Idempotence, NoRequest, Resend, Served, ServedBy, tenant_fn,
};

use crate::job::registry;

// ===== what is sent twice =====

#[test]
fn a_request_is_idempotent_by_its_method_or_by_its_key() {
    for (method, idempotent) in [
        (Method::GET, true),
        (Method::HEAD, true),
        (Method::OPTIONS, true),
        (Method::TRACE, true),
        (Method::PUT, true),
        (Method::DELETE, true),
        (Method::POST, false),
        (Method::PATCH, false),
        (Method::CONNECT, false),
        (Method::from_bytes(b"PURGE").unwrap(), false),
    ] {
        let mut request = http::Request::new(Full::<Bytes>::default());
        *request.method_mut() = method.clone();
        assert_eq!(request.is_idempotent(), idempotent, "{method}");
        let key = HeaderValue::from_static("\"8e03978e-40d5-43dd-bc93-6894a57f9324\"");
        request.headers_mut().insert("Idempotency-Key", key);
        assert!(request.is_idempotent(), "{method} with a key");
    }
}

#[test]
fn an_idempotent_request_without_a_body_is_copied_whatever_its_body_could_be() {
    let mut request = Request::put("http://a.example/orders/7")
        .version(Version::HTTP_2)
        .header("x-tenant-id", "acme")
        .header("x-tenant-id", "globex")
        .body(Body::empty())
        .unwrap();
    request.extensions_mut().insert("signed in");
    let copy = IfBodiless.copy(&request).unwrap();
    assert_eq!(copy.method(), Method::PUT);
    assert_eq!(copy.uri(), "http://a.example/orders/7");
    assert_eq!(copy.version(), Version::HTTP_2);
    assert_eq!(copy.headers(), request.headers());
    assert_eq!(copy.extensions().get(), Some(&"signed in"));

    let with = |body| Request::put("/").body(body).unwrap();
    assert!(IfBodiless.copy(&with(Body::from("two"))).is_none());
    let stream = Body::from_stream(futures_util::stream::empty::<Result<Bytes, Infallible>>());
    assert!(
        IfBodiless.copy(&with(stream)).is_none(),
        "nobody can tell yet"
    );
    let post = Request::post("/").body(Body::empty()).unwrap();
    assert!(IfBodiless.copy(&post).is_none());
}

/// Answers with a status, and notes who was asked.
#[derive(Clone, Default)]
struct Region(Arc<Mutex<(StatusCode, usize)>>);

impl Region {
    fn answers(&self, status: u16) {
        self.0.lock().unwrap().0 = StatusCode::from_u16(status).unwrap();
    }

    fn received(&self) -> usize {
        self.0.lock().unwrap().1
    }

    fn service<B>(
        &self,
    ) -> impl Service<http::Request<B>, Response = Response<Body>, Error = Infallible, Future: Send>
    + Clone
    + Send
    + Sync
    + use<B> {
        let Self(region) = self.clone();
        service_fn(move |_| {
            let mut region = region.lock().unwrap();
            region.1 += 1;
            let mut response = Response::new(Body::from("42"));
            *response.status_mut() = region.0;
            async move { Ok(response) }
        })
    }
}

fn dependencies() -> (Dependency, Dependency) {
    let registry = registry();
    let of = |name| registry.dependency(name).unwrap();
    (of("west"), of("north"))
}

#[tokio::test(start_paused = true)]
async fn by_default_failed_and_throttled_responses_to_idempotent_requests_move_on() {
    for (status, method, by) in [
        (200, Method::GET, "west"),
        (404, Method::GET, "west"),
        (429, Method::GET, "north"),
        (500, Method::GET, "north"),
        (503, Method::PUT, "north"),
        (529, Method::DELETE, "north"),
        (408, Method::HEAD, "north"),
        (529, Method::POST, "west"),
    ] {
        let (west, north) = (Region::default(), Region::default());
        let (of_west, of_north) = dependencies();
        west.answers(status);
        let mut regions = Failover::builder(FixedTenant::new("acme"))
            .provider(of_west, west.service())
            .provider(of_north, north.service())
            .build()
            .unwrap();
        let mut request = http::Request::new(Full::<Bytes>::default());
        *request.method_mut() = method.clone();
        let served = regions.call(request).await.unwrap();
        assert_eq!(served.by().to_string(), by, "{status} to {method}");
        let passed_on = if by == "west" { status } else { 200 };
        assert_eq!(served.get_ref().status().as_u16(), passed_on);
    }
}

// ===== who served =====

#[tokio::test(start_paused = true)]
async fn a_plain_response_has_who_served_in_its_extensions() {
    let (of_west, of_north) = dependencies();
    of_west.force_open("moved");
    let region = Region::default();
    let regions = Failover::builder(FixedTenant::new("acme"))
        .provider(of_west, region.service())
        .provider(of_north, region.service())
        .resend(NoRequest)
        .build()
        .unwrap();
    for response in [
        regions
            .clone()
            .map_response(Served::into_response)
            .oneshot(request("acme"))
            .await,
        regions
            .clone()
            .map_response(Response::from)
            .oneshot(request("acme"))
            .await,
    ] {
        let response: Response<Body> = response.unwrap();
        let by: &ServedBy = response.extensions().get().unwrap();
        assert_eq!(by.dependency().unwrap().name(), "north");
    }
}

fn request(tenant: &str) -> Request {
    let request = Request::get("/").header("x-tenant-id", tenant);
    request.body(Body::empty()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_axum_router_takes_a_failover_for_a_route() {
    let (of_west, of_north) = dependencies();
    let (west, north) = (Region::default(), Region::default());
    let regions = Failover::builder(HeaderTenant::new("x-tenant-id"))
        .provider(of_west.clone(), west.service())
        .provider(of_north.clone(), north.service())
        .resend(IfBodiless)
        .build()
        .unwrap()
        .map_response(Served::into_response);
    let route = HandleError::new(regions, async |error| error_response::<Body>(error));
    let app: Router = Router::new().fallback_service(route).layer(map_response(
        async |mut response: Response<Body>| {
            if let Some(by) = response.extensions().get::<ServedBy>() {
                let by = HeaderValue::from_str(&by.to_string()).unwrap();
                response.headers_mut().insert("x-served-by", by);
            }
            response
        },
    ));
    let answer = async |tenant: &str| {
        let response = app.clone().oneshot(request(tenant)).await.unwrap();
        let (head, body) = response.into_parts();
        let by = head
            .headers
            .get("x-served-by")
            .map(|by| by.to_str().unwrap().to_owned());
        let wait = head
            .headers
            .get("retry-after")
            .map(|wait| wait.to_str().unwrap().to_owned());
        let body = body.collect().await.unwrap().to_bytes();
        (
            head.status.as_u16(),
            by,
            wait,
            String::from_utf8(body.to_vec()).unwrap(),
        )
    };

    let (status, by, ..) = answer("acme").await;
    assert_eq!((status, by.as_deref()), (200, Some("west")));
    west.answers(529);
    for _ in 0..3 {
        let (status, by, ..) = answer("acme").await;
        assert_eq!((status, by.as_deref()), (200, Some("north")));
    }
    assert_eq!(west.received(), 3, "open after two strikes");

    of_west.force_open("maintenance");
    of_north
        .circuit("acme")
        .open_for(Duration::from_secs(600))
        .unwrap();
    let (status, by, wait, body) = answer("acme").await;
    assert_eq!((status, by), (503, None));
    let wait: u64 = wait.unwrap().parse().unwrap();
    assert!(
        (600..=660).contains(&wait),
        "the one closest to recovery: {wait}"
    );
    let problem: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(problem["dependency"], "north");
    let (status, by, ..) = answer("globex").await;
    assert_eq!(
        (status, by.as_deref()),
        (200, Some("north")),
        "another tenant"
    );
}

// ===== streams =====

#[tokio::test(start_paused = true)]
async fn after_the_head_of_a_stream_nobody_else_is_asked_though_it_breaks() {
    let (of_west, of_north) = dependencies();
    let north = Region::default();
    let (frames, stream) = stream_of_frames();
    let stream = Arc::new(Mutex::new(Some(Body::from_stream(stream))));
    let streaming = service_fn(move |_: http::Request<Full<Bytes>>| {
        let body = stream.lock().unwrap().take().unwrap();
        async move { Ok::<_, Infallible>(Response::new(body)) }
    });
    type Boxed =
        tower::util::BoxCloneSyncService<http::Request<Full<Bytes>>, Response<Body>, Infallible>;
    let mut regions =
        Failover::builder(tenant_fn(
            |_: &http::Request<Full<Bytes>>| Ok("acme".into()),
        ))
        .provider(of_west.clone(), Boxed::new(streaming))
        .provider(of_north, Boxed::new(north.service()))
        .build()
        .unwrap();

    let served = regions.call(http::Request::default()).await.unwrap();
    assert_eq!(served.by().to_string(), "west");
    let mut body = served.into_inner().into_body();
    let mut frame = task::spawn(body.frame());
    assert_pending!(frame.poll());
    frames.send(Ok(Bytes::from("half a "))).unwrap();
    let first = assert_ready!(frame.poll()).unwrap().unwrap();
    assert_eq!(first.into_data().unwrap(), "half a ");
    drop(frame);

    frames
        .send(Err(BoxError::from("connection reset")))
        .unwrap();
    let error = body.frame().await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "connection reset");
    drop(frames);
    assert!(body.frame().await.is_none());
    assert_eq!(north.received(), 0);
}

type Frame = Result<Bytes, BoxError>;

fn stream_of_frames() -> (
    tokio::sync::mpsc::UnboundedSender<Frame>,
    impl futures_util::Stream<Item = Frame>,
) {
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
    (
        sender,
        tokio_stream::wrappers::UnboundedReceiverStream::new(receiver),
    )
}
