//! The proxy alone.

use std::convert::Infallible;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use tower::{ServiceExt, service_fn};

use crate::gateway::{Proxy, to_error};

pub(super) fn guard(proxy: Proxy) -> Router {
    Router::new().fallback_service(service_fn(move |request: Request<Body>| {
        let answered = proxy.clone().oneshot(request);
        async move { Ok::<_, Infallible>(answered.await.unwrap_or_else(|error| to_error(&error))) }
    }))
}
