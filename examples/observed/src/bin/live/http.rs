//! A client for what is on loopback.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;

use crate::Failed;

/// After which nobody is waited for any more.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Http(Client<HttpConnector, Body>);

impl Http {
    pub(crate) fn new() -> Self {
        Self(Client::builder(TokioExecutor::new()).build_http())
    }

    pub(crate) async fn get(&self, url: &str) -> Result<String, Failed> {
        self.send(Request::get(url).body(Body::empty())?).await
    }

    pub(crate) async fn post(&self, url: &str) -> Result<String, Failed> {
        self.send(Request::post(url).body(Body::empty())?).await
    }

    /// Posts what a form would.
    pub(crate) async fn form(&self, url: &str, name: &str, value: &str) -> Result<String, Failed> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair(name, value);
        let request = Request::post(url)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(form.finish()))?;
        self.send(request).await
    }

    async fn send(&self, request: Request<Body>) -> Result<String, Failed> {
        let asked = request.uri().to_string();
        let answered = timeout(PATIENCE, async {
            let (head, body) = self.0.request(request).await?.into_parts();
            let body = body.collect().await?.to_bytes();
            Ok::<_, Failed>((head.status, String::from_utf8_lossy(&body).into_owned()))
        });
        let (status, body) = answered
            .await
            .map_err(|_| format!("{asked} did not answer"))?
            .map_err(|error| format!("{asked}: {error}"))?;
        if status != StatusCode::OK {
            return Err(format!("{asked} answered {status}: {body}").into());
        }
        Ok(body)
    }
}
