//! This crate: its core, its decorator, and the tower service with rejections as errors and as responses.

use tower::{BoxError, Layer, Service};
use tower_tenant_breaker::{
    CallError, CircuitBreakerRegistry, CircuitOpen, Dependency, ErrIsFailure, MissingTenant,
    OpenPeriod, Outcome, Policy, Tenant, TenantCircuitBreakerLayer, TenantExtractor,
};

use super::About;
use crate::breaker::{Breaker, ROOM, Trips};
use crate::call::{Answer, Call, Failed, Inner, ready};

const PERCENTILE: &str = "yes";

const fn about(name: &'static str) -> About {
    About {
        name,
        packages: &["tower-tenant-breaker"],
        percentile: PERCENTILE,
    }
}

pub(super) const CORE: About = about("{}, `acquire` and `record`");
pub(super) const CALL: About = about("{}, `Dependency::call`");
pub(super) const SERVICE: About = about("{}, tower service");
pub(super) const RESPONDING: About = about("{}, tower service, `respond_with`");

fn dependency(trips: Trips) -> Dependency {
    let policy = match trips {
        Trips::ByDefault => Policy::default(),
        Trips::AtOnce(period) => Policy::builder()
            .consecutive_failures(1)
            .open_for(OpenPeriod::fixed(period).jitter(0.0))
            .build()
            .expect("within bounds"),
    };
    let registry = CircuitBreakerRegistry::builder().max_tenants(ROOM).build();
    let registry = registry.expect("room for more than none");
    let dependency = registry.dependency_with("search", policy);
    dependency.expect("the only one of its name")
}

#[derive(Clone)]
pub(super) struct Core(Dependency);

pub(super) fn core(trips: Trips) -> Core {
    Core(dependency(trips))
}

/// A caller's own error: what it is told of a rejection it answers at once.
#[derive(Debug)]
pub enum Refused {
    Rejected,
    Failed(Failed),
}

impl Breaker for Core {
    type Error = Refused;

    async fn call(&mut self, tenant: &'static str, answer: Answer) -> Result<u32, Refused> {
        let permit = self.0.acquire(tenant).map_err(|_| Refused::Rejected)?;
        let result = answer.await;
        permit.record(match result {
            Ok(_) => Outcome::Success,
            Err(_) => Outcome::failure(),
        });
        result.map_err(Refused::Failed)
    }

    fn is_rejected(result: &Result<u32, Refused>) -> bool {
        matches!(result, Err(Refused::Rejected))
    }
}

#[derive(Clone)]
pub(super) struct Decorator(Dependency);

pub(super) fn decorator(trips: Trips) -> Decorator {
    Decorator(dependency(trips))
}

impl Breaker for Decorator {
    type Error = CallError<Failed>;

    fn call(
        &mut self,
        tenant: &'static str,
        answer: Answer,
    ) -> impl Future<Output = Result<u32, Self::Error>> {
        self.0.call(tenant, answer)
    }

    fn is_rejected(result: &Result<u32, Self::Error>) -> bool {
        matches!(result, Err(CallError::Rejected(_)))
    }
}

/// The tenant, borrowed from a field of the request.
#[derive(Clone)]
struct ByField;

impl TenantExtractor<Call> for ByField {
    fn extract<'a>(&self, call: &'a Call) -> Result<Tenant<'a>, MissingTenant> {
        Ok(call.tenant.into())
    }
}

/// With rejections as errors.
#[derive(Clone)]
struct Tower<S>(S);

pub(super) fn service(trips: Trips) -> impl Breaker {
    let layer = TenantCircuitBreakerLayer::new(dependency(trips), ByField).classify(ErrIsFailure);
    Tower(layer.layer(Inner))
}

impl<S> Breaker for Tower<S>
where
    S: Service<Call, Response = u32, Error = BoxError> + Clone + Send + Sync,
{
    type Error = BoxError;

    fn call(
        &mut self,
        tenant: &'static str,
        answer: Answer,
    ) -> impl Future<Output = Result<u32, BoxError>> {
        ready(&mut self.0);
        self.0.call(Call { tenant, answer })
    }

    fn is_rejected(result: &Result<u32, BoxError>) -> bool {
        matches!(result, Err(error) if CircuitOpen::find(&**error).is_some())
    }
}

/// With rejections as responses.
#[derive(Clone)]
struct Responding<S>(S);

const REJECTED: u32 = 503;

pub(super) fn responding(trips: Trips) -> impl Breaker {
    let layer = TenantCircuitBreakerLayer::new(dependency(trips), ByField)
        .classify(ErrIsFailure)
        .respond_with(|_: &CircuitOpen| REJECTED);
    Responding(layer.layer(Inner))
}

impl<S> Breaker for Responding<S>
where
    S: Service<Call, Response = u32, Error = BoxError> + Clone + Send + Sync,
{
    type Error = BoxError;

    fn call(
        &mut self,
        tenant: &'static str,
        answer: Answer,
    ) -> impl Future<Output = Result<u32, BoxError>> {
        ready(&mut self.0);
        self.0.call(Call { tenant, answer })
    }

    fn is_rejected(result: &Result<u32, BoxError>) -> bool {
        matches!(result, Ok(REJECTED))
    }
}
