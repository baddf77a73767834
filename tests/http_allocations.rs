//! Who a request is for, what its response means, and what its body says, are found out without an allocation.
#![cfg(feature = "http")]

mod script;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::future::ready;
use std::hint::black_box;

use http::{HeaderValue, Request, Response, StatusCode};
use tower::load_shed::error::Overloaded;
use tower::{BoxError, Layer, Service, service_fn};
use tower_tenant_breaker::http::body::{SettleAt, SseJudge};
use tower_tenant_breaker::http::{CredentialTenant, ExtensionTenant, HeaderTenant, HttpClassify};
use tower_tenant_breaker::{
    CircuitBreakerRegistry, Classify, DefaultClassify, FixedTenant, TaskTenant, Tenant,
    TenantCircuitBreakerLayer, TenantExtractor, tenant_fn,
};

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: the system's allocator does the work; a cell of this thread is counted up beside it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations_of<T>(work: impl FnOnce() -> T) -> usize {
    let before = ALLOCATIONS.get();
    black_box(work());
    ALLOCATIONS.get() - before
}

#[test]
fn allocations_are_counted() {
    assert_eq!(allocations_of(|| Box::new(7)), 1);
}

#[tokio::test]
async fn no_extractor_allocates() {
    let mut request = Request::new(());
    let headers = request.headers_mut();
    headers.insert("x-tenant-id", HeaderValue::from_static("acme"));
    headers.insert("x-api-key", HeaderValue::from_static("s3cret"));
    headers.insert("authorization", HeaderValue::from_static("Bearer s3cret"));
    request.extensions_mut().insert(String::from("acme"));

    type Extractor = Box<dyn TenantExtractor<Request<()>>>;
    let by_header = tenant_fn(|request: &Request<()>| {
        let value = request.headers().get("x-tenant-id");
        Ok(value
            .and_then(|value| value.to_str().ok())
            .unwrap_or("nobody")
            .into())
    });
    let extractors: [Extractor; 8] = [
        Box::new(HeaderTenant::new("x-tenant-id")),
        Box::new(ExtensionTenant::<String>::new()),
        Box::new(CredentialTenant::bearer()),
        Box::new(CredentialTenant::api_key("x-api-key")),
        Box::new(FixedTenant::new(String::from("acme"))),
        Box::new(FixedTenant::new("x".repeat(200))),
        Box::new(TaskTenant),
        Box::new(by_header),
    ];
    TaskTenant::scope(Tenant::from("x".repeat(200)), async {
        for (place, extractor) in extractors.iter().enumerate() {
            assert!(extractor.extract(&request).is_ok(), "extractor {place}");
            let allocations = allocations_of(|| extractor.extract(&request).is_ok());
            assert_eq!(allocations, 0, "extractor {place}");
        }
    })
    .await;
}

#[test]
fn no_classifier_allocates() {
    let table = HttpClassify::new().failure_on(StatusCode::NOT_FOUND);
    let date = "Wed, 21 Oct 2015 07:28:30 GMT";
    for (status, headers) in [
        (200, &[][..]),
        (404, &[("retry-after", "7")]),
        (503, &[("retry-after", "7"), ("retry-after-ms", "soon")]),
        (503, &[("retry-after", date), ("date", date)]),
        (503, &[("retry-after", date)]),
        (
            200,
            &[("content-type", "application/grpc"), ("grpc-status", "14")],
        ),
    ] {
        let mut response = Response::new(());
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        for (name, value) in headers {
            let value = HeaderValue::from_static(value);
            response.headers_mut().append(*name, value);
        }
        let judge = || DefaultClassify.classify(Ok::<_, &BoxError>(&response));
        assert_eq!(allocations_of(judge), 0, "{response:?}");
        let judge = || table.classify(Ok::<_, &BoxError>(&response));
        assert_eq!(allocations_of(judge), 0, "{response:?}");
    }
    for error in [BoxError::from("reset"), Overloaded::new().into()] {
        let judge = || DefaultClassify.classify(Err::<&Response<()>, _>(&error));
        assert_eq!(allocations_of(judge), 0, "{error}");
    }
}

#[tokio::test]
async fn an_observed_body_allocates_nothing_for_a_frame() {
    const EVENT: &str = "event: delta\ndata: {\"text\": \"one more word\"}\n\n";
    let models = CircuitBreakerRegistry::builder()
        .build()
        .unwrap()
        .dependency("models")
        .unwrap();
    let layer = TenantCircuitBreakerLayer::new(models, FixedTenant::new("acme"));
    let answer = |_: Request<()>| {
        let steps = std::iter::repeat_n(script::Data(EVENT), 100);
        let mut answer = Response::new(script::script(&steps.collect::<Vec<_>>()));
        let kind = HeaderValue::from_static("text/event-stream");
        answer.headers_mut().insert("content-type", kind);
        ready(Ok::<_, BoxError>(answer))
    };
    let mut by_default = layer
        .clone()
        .observe_body(SettleAt::End)
        .layer(service_fn(answer));
    let mut of_events = layer
        .observe_body_with(SettleAt::End, SseJudge::new())
        .layer(service_fn(answer));

    let mut body = by_default.call(Request::new(())).await.unwrap().into_body();
    assert_eq!(allocations_of(|| script::polls(&mut body, 100)), 0);

    let mut body = of_events.call(Request::new(())).await.unwrap().into_body();
    // The buffer for an event comes with the first one.
    script::polls(&mut body, 1);
    assert_eq!(allocations_of(|| script::polls(&mut body, 99)), 0);
}
