//! When what a tenant can use changes.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use tower_tenant_breaker::agent::Tools;
use tower_tenant_breaker::{CircuitBreakerRegistry, Events, RecvError};

/// What a tenant can use, and whether that is what it was.
pub struct Availability {
    tools: Tools,
    tenant: Arc<str>,
    changes: Events,
    /// What was told last: the same as long as nothing has changed.
    note: Option<String>,
}

impl Availability {
    /// Who begins to listen while all is not well is told at once: it may have read its list before.
    pub fn new(registry: &CircuitBreakerRegistry, tools: &Tools, tenant: Arc<str>) -> Self {
        let changes = registry.subscribe_to_changes();
        Self {
            tools: tools.clone(),
            tenant,
            changes,
            note: None,
        }
    }

    /// Waits until it has changed; false once it cannot any more. What changes for other tenants is nothing to this one.
    pub async fn changed(&mut self) -> bool {
        loop {
            let note = self.tools.prompt_note(&self.tenant);
            if note != self.note {
                self.note = note;
                return true;
            }
            let next_end = self.next_end();
            tokio::select! {
                // Those that were lost are made up for by looking again.
                event = self.changes.recv() => if matches!(event, Err(RecvError::Closed)) { return false },
                // That a period is over is no event.
                () = over(next_end) => {}
            }
        }
    }

    /// How long until the first of what makes tools unavailable ends by itself.
    fn next_end(&self) -> Option<Duration> {
        let unavailable = self.tools.unavailable(&self.tenant).tools;
        let left = unavailable.iter().filter_map(|tool| tool.retry_after);
        left.filter(|left| !left.is_zero()).min()
    }
}

async fn over(period: Option<Duration>) {
    match period {
        Some(period) => sleep(period).await,
        None => std::future::pending().await,
    }
}
