//! The innermost middleware of a client that makes no connection.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::Extensions;
use reqwest::{Request, Response};
use reqwest_middleware::{Error, Middleware, Next};

pub(crate) const OK: &str = "http://stub/200";
pub(crate) const DOWN: &str = "http://stub/503";
pub(crate) const HANG: &str = "http://stub/hang";
pub(crate) const PANIC: &str = "http://stub/panic";
pub(crate) const FLAKY: &str = "http://stub/flaky";

/// Answers as the path says: with a status, with 200 every third time, never, or with a panic.
#[derive(Clone, Default)]
pub(crate) struct Stub {
    received: Arc<AtomicUsize>,
}

impl Stub {
    pub(crate) fn received(&self) -> usize {
        self.received.load(Ordering::SeqCst)
    }
}

#[async_trait::async_trait]
impl Middleware for Stub {
    async fn handle(
        &self,
        request: Request,
        _extensions: &mut Extensions,
        _next: Next<'_>,
    ) -> Result<Response, Error> {
        let received = 1 + self.received.fetch_add(1, Ordering::SeqCst);
        match request.url().path() {
            "/hang" => pending().await,
            "/panic" => panic!("the stub fell over"),
            "/flaky" if !received.is_multiple_of(3) => Ok(response(503, &[])),
            "/flaky" => Ok(response(200, &[])),
            status => Ok(response(status[1..].parse().unwrap(), &[])),
        }
    }
}

pub(crate) fn response(status: u16, headers: &[(&str, &str)]) -> Response {
    let mut response = http::Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body("").unwrap().into()
}
