//! The load: a real HTTP client that calls at a steady pace, whatever becomes of the calls.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use crate::gateways::{Gateway, HttpClient, client};
use crate::scenario::{INTERVAL, RUN, TENANTS};
use crate::upstream::{Health, Upstream};

/// The most calls of one tenant that wait for one gateway. A hanging upstream holds 10 of them.
pub(crate) const MAX_WAITING: usize = 64;

/// After which the client itself gives up; no gateway should ever let it come to that.
const PATIENCE: Duration = Duration::from_secs(5);

/// What became of a call, as its caller saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// 200.
    Served,
    /// Anything that is neither.
    Failed,
    /// 503 with the problem document of a circuit.
    Rejected,
}

/// A call that is over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) tenant: &'static str,
    /// Whether the upstream was sick for the tenant when the call was sent.
    pub(crate) sick: bool,
    pub(crate) answer: Answer,
    pub(crate) took: Duration,
    pub(crate) ended: Instant,
}

/// The calls through one gateway, in the order in which they ended.
#[derive(Clone, Debug)]
pub(crate) struct Lane {
    pub(crate) gateway: Gateway,
    client: HttpClient,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Lane {
    pub(crate) fn new(gateway: Gateway) -> Self {
        Self {
            gateway,
            client: client(),
            calls: Arc::default(),
        }
    }

    /// The calls that ended, but for the first `seen` of them.
    pub(crate) fn calls_after(&self, seen: usize) -> Vec<Call> {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.get(seen..).unwrap_or_default().to_vec()
    }

    async fn call(self, tenant: &'static str, sick: bool) {
        let sent = Instant::now();
        let (answer, _) = ask(&self.client, self.gateway.address, tenant).await;
        let ended = Instant::now();
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.push(Call {
            tenant,
            sick,
            answer,
            took: ended - sent,
            ended,
        });
    }
}

/// Calls a gateway as this tenant, and returns the body of the answer too: empty where there is none.
pub(crate) async fn ask(client: &HttpClient, gateway: SocketAddr, tenant: &str) -> (Answer, Bytes) {
    let answered = timeout(PATIENCE, send(client, gateway, tenant)).await;
    answered
        .ok()
        .flatten()
        .unwrap_or((Answer::Failed, Bytes::new()))
}

async fn send(client: &HttpClient, gateway: SocketAddr, tenant: &str) -> Option<(Answer, Bytes)> {
    let request = Request::get(format!("http://{gateway}/search"))
        .header("x-tenant-id", tenant)
        .body(Body::empty());
    let response = client.request(request.ok()?).await.ok()?;
    let (head, body) = response.into_parts();
    // Read to its end, so that the connection serves the next call.
    let body = body.collect().await.ok()?.to_bytes();
    let is_problem = head
        .headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/problem+json"));
    let answer = match head.status {
        StatusCode::OK => Answer::Served,
        // The upstream's own 503 is plain text.
        StatusCode::SERVICE_UNAVAILABLE if is_problem => Answer::Rejected,
        _ => Answer::Failed,
    };
    Some((answer, body))
}

/// Sends every tenant's calls through each lane, and ends when the last of them has ended.
pub(crate) async fn offer(lanes: &[Lane], upstream: &Upstream, start: Instant) {
    let mut tenants = JoinSet::new();
    for (place, tenant) in (0..).zip(TENANTS) {
        // Spread over half the interval: the tenants do not call in step, and all are done at its end.
        let first = start + INTERVAL * place / (2 * TENANTS.len() as u32);
        tenants.spawn(pace(
            tenant,
            first,
            start + RUN,
            lanes.to_vec(),
            upstream.clone(),
        ));
    }
    tenants.join_all().await;
}

/// One tenant's calls. They do not wait for one another: a caller does not call less because an
/// earlier call hangs.
async fn pace(
    tenant: &'static str,
    first: Instant,
    end: Instant,
    lanes: Vec<Lane>,
    upstream: Upstream,
) {
    let mut waiting: Vec<JoinSet<()>> = lanes.iter().map(|_| JoinSet::new()).collect();
    let mut ticks = interval_at(first, INTERVAL);
    // After a hiccup of the machine, go on: to catch up would be a burst that no tenant sent.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while ticks.tick().await < end {
        let sick = upstream.health(tenant) != Health::Healthy;
        for (lane, waiting) in lanes.iter().zip(&mut waiting) {
            while waiting.try_join_next().is_some() {}
            if waiting.len() < MAX_WAITING {
                waiting.spawn(lane.clone().call(tenant, sick));
            }
        }
    }
    for waiting in waiting {
        waiting.join_all().await;
    }
}
