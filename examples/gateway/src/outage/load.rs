//! The load: every tenant calls at its own steady pace, until it is told to stop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::plan::{TENANTS, interval};
use super::tape::{Call, Tape};
use crate::gateways::{HttpClient, client};
use crate::load::{Answer, MAX_WAITING, ask};

/// The load, while it is offered.
#[derive(Debug)]
pub(crate) struct Load {
    tenants: JoinSet<()>,
    is_over: Arc<AtomicBool>,
}

impl Load {
    pub(crate) fn start(gateway: SocketAddr, tape: &Tape) -> Self {
        let (start, client) = (Instant::now(), client());
        let is_over = Arc::new(AtomicBool::new(false));
        let mut tenants = JoinSet::new();
        for (place, tenant) in TENANTS.into_iter().enumerate() {
            let every = interval(place);
            // Spread over the interval, so that the tenants do not call in step.
            let first = start + every.mul_f64(place as f64 / TENANTS.len() as f64);
            let mut ticks = interval_at(first, every);
            // After a hiccup of the machine, go on: to catch up would be a burst that no tenant sent.
            ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
            let (client, tape) = (client.clone(), tape.clone());
            let is_over = Arc::clone(&is_over);
            tenants.spawn(async move {
                // They do not wait for one another: a caller does not call less because an earlier call hangs.
                let mut waiting = JoinSet::new();
                while !is_over.load(Ordering::Relaxed) {
                    ticks.tick().await;
                    while waiting.try_join_next().is_some() {}
                    if waiting.len() < MAX_WAITING {
                        waiting.spawn(call(client.clone(), gateway, tenant, tape.clone()));
                    }
                }
                waiting.join_all().await;
            });
        }
        Self { tenants, is_over }
    }

    /// Ends it, once the last call has ended.
    pub(crate) async fn stop(self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.tenants.join_all().await;
    }
}

async fn call(client: HttpClient, gateway: SocketAddr, tenant: &'static str, tape: Tape) {
    let sent = Instant::now();
    let (answer, body) = ask(&client, gateway, tenant).await;
    let reason = match answer {
        Answer::Rejected => Some(member(&body, "reason")),
        Answer::Served | Answer::Failed => None,
    };
    tape.add_call(Call {
        tenant,
        sent,
        ended: Instant::now(),
        answer,
        reason,
    });
}

/// A text of a problem document; empty where it has none of that name.
pub(crate) fn member(problem: &[u8], name: &str) -> String {
    let problem: serde_json::Value = serde_json::from_slice(problem).unwrap_or_default();
    problem[name].as_str().unwrap_or_default().to_owned()
}
