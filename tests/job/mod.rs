//! A request that names its tenant, a service that does as the request says, and a dependency that
//! trips after two failures. Shared by the tests of the middleware; each uses a part of it.

#![allow(dead_code, unreachable_pub)]

use std::fmt;
use std::future::pending;
use std::time::Duration;

use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitState, Dependency, MissingReason, MissingTenant, OpenPeriod,
    Outcome, Policy, PolicyBuilder, Tenant, TenantExtractor,
};

pub const OPEN: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Succeed,
    Fail,
    Hang,
    Panic,
}

pub use Order::{Fail, Hang, Panic, Succeed};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    pub owner: Option<String>,
    pub order: Order,
    pub tool: String,
}

pub fn job(owner: &str, order: Order) -> Job {
    Job {
        owner: Some(owner.into()),
        order,
        tool: "printer".into(),
    }
}

pub fn nobodys(order: Order) -> Job {
    Job {
        owner: None,
        ..job("", order)
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Owner;

impl TenantExtractor<Job> for Owner {
    fn extract<'a>(&self, job: &'a Job) -> Result<Tenant<'a>, MissingTenant> {
        let owner = job.owner.as_deref();
        owner
            .map(Tenant::from)
            .ok_or(MissingTenant::new(MissingReason::Absent))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfPaper;

impl fmt::Display for OutOfPaper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("out of paper")
    }
}

impl std::error::Error for OutOfPaper {}

pub async fn work(job: Job) -> Result<String, OutOfPaper> {
    match job.order {
        Succeed => Ok("done".into()),
        Fail => Err(OutOfPaper),
        Hang => pending().await,
        Panic => panic!("paper jam"),
    }
}

/// Two failures in a row trip, and nothing else does; open for ten seconds sharp; one probe closes.
pub fn two_strikes() -> PolicyBuilder {
    Policy::builder()
        .without_failure_rate()
        .without_latency()
        .consecutive_failures(2)
        .open_for(OpenPeriod::fixed(OPEN).jitter(0.0))
        .half_open_max_calls(1)
        .success_threshold(1)
        .abandoned_run(0)
}

pub fn registry() -> CircuitBreakerRegistry {
    CircuitBreakerRegistry::builder()
        .default_policy(two_strikes().build().unwrap())
        .build()
        .unwrap()
}

pub fn printer() -> Dependency {
    registry().dependency("printer").unwrap()
}

/// Two failures, so that the tenant's circuit is open.
pub fn open(printer: &Dependency, tenant: &str) {
    while printer.state(tenant) == CircuitState::Closed {
        printer.acquire(tenant).unwrap().record(Outcome::failure());
    }
}
