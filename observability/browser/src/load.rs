//! Calls that do not stop.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tower_tenant_breaker::{Dependency, Outcome};

/// How often each tenant calls.
const EVERY: Duration = Duration::from_millis(400);

/// In so many parts, so that the tenants do not call all at once.
const PARTS: usize = 8;

/// Who fails at present, by dependency and tenant.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sick(Arc<Mutex<HashSet<(String, String)>>>);

impl Sick {
    pub(crate) fn set<'a>(&self, dependency: &str, tenants: impl IntoIterator<Item = &'a String>) {
        let mut sick = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sick.extend(
            tenants
                .into_iter()
                .map(|tenant| (dependency.to_owned(), tenant.clone())),
        );
    }

    pub(crate) fn heal(&self) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    fn now(&self) -> HashSet<(String, String)> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Calls all of these for all tenants until it is aborted.
pub(crate) fn start(
    dependencies: Vec<Dependency>,
    tenants: Arc<[String]>,
    sick: Sick,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut ticks = interval(EVERY / PARTS as u32);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        for part in (0..PARTS).cycle() {
            ticks.tick().await;
            let sick = sick.now();
            // One tenant that calls often enough for percentiles.
            if let Some(busy) = tenants.last() {
                for dependency in &dependencies {
                    tokio::spawn(call_that_takes_a_while(dependency.clone(), busy.clone()));
                }
            }
            for dependency in &dependencies {
                for tenant in tenants.iter().skip(part).step_by(PARTS) {
                    let fails = sick.contains(&(dependency.name().to_owned(), tenant.clone()));
                    call(dependency, tenant, !fails);
                }
            }
        }
    })
}

/// One call; returns whether it was admitted.
pub(crate) fn call(dependency: &Dependency, tenant: &str, succeeds: bool) -> bool {
    let Ok(permit) = dependency.acquire(tenant) else {
        return false;
    };
    permit.record(match succeeds {
        true => Outcome::Success,
        false => Outcome::failure(),
    });
    true
}

async fn call_that_takes_a_while(dependency: Dependency, tenant: String) {
    if let Ok(permit) = dependency.acquire(&tenant) {
        sleep(Duration::from_millis(20)).await;
        permit.record(Outcome::Success);
    }
}
