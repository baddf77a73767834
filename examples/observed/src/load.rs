//! The load: real HTTP calls at a steady pace, whatever becomes of them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use tokio::sync::Semaphore;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::front::{HttpClient, TENANT, client};
use crate::scenario::{BUSY, Service, tenant};
use crate::stage::{Stage, Trouble};

/// Calls are sent in small heaps, since a timer for each would be coarser than their distance.
const TICK: Duration = Duration::from_millis(20);

/// The most calls in the air. What comes beside them is not sent: callers that wait do not call.
const IN_THE_AIR: usize = 512;

/// After which a caller goes away.
const PATIENCE: Duration = Duration::from_secs(5);

/// Calls a second of tenants that nobody knows, while the stage asks for them.
const VISITORS: f64 = 30.0;

/// Who calls what next.
#[derive(Debug)]
struct Turns {
    first: usize,
    tenants: usize,
    sent: usize,
}

impl Turns {
    /// One after the other, each with all dependencies in turn.
    fn next(&mut self) -> (usize, Service) {
        let turn = self.sent;
        self.sent += 1;
        // Shifted by one in each round: everybody calls everything, whatever divides what.
        let service = Service::ALL[(turn + turn / self.tenants) % Service::ALL.len()];
        (self.first + turn % self.tenants, service)
    }
}

/// Sends `rate` calls a second to the front, half of them of the busy tenants. Never ends.
pub(crate) async fn offer(front: SocketAddr, tenants: usize, rate: u32, stage: Arc<Stage>) {
    let caller = Caller {
        client: client(),
        front,
        air: Arc::new(Semaphore::new(IN_THE_AIR)),
    };
    let busy = tenants.min(BUSY);
    let mut lanes = vec![Turns::of(0, busy)];
    if tenants > busy {
        lanes.push(Turns::of(busy, tenants - busy));
    }
    let mut ticks = interval(TICK);
    // After a hiccup of the machine, go on: to catch up would be a burst that nobody sent.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let [mut due, mut visitors_due] = [0.0, 0.0];
    let mut visitors = 0_u64;
    loop {
        ticks.tick().await;
        due += f64::from(rate) * TICK.as_secs_f64();
        while due >= 1.0 {
            due -= 1.0;
            lanes.rotate_left(1);
            let (place, service) = lanes[0].next();
            caller.send(service, tenant(place));
        }
        visitors_due += VISITORS * TICK.as_secs_f64();
        while visitors_due >= 1.0 {
            visitors_due -= 1.0;
            for service in Service::ALL {
                if stage.is_on(service, Trouble::Overflow) {
                    visitors += 1;
                    caller.send(service, format!("visitor-{visitors}"));
                }
            }
        }
    }
}

impl Turns {
    const fn of(first: usize, tenants: usize) -> Self {
        Self {
            first,
            tenants,
            sent: 0,
        }
    }
}

struct Caller {
    client: HttpClient,
    front: SocketAddr,
    air: Arc<Semaphore>,
}

impl Caller {
    fn send(&self, service: Service, tenant: String) {
        let Ok(place) = self.air.clone().try_acquire_owned() else {
            return;
        };
        let uri = format!("http://{}/{}", self.front, service.name());
        let request = Request::get(uri).header(TENANT, tenant).body(Body::empty());
        let Ok(request) = request else { return };
        let answer = self.client.request(request);
        tokio::spawn(async move {
            // What became of it is for the metrics to say. Read to its end, so that the connection serves the next call.
            let read = async { answer.await.ok()?.into_body().collect().await.ok() };
            let _ = timeout(PATIENCE, read).await;
            drop(place);
        });
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn everybody_calls_everything_equally_often() {
        for tenants in [1, 3, 40, 960] {
            let mut turns = Turns::of(7, tenants);
            let mut calls = HashMap::new();
            for _ in 0..tenants * Service::ALL.len() * 2 {
                *calls.entry(turns.next()).or_insert(0) += 1;
            }
            assert_eq!(calls.len(), tenants * Service::ALL.len(), "{tenants}");
            assert!(calls.values().all(|calls| *calls == 2), "{tenants}");
        }
    }
}
