//! The tools themselves: how they are, and what reached them.

use std::future::pending;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tower::BoxError;
use tower_tenant_breaker::Dependency;
use tower_tenant_breaker::agent::ToolCall;

use super::hour::since;

pub(super) const SLOW: &str = "search";
pub(super) const SLOW_FOR: &str = "tenant-17";
pub(super) const SLOW_FROM: Duration = Duration::from_secs(10 * 60);
pub(super) const SLOW_UNTIL: Duration = Duration::from_secs(30 * 60);
/// How many times longer it takes: 4 to 30 s.
const SLOWER: u32 = 20;

pub(super) const DOWN: &str = "calendar";
pub(super) const DOWN_FROM: Duration = Duration::from_secs(35 * 60);
pub(super) const DOWN_UNTIL: Duration = Duration::from_secs(50 * 60);
const REFUSES_AFTER: Duration = Duration::from_millis(300);

/// What a tool is asked to do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Errand {
    /// How long it takes where the tool is well.
    pub(super) takes: Duration,
}

/// A call that reached its tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// The tenant.
    pub tenant: Arc<str>,
    /// The tool.
    pub tool: Arc<str>,
    /// By which the agent knows it.
    pub call_id: Arc<str>,
    /// The tool was down, or slow for this tenant: who called it could have known better.
    pub is_wasted: bool,
    /// It was one of the few that probe for all tenants in an outage.
    pub probes_for_all: bool,
}

/// A handle: clones are of the same tools.
#[derive(Clone, Debug)]
pub(super) struct World {
    begun: Instant,
    down: Dependency,
    reached: Arc<Mutex<Vec<Reached>>>,
}

enum Health {
    Well,
    Slow,
    Down,
}

impl World {
    /// Begins the hour.
    pub(super) fn new(down: Dependency) -> Self {
        Self {
            begun: Instant::now(),
            down,
            reached: Arc::default(),
        }
    }

    fn health(&self, tool: &str, tenant: &str) -> Health {
        let at = since(self.begun);
        let is_slow = (SLOW_FROM..SLOW_UNTIL).contains(&at) && tool == SLOW && tenant == SLOW_FOR;
        let is_down = (DOWN_FROM..DOWN_UNTIL).contains(&at) && tool == DOWN;
        match (is_slow, is_down) {
            (true, _) => Health::Slow,
            (_, true) => Health::Down,
            _ => Health::Well,
        }
    }

    /// Does what a tool is asked.
    pub(super) async fn run(self, call: ToolCall<Errand>) -> Result<String, BoxError> {
        let health = self.health(&call.tool, &call.tenant);
        let takes = call.input.takes;
        let reached = Reached {
            is_wasted: !matches!(health, Health::Well),
            probes_for_all: *call.tool == *self.down.name() && self.down.outage().is_some(),
            tenant: call.tenant,
            tool: call.tool,
            call_id: call.call_id.ok_or("the call has no id")?,
        };
        self.reached().push(reached);
        match health {
            Health::Well => sleep(takes).await,
            Health::Slow => sleep(takes * SLOWER).await,
            // A third of the calls are refused, the others hang.
            Health::Down if takes.as_millis().is_multiple_of(3) => {
                sleep(REFUSES_AFTER).await;
                return Err("connection refused".into());
            }
            Health::Down => pending().await,
        }
        Ok("done".to_owned())
    }

    /// What reached the tools so far.
    pub(super) fn take_reached(&self) -> Vec<Reached> {
        std::mem::take(&mut self.reached())
    }

    fn reached(&self) -> std::sync::MutexGuard<'_, Vec<Reached>> {
        self.reached.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
