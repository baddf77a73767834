//! tower-http's `Trace`: neither side changes what is counted; further out it sees rejections too, as failures.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use http::{Response, StatusCode};
use tower::ServiceBuilder;
use tower_http::classify::ServerErrorsFailureClass;
use tower_http::trace::{OnFailure, TraceLayer};
use tower_tenant_breaker::http::problem_response;
use tracing::Span;

use crate::job::{Fail, Succeed, job, open, printer};
use crate::{limited, once, over_http, rejection};

mod inside {
    use super::*;

    promises! {
        all: |printer, inner| over_http::service(
            ServiceBuilder::new()
                .layer(over_http::layer(printer))
                .layer(TraceLayer::new_for_http())
                .service(over_http::inner(inner)),
        )
    }
}

mod outside {
    use super::*;

    promises! {
        all: |printer, inner| over_http::service(
            ServiceBuilder::new()
                .layer(TraceLayer::new_for_http())
                .layer(over_http::layer(printer))
                .service(over_http::inner(inner)),
        )
    }
}

/// What the trace has told of.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<ServerErrorsFailureClass>>>);

impl OnFailure<ServerErrorsFailureClass> for Told {
    fn on_failure(&mut self, failure: ServerErrorsFailureClass, _: Duration, _: &Span) {
        self.0.lock().unwrap().push(failure);
    }
}

impl Told {
    fn take(&self) -> Vec<String> {
        let told = std::mem::take(&mut *self.0.lock().unwrap());
        told.iter().map(ToString::to_string).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn further_in_a_failure_is_told_and_a_rejection_is_not() {
    let printer = printer();
    let told = Told::default();
    let service = over_http::service(
        ServiceBuilder::new()
            .layer(over_http::layer(&printer))
            .layer(TraceLayer::new_for_http().on_failure(told.clone()))
            .service(over_http::inner(limited(1).1)),
    );
    for _ in 0..2 {
        let failed = once(&service, job("acme", Fail)).await;
        assert!(failed.is_err());
        assert_eq!(told.take(), ["Error: out of paper"]);
    }
    rejection(&service, "acme").await;
    assert!(told.take().is_empty());
}

// The trace's own body is one that only the trace can make, so a rejection has to be answered with another.
#[tokio::test(start_paused = true)]
async fn further_in_a_rejection_can_be_answered_once_the_traced_body_is_in_a_box() {
    let printer = printer();
    let told = Told::default();
    let service = over_http::service(
        ServiceBuilder::new()
            .layer(over_http::layer(&printer).respond_with(problem_response::<Body>))
            .map_response(|response: Response<_>| response.map(Body::new))
            .layer(TraceLayer::new_for_http().on_failure(told.clone()))
            .service(over_http::inner(limited(1).1)),
    );
    open(&printer, "acme");
    let response = once(&service, job("acme", Succeed)).await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(told.take().is_empty());
}

#[tokio::test(start_paused = true)]
async fn further_out_a_rejection_is_told_as_an_error_that_does_not_name_the_tenant() {
    let printer = printer();
    let told = Told::default();
    let service = over_http::service(
        ServiceBuilder::new()
            .layer(TraceLayer::new_for_http().on_failure(told.clone()))
            .layer(over_http::layer(&printer))
            .service(over_http::inner(limited(1).1)),
    );
    open(&printer, "acme");
    let open = rejection(&service, "acme").await;
    assert_eq!(told.take(), [format!("Error: {open}")]);
    assert!(!open.to_string().contains("acme"));
}

#[tokio::test(start_paused = true)]
async fn further_out_a_rejection_that_is_answered_is_told_by_its_status() {
    let printer = printer();
    let told = Told::default();
    let service = over_http::service(
        ServiceBuilder::new()
            .layer(TraceLayer::new_for_http().on_failure(told.clone()))
            .layer(over_http::layer(&printer).respond_with(problem_response::<String>))
            .service(over_http::inner(limited(1).1)),
    );
    open(&printer, "acme");
    assert!(once(&service, job("acme", Succeed)).await.is_ok());
    assert_eq!(told.take(), ["Status code: 503 Service Unavailable"]);
}
