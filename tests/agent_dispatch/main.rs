//! A dispatcher of tools: what comes of a call, whoever makes it and however many there are at once.
#![cfg(feature = "agent")]

mod allocations;
mod alternatives;
mod anew;
mod builder;
mod crowds;
mod errors;
mod half_open;
mod lifetimes;
mod listed;
mod policies;
mod races;
mod readiness;
mod refusals;
mod replies;
mod side_effects;
mod toolbox;
mod turns;
mod types;
mod unavailable;

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use tokio::time::{Instant, advance, sleep};
use tower::load_shed::error::Overloaded;
use tower::{BoxError, Service, ServiceExt, service_fn};
use tower_tenant_breaker::agent::{
    DegradationSignal, DispatchError, Dispatcher, SignalReason, Tool, ToolCall, ToolReply, Tools,
    ToolsBuilder,
};
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitOpen, Dependency, ImpactPolicy, OpenPeriod, Policy,
    PolicyBuilder,
};

const OPEN: Duration = Duration::from_secs(10);

/// What the tool is to do with a call.
#[derive(Clone, Debug)]
enum Work {
    Answer,
    /// Answers, and the classifier of [`Shop::judging`] takes it for a failure.
    AnswerBadly,
    Fail,
    Take(Duration),
    Hang,
    Panic,
    Shed,
    BeRejected(CircuitOpen),
}

type Call = ToolCall<Work>;
type Answer = Result<ToolReply<&'static str>, DispatchError>;

fn call(tool: &str, work: Work) -> Call {
    ToolCall::new("acme", tool, work)
}

/// The service behind all tools, which counts the calls that reach it.
#[derive(Clone, Default)]
struct Shop {
    reached: Arc<AtomicUsize>,
    in_the_air: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

struct InTheAir(Arc<AtomicUsize>);

impl Drop for InTheAir {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

impl Shop {
    fn service(
        &self,
    ) -> impl Service<
        Call,
        Response = &'static str,
        Error = BoxError,
        Future: Future<Output = Result<&'static str, BoxError>> + Send,
    > + Clone
    + Send
    + Sync
    + 'static {
        let shop = self.clone();
        service_fn(move |call: Call| {
            let shop = shop.clone();
            async move {
                shop.reached.fetch_add(1, SeqCst);
                let now = shop.in_the_air.fetch_add(1, SeqCst) + 1;
                shop.most.fetch_max(now, SeqCst);
                let _in_the_air = InTheAir(shop.in_the_air);
                work(call.input).await
            }
        })
    }

    fn reached(&self) -> usize {
        self.reached.load(SeqCst)
    }

    fn in_the_air(&self) -> usize {
        self.in_the_air.load(SeqCst)
    }

    /// The most that were in the air at once.
    fn most(&self) -> usize {
        self.most.load(SeqCst)
    }
}

async fn work(work: Work) -> Result<&'static str, BoxError> {
    match work {
        Work::Answer => Ok("done"),
        Work::AnswerBadly => Ok("bad"),
        Work::Fail => Err("the secret of the upstream".into()),
        Work::Take(time) => {
            sleep(time).await;
            Ok("done")
        }
        Work::Hang => pending().await,
        Work::Panic => panic!("the tool's own"),
        Work::Shed => Err(std::io::Error::other(Overloaded::new()).into()),
        Work::BeRejected(open) => Err(std::io::Error::other(open).into()),
    }
}

fn registry() -> CircuitBreakerRegistry {
    CircuitBreakerRegistry::builder()
        .impact(ImpactPolicy::default())
        .build()
        .unwrap()
}

/// Opens for 10 s after two failures; nothing else opens it.
fn policy() -> PolicyBuilder {
    Policy::builder()
        .without_failure_rate()
        .without_latency()
        .consecutive_failures(2)
        .open_for(OpenPeriod::fixed(OPEN).jitter(0.0))
        .half_open_max_calls(2)
        .success_threshold(1)
}

fn declare(registry: &CircuitBreakerRegistry) -> ToolsBuilder {
    Tools::builder(registry).policy(policy().build().unwrap())
}

/// The tools of these names, by [`policy`], and what they are declared in.
fn tools<const N: usize>(names: [&str; N]) -> Tools {
    declare(&registry())
        .tools(names.map(Tool::new))
        .build()
        .unwrap()
}

fn tool<'a>(tools: &'a Tools, name: &str) -> &'a Dependency {
    tools.dependency(name).unwrap()
}

async fn ask<S, C>(dispatcher: &Dispatcher<S, Work, C>, call: Call) -> Answer
where
    S: Service<Call>,
    Dispatcher<S, Work, C>:
        Service<Call, Response = ToolReply<&'static str>, Error = DispatchError> + Clone,
{
    dispatcher.clone().oneshot(call).await
}

/// The signal that a call is answered with.
async fn signal<S, C>(dispatcher: &Dispatcher<S, Work, C>, call: Call) -> DegradationSignal
where
    S: Service<Call>,
    Dispatcher<S, Work, C>:
        Service<Call, Response = ToolReply<&'static str>, Error = DispatchError> + Clone,
{
    match ask(dispatcher, call).await.unwrap() {
        ToolReply::Unavailable(signal) => signal,
        ToolReply::Output(output) => panic!("answered with {output:?}"),
    }
}

async fn reason<S, C>(dispatcher: &Dispatcher<S, Work, C>, call: Call) -> SignalReason
where
    S: Service<Call>,
    Dispatcher<S, Work, C>:
        Service<Call, Response = ToolReply<&'static str>, Error = DispatchError> + Clone,
{
    signal(dispatcher, call).await.reason()
}

/// Fails calls until the circuit of acme is open.
fn trip(dependency: &Dependency) {
    trip_for(dependency, "acme");
}

fn trip_for(dependency: &Dependency, tenant: &str) {
    for _ in 0..2 {
        let permit = dependency.acquire(tenant).unwrap();
        permit.record(tower_tenant_breaker::Outcome::failure());
    }
}

fn since(begun: Instant) -> Duration {
    Instant::now().saturating_duration_since(begun)
}

async fn pass(time: Duration) {
    advance(time).await;
}
