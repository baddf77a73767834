//! Two or three models that do as they are told, and prompts whose copies are counted.

use std::collections::HashMap;
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use tower::load_shed::error::Overloaded;
use tower::{BoxError, Service};
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitState, Dependency, Failover, FailoverBuilder, Idempotence,
    MissingReason, MissingTenant, Outcome, Served, Tenant, TenantExtractor,
};

use crate::job::{OutOfPaper, registry};

/// How a model treats the prompts of a tenant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Health {
    #[default]
    Well,
    /// It answers after a minute.
    Slow,
    /// It gives an error.
    Failing,
    /// It answers what the classifier calls a failure.
    Garbling,
    /// It answers what the classifier calls throttled.
    Throttling,
    /// It answers what the classifier ignores.
    Shrugging,
    /// Its error is no failure.
    Refusing,
    /// It sheds the load.
    Shedding,
    /// It does not answer.
    Hanging,
    Panicking,
    /// It breaks when it is asked whether it is ready.
    Broken,
}

pub(crate) use Health::{
    Broken, Failing, Garbling, Hanging, Panicking, Refusing, Shedding, Shrugging, Slow, Throttling,
    Well,
};

/// A model. All clones keep one ledger.
#[derive(Clone)]
pub(crate) struct Model {
    pub(crate) dependency: Dependency,
    ledger: Arc<Mutex<Ledger>>,
}

#[derive(Default)]
struct Ledger {
    health: Health,
    of_tenant: HashMap<String, Health>,
    received: usize,
}

impl Model {
    pub(crate) fn of(registry: &CircuitBreakerRegistry, name: &str) -> Self {
        Self::guarding(registry.dependency(name).unwrap())
    }

    pub(crate) fn guarding(dependency: Dependency) -> Self {
        let ledger = Arc::default();
        Self { dependency, ledger }
    }

    pub(crate) fn is(&self, health: Health) {
        self.ledger.lock().unwrap().health = health;
    }

    pub(crate) fn is_for(&self, tenant: &str, health: Health) {
        let mut ledger = self.ledger.lock().unwrap();
        ledger.of_tenant.insert(tenant.to_owned(), health);
    }

    /// How many prompts came in.
    pub(crate) fn received(&self) -> usize {
        self.ledger.lock().unwrap().received
    }

    pub(crate) fn state(&self) -> CircuitState {
        self.dependency.state("acme")
    }

    /// Opens acme's circuit.
    pub(crate) fn open(&self) {
        self.dependency.circuit("acme").open().unwrap();
    }

    fn health(&self, tenant: Option<&str>) -> Health {
        let ledger = self.ledger.lock().unwrap();
        let own = tenant.and_then(|tenant| ledger.of_tenant.get(tenant));
        own.copied().unwrap_or(ledger.health)
    }
}

type Answer = Pin<Box<dyn Future<Output = Result<String, BoxError>> + Send + Sync>>;

impl Service<Prompt> for Model {
    type Response = String;
    type Error = BoxError;
    type Future = Answer;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        match self.health(None) {
            Broken => Poll::Ready(Err(OutOfPaper.into())),
            _ => Poll::Ready(Ok(())),
        }
    }

    fn call(&mut self, prompt: Prompt) -> Answer {
        let health = self.health(prompt.tenant.as_deref());
        self.ledger.lock().unwrap().received += 1;
        let name = self.dependency.name().to_owned();
        Box::pin(async move {
            let _held = prompt;
            match health {
                Well => Ok(name),
                Slow => {
                    tokio::time::sleep(Duration::from_secs(60)).await;
                    Ok(name)
                }
                Garbling => Ok(format!("garbled by {name}")),
                Throttling => Ok(format!("too much for {name}")),
                Shrugging => Ok(format!("no idea, says {name}")),
                Failing | Broken => Err(OutOfPaper.into()),
                Refusing => Err(format!("{name} does not do that").into()),
                Shedding => Err(Overloaded::new().into()),
                Hanging => pending().await,
                Panicking => panic!("{name} fell over"),
            }
        })
    }
}

pub(crate) fn judge(result: Result<&String, &BoxError>) -> Outcome {
    match result {
        Ok(answer) if answer.starts_with("garbled") => Outcome::failure(),
        Ok(answer) if answer.starts_with("too much") => Outcome::throttled(),
        Ok(answer) if answer.starts_with("no idea") => Outcome::Ignored,
        Ok(_) => Outcome::Success,
        Err(error) if error.is::<OutOfPaper>() => Outcome::failure(),
        Err(error) if error.is::<Overloaded>() => Outcome::Ignored,
        Err(_) => Outcome::Success,
    }
}

/// A request. May be sent twice where it is `safe`.
#[derive(Debug)]
pub(crate) struct Prompt {
    pub(crate) tenant: Option<String>,
    pub(crate) safe: bool,
    copies: Copies,
}

/// How many copies of a prompt were made, and how many of it there are now, itself included.
#[derive(Debug)]
pub(crate) struct Tally {
    made: AtomicUsize,
    alive: AtomicUsize,
}

impl Tally {
    pub(crate) fn made(&self) -> usize {
        self.made.load(Ordering::Relaxed)
    }

    pub(crate) fn alive(&self) -> usize {
        self.alive.load(Ordering::Relaxed)
    }
}

#[derive(Debug)]
pub(crate) struct Copies(Arc<Tally>);

impl Copies {
    fn none() -> Self {
        Self(Arc::new(Tally {
            made: AtomicUsize::new(0),
            alive: AtomicUsize::new(1),
        }))
    }
}

impl Clone for Copies {
    fn clone(&self) -> Self {
        self.0.made.fetch_add(1, Ordering::Relaxed);
        self.0.alive.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(&self.0))
    }
}

impl Drop for Copies {
    fn drop(&mut self) {
        self.0.alive.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Clone for Prompt {
    fn clone(&self) -> Self {
        Self {
            tenant: self.tenant.clone(),
            safe: self.safe,
            copies: self.copies.clone(),
        }
    }
}

impl Prompt {
    pub(crate) fn tally(&self) -> Arc<Tally> {
        Arc::clone(&self.copies.0)
    }
}

impl Idempotence for Prompt {
    fn is_idempotent(&self) -> bool {
        self.safe
    }
}

/// A prompt that may be sent twice.
pub(crate) fn read(tenant: &str) -> Prompt {
    Prompt {
        tenant: Some(tenant.to_owned()),
        safe: true,
        copies: Copies::none(),
    }
}

/// One that may not.
pub(crate) fn write(tenant: &str) -> Prompt {
    let safe = false;
    Prompt {
        safe,
        ..read(tenant)
    }
}

pub(crate) fn nobodys() -> Prompt {
    Prompt {
        tenant: None,
        ..read("")
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Sender;

impl TenantExtractor<Prompt> for Sender {
    fn extract<'a>(&self, prompt: &'a Prompt) -> Result<Tenant<'a>, MissingTenant> {
        let tenant = prompt.tenant.as_deref();
        tenant
            .map(Tenant::from)
            .ok_or(MissingTenant::new(MissingReason::Absent))
    }
}

pub(crate) type Judge = fn(Result<&String, &BoxError>) -> Outcome;

/// The models as they are mostly made: judged, and nothing else said.
pub(crate) fn list(models: &[&Model]) -> FailoverBuilder<Model, Sender, Judge> {
    let mut list = Failover::builder(Sender);
    for model in models {
        list = list.provider(model.dependency.clone(), (*model).clone());
    }
    list.classify(judge as Judge)
}

/// `model-a` and `model-b`, each with circuits that two failures open for ten seconds.
pub(crate) fn two() -> (Model, Model) {
    let registry = registry();
    let model = |name| Model::of(&registry, name);
    (model("model-a"), model("model-b"))
}

pub(crate) fn three() -> (Model, Model, Model) {
    let registry = registry();
    let model = |name| Model::of(&registry, name);
    (model("model-a"), model("model-b"), model("model-c"))
}

/// The answer, and who gave it.
pub(crate) fn told(served: Served<String>) -> (String, String) {
    let (answer, by) = served.into_parts();
    (answer, by.to_string())
}
