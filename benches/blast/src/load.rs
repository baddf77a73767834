//! The load: calls over real connections at a steady pace, whatever becomes of the calls before.
//!
//! A latency counts from the instant at which a call was to begin, so that a client that was held up does not hide it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::{Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::runtime;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use tower::BoxError;

use crate::fault::Trouble;
use crate::scenario::{DEPENDENCIES, HEADER, SETTLING, TENANTS, TIMEOUT, dependency, id};
use crate::tally::{Of, Tally};
use crate::upstream::PAGE;

/// Before the first call is due.
const LEAD: Duration = Duration::from_millis(20);

/// What is waited for beyond the gateway's timeout, until a call counts as lost.
const GRACE: Duration = Duration::from_secs(1);

/// The most calls in the air, as clients have bounded pools. Without a breaker some 4,000 are while everything hangs; the
/// bound is for a machine that holds the gateway up, since each has a connection, of two files. Waiting for it is latency.
const IN_THE_AIR: usize = 5_000;

/// When what happens in a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timetable {
    /// From one call of a tenant to its next.
    pub(crate) interval: Duration,
    /// From the fault's beginning on.
    pub(crate) measured: Duration,
}

type HttpClient = Client<HttpConnector, Empty<Bytes>>;

/// Offers the load until the timetable's end, and waits for what came of the calls of those who are healthy. The fault
/// begins by `strike`, and gives the instant.
///
/// # Errors
///
/// Where a call got no answer at all: the gateway gives one to each.
pub(crate) fn offer(
    gateway: SocketAddr,
    trouble: Option<Trouble>,
    timetable: Timetable,
    strike: impl FnOnce(),
) -> Result<(Tally, Instant), BoxError> {
    // Of this run: what is still in the air at the end goes with it.
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).build(connector);
        let load = Load {
            client,
            gateway,
            tally: Arc::new(Mutex::new(Tally::new()?)),
            failed: Arc::default(),
            room: Arc::new(Semaphore::new(IN_THE_AIR)),
        };
        let struck = load.run(trouble, timetable, strike).await;
        if let Some(error) = load
            .failed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
        {
            return Err(error);
        }
        let tally = load.tally.lock().unwrap_or_else(PoisonError::into_inner);
        Ok((tally.clone(), struck))
    })
}

#[derive(Clone)]
struct Load {
    client: HttpClient,
    gateway: SocketAddr,
    tally: Arc<Mutex<Tally>>,
    /// The first call that got no answer.
    failed: Arc<Mutex<Option<BoxError>>>,
    /// For calls in the air.
    room: Arc<Semaphore>,
}

impl Load {
    async fn run(
        &self,
        trouble: Option<Trouble>,
        timetable: Timetable,
        strike: impl FnOnce(),
    ) -> Instant {
        let begun = Instant::now() + LEAD;
        let pace = timetable.interval / TENANTS as u32;
        let struck = begun + SETTLING;
        let end = struck + timetable.measured;
        let mut strike = Some(strike);
        let mut waited_for = JoinSet::new();
        for number in 0.. {
            let due = begun + pace * number;
            if due >= end {
                break;
            }
            sleep_until(due).await;
            if due >= struck
                && let Some(strike) = strike.take()
            {
                strike();
            }
            let (tenant, turn) = (number as usize % TENANTS, number as usize / TENANTS);
            let to = dependency(tenant, turn);
            let is_hit = trouble.is_some_and(|trouble| trouble.hits(tenant));
            let of = match (is_hit, to) {
                (true, to) if to == DEPENDENCIES[0] => None,
                _ if due < struck => None,
                (false, _) => Some(Of::Healthy),
                (true, _) => Some(Of::OtherDependency),
            };
            let call = self.clone().call(tenant, to, due, of);
            if of.is_some() {
                waited_for.spawn(call);
            } else {
                tokio::spawn(call);
            }
        }
        let all = async { while waited_for.join_next().await.is_some() {} };
        // Those that are in the air then are lost.
        let _ = timeout(TIMEOUT + GRACE, all).await;
        struck
    }

    async fn call(self, tenant: usize, to: &'static str, due: Instant, of: Option<Of>) {
        if let Some(of) = of {
            let late = Instant::now().saturating_duration_since(due);
            self.tally(|tally| tally.begin(of, late));
        }
        match self.ask(tenant, to).await {
            Ok(is_served) => {
                let took = Instant::now().saturating_duration_since(due);
                if let Some(of) = of.filter(|_| is_served) {
                    self.tally(|tally| tally.serve(of, took));
                }
            }
            Err(error) => {
                let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
                failed.get_or_insert(error);
            }
        }
    }

    /// Whether the answer is the one that was asked for.
    async fn ask(&self, tenant: usize, to: &str) -> Result<bool, BoxError> {
        let request = Request::get(format!("http://{}/{to}", self.gateway))
            .header(HEADER, id(tenant))
            .body(Empty::new())?;
        let _room = self.room.acquire().await?;
        let answer = self.client.request(request).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        Ok(status == StatusCode::OK && body == PAGE)
    }

    fn tally(&self, note: impl FnOnce(&mut Tally)) {
        note(&mut self.tally.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
