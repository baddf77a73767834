//! What a scene is played on: a registry, calls, and the page's server.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::task::JoinHandle;
use tower_tenant_breaker::{
    CircuitBreakerRegistry, Dependency, OpenPeriod, OutagePolicy, Policy, PolicyError,
};

use crate::failure::Failure;
use crate::load::{self, Sick};
use crate::server::{LOOK, OPS, Server};

#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) registry: CircuitBreakerRegistry,
    pub(crate) search: Dependency,
    pub(crate) billing: Dependency,
    pub(crate) tenants: Arc<[String]>,
    pub(crate) sick: Sick,
    pub(crate) server: Server,
    load: JoinHandle<()>,
}

/// Trips soon, and asks again soon, so that no scene is long.
pub(crate) fn policy() -> Result<Policy, PolicyError> {
    Policy::builder()
        .consecutive_failures(3)
        .open_for(OpenPeriod::fixed(Duration::from_secs(1)))
        .success_threshold(1)
        .build()
}

fn policy_for_outages() -> Result<Policy, PolicyError> {
    let outage = OutagePolicy::default()
        .min_tenants(20)
        .min_share(0.3)
        .open_for(OpenPeriod::fixed(Duration::from_secs(2)))
        .recovery_spread(Duration::from_secs(1));
    Policy::builder()
        .consecutive_failures(3)
        .open_for(OpenPeriod::fixed(Duration::from_secs(1)))
        .success_threshold(1)
        .outage(outage)
        .build()
}

impl Stage {
    /// A thousand tenants call `search`, `billing` and `mail`.
    pub(crate) async fn set() -> Result<Self, Failure> {
        let registry = CircuitBreakerRegistry::builder().build()?;
        let search = registry.dependency_with("search", policy()?)?;
        let billing = registry.dependency_with("billing", policy_for_outages()?)?;
        let mail = registry.dependency_with("mail", policy()?)?;
        let names = (1..=1_000).map(|number| format!("tenant-{number}"));
        let tenants: Arc<[String]> = names.collect();
        let sick = Sick::default();
        let all = vec![search.clone(), billing.clone(), mail];
        let load = load::start(all, Arc::clone(&tenants), sick.clone());
        let server = Server::start(&registry, 0).await?;
        Ok(Self {
            registry,
            search,
            billing,
            tenants,
            sick,
            server,
            load,
        })
    }

    /// The page for those who may act.
    pub(crate) fn ops(&self) -> String {
        format!("http://{}{OPS}", self.server.address)
    }

    /// The page for those who may look.
    pub(crate) fn look(&self) -> String {
        format!("http://{}{LOOK}/", self.server.address)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.load.abort();
    }
}

/// The system's clock.
pub(crate) fn unix_ms() -> f64 {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH);
    unix.unwrap_or_default().as_secs_f64() * 1000.0
}
