//! Agents: what a model is told of a tool that gave no result, and what its next prompt says.
#![cfg(feature = "agent")]

mod golden;
mod hostile;
mod secrets;
mod since;
mod steady;
mod template;
mod unavailable;
mod wording;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;
use tower::{BoxError, Service, ServiceExt, service_fn};
use tower_tenant_breaker::agent::{DegradationSignal, Tool, ToolCall, Tools, ToolsBuilder};
use tower_tenant_breaker::{
    CircuitBreakerRegistry, Dependency, OpenPeriod, Outcome, Policy, PolicyBuilder,
};

const SECOND: Duration = Duration::from_secs(1);
const PERIOD: Duration = Duration::from_secs(30);

/// 2026-11-29T12:00:00Z.
const NOON: Duration = Duration::from_secs(1_795_953_600);

/// One failure opens for 30 seconds.
fn policy() -> PolicyBuilder {
    Policy::builder()
        .consecutive_failures(1)
        .open_for(OpenPeriod::fixed(PERIOD).jitter(0.0))
}

fn registry() -> CircuitBreakerRegistry {
    CircuitBreakerRegistry::builder().build().unwrap()
}

/// A clock on the wall that says noon where it is made, and goes as the other clock does; and what is added to what it
/// says, in microseconds.
#[derive(Clone)]
struct Wall {
    begun: Instant,
    added: Arc<AtomicI64>,
}

impl Wall {
    fn at_noon() -> Self {
        let (begun, added) = (Instant::now(), Arc::new(AtomicI64::new(0)));
        Self { begun, added }
    }

    fn says(&self) -> SystemTime {
        let right = UNIX_EPOCH + NOON + Instant::now().saturating_duration_since(self.begun);
        let micros = self.added.load(SeqCst);
        let by = Duration::from_micros(micros.unsigned_abs());
        if micros < 0 { right - by } else { right + by }
    }

    fn add(&self, micros: i64) {
        self.added.store(micros, SeqCst);
    }
}

fn at_noon(registry: &CircuitBreakerRegistry) -> (ToolsBuilder, Wall) {
    let wall = Wall::at_noon();
    let clock = wall.clone();
    let builder = Tools::builder(registry)
        .policy(policy().build().unwrap())
        .wall_clock(move || clock.says());
    (builder, wall)
}

/// Search, which has two substitutes, and bookings, which are made once.
fn travel(registry: &CircuitBreakerRegistry) -> Tools {
    at_noon(registry)
        .0
        .tool(Tool::new("search").substitutes(["web.search", "encyclopedia"]))
        .tool(Tool::new("web.search"))
        .tool(Tool::new("encyclopedia"))
        .tool(Tool::new("book").has_side_effects())
        .build()
        .unwrap()
}

fn fail(registry: &CircuitBreakerRegistry, tool: &str, tenant: &str) -> Dependency {
    let dependency = registry.get(tool).unwrap();
    let permit = dependency.acquire(tenant).unwrap();
    permit.record(Outcome::failure());
    dependency
}

/// What a model is told of a call that the circuit rejects.
fn rejected(tools: &Tools, dependency: &Dependency, tenant: &str) -> DegradationSignal {
    let rejection = dependency.acquire(tenant).unwrap_err();
    tools.signal(rejection.circuit_open().unwrap())
}

fn failing(
    says: &'static str,
) -> impl Service<ToolCall<()>, Response = String, Error = BoxError, Future: Send> + Clone {
    service_fn(move |_: ToolCall<()>| async move { Err::<String, BoxError>(says.into()) })
}

/// What a model is told of a call of a service that does not give a result.
async fn signal_of<S>(tools: &Tools, service: S, tenant: &str, tool: &str) -> DegradationSignal
where
    S: Service<ToolCall<()>, Response = String, Error = BoxError> + Clone,
{
    let call = ToolCall::new(tenant, tool, ());
    let reply = tools.dispatcher(service).oneshot(call).await.unwrap();
    reply.signal().expect("the tool gave a result").clone()
}
