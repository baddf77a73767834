//! Three tenants that call a search service all the time, and for whom it may be down.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tower_tenant_breaker::{Dependency, Outcome};

pub struct Caller {
    pub tenant: &'static str,
    /// Whether the service is down for this tenant.
    pub is_down: AtomicBool,
    pub admitted: AtomicU64,
    pub rejected: AtomicU64,
}

impl Caller {
    pub const fn new(tenant: &'static str) -> Self {
        Self {
            tenant,
            is_down: AtomicBool::new(false),
            admitted: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
        }
    }

    fn call(&self, search: &Dependency) {
        let Ok(permit) = search.acquire(self.tenant) else {
            self.rejected.fetch_add(1, Relaxed);
            return;
        };
        self.admitted.fetch_add(1, Relaxed);
        permit.record(match self.is_down.load(Relaxed) {
            true => Outcome::failure(),
            false => Outcome::Success,
        });
    }
}

/// Calls for ever, a thousand times a second for each.
pub async fn offer(search: Dependency, callers: &[Caller]) {
    let mut ticks = interval(Duration::from_millis(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        for caller in callers {
            caller.call(&search);
        }
    }
}
