//! The load: four tenants that prompt at a steady pace, whatever becomes of their calls.

use std::time::Duration;

use axum::body::Bytes;
use axum::http::Request;
use http_body_util::Full;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::RUN;
use crate::stacks::{By, Stack};

pub(crate) const TENANTS: [&str; 4] = ["acme", "birch", "cedar", "dune"];

/// Each tenant prompts 40 times a second.
pub(crate) const INTERVAL: Duration = Duration::from_millis(25);

/// A call that is over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    /// Since the beginning.
    pub(crate) sent: Duration,
    pub(crate) took: Duration,
    /// None where it failed.
    pub(crate) by: Option<By>,
}

/// Sends every tenant's calls each way, and ends when the last of them has ended.
pub(crate) async fn offer(ways: &[Stack; 2], start: Instant) -> [Vec<Call>; 2] {
    let of = ways.each_ref().map(|way| {
        let mut tenants = JoinSet::new();
        for (place, tenant) in (0..).zip(TENANTS) {
            // The tenants do not call in step.
            let first = start + INTERVAL * place / TENANTS.len() as u32;
            tenants.spawn(pace(way.clone(), tenant, start, first));
        }
        tenants
    });
    let [by_hand, failover] = of.map(JoinSet::join_all);
    let (by_hand, failover) = tokio::join!(by_hand, failover);
    [by_hand.concat(), failover.concat()]
}

/// One tenant's calls. They do not wait for one another: who prompts does not prompt less because an earlier
/// answer is late.
async fn pace(way: Stack, tenant: &'static str, start: Instant, first: Instant) -> Vec<Call> {
    let mut calls = JoinSet::new();
    let mut ticks = interval_at(first, INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while ticks.tick().await < start + RUN {
        let way = way.clone();
        calls.spawn(async move { call(&way, tenant, start).await });
    }
    calls.join_all().await
}

pub(crate) async fn call(way: &Stack, tenant: &'static str, start: Instant) -> Call {
    let sent = Instant::now();
    let prompt = Request::post("/v1/messages")
        .header("x-tenant-id", tenant)
        .body(Full::new(Bytes::from("what is six times seven?")));
    let by = match prompt {
        Ok(prompt) => way.send(prompt).await,
        Err(_) => None,
    };
    Call {
        sent: sent - start,
        took: Instant::now() - sent,
        by,
    }
}
