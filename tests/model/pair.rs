//! The crate and the model, step by step through the same history.

mod comparing;

use std::sync::{Arc, Mutex};

use tokio::time::Instant;
use tower_tenant_breaker::{
    ByHandError, CircuitBreakerRegistry, Dependency, Event, EventKind, Permit, Policy, Probing,
    Reason, Rejection,
};

use super::Model;
use super::circuit::{Change, Ending, Ticket};
use super::history::{End, Step, Wait};
use super::overrides::Level;
use super::rules::{Rules, nanos};

const TENANT: &str = "acme";

/// What an observer was told.
#[derive(Debug, Default)]
struct Told {
    changes: Vec<(Instant, Change)>,
    refusals: u64,
    dry_refusals: u64,
    quota_holds: u64,
}

impl Told {
    fn hear(&mut self, event: &Event<'_>) {
        // What was set at which level has tests of its own; the model knows what it does.
        if let EventKind::Override { .. } = event.kind {
            self.quota_holds += u64::from(event.reason == Some(Reason::QuotaExhausted));
            return;
        }
        let of = (event.dependency, event.tenant);
        assert_eq!(of, (Some("search"), Some(TENANT)));
        match event.kind {
            EventKind::Transition { from, to, .. } => {
                let reason = event.reason.expect("a change has a reason");
                let change = Change {
                    at: 0,
                    from,
                    to,
                    generation: event.generation,
                    reason,
                };
                self.changes.push((event.at, change));
            }
            EventKind::Rejection if event.dry_run => self.dry_refusals += 1,
            EventKind::Rejection => self.refusals += 1,
            EventKind::Probe { .. } => {}
            kind => panic!("{kind:?} cannot happen to one tenant"),
        }
    }
}

/// The crate and the model, side by side.
pub(crate) struct Pair {
    registry: CircuitBreakerRegistry,
    search: Dependency,
    began: Instant,
    /// Those that the history may change to.
    policies: Vec<(Rules, Policy)>,
    pub(crate) model: Model,
    told: Arc<Mutex<Told>>,
    tickets: Vec<Ticket>,
    permits: Vec<Permit>,
}

impl Pair {
    /// Begins with the first of the policies.
    pub(crate) fn new(policies: &[Rules]) -> Self {
        let with_policy = |rules: &Rules| {
            let policy = rules.policy();
            (rules.clone().snapped(&policy), policy)
        };
        let policies: Vec<_> = policies.iter().map(with_policy).collect();
        let (rules, policy) = policies[0].clone();
        let told = Arc::new(Mutex::new(Told::default()));
        let ear = Arc::clone(&told);
        let registry = CircuitBreakerRegistry::builder()
            .observer(move |event: &Event<'_>| ear.lock().expect("no panic").hear(event))
            .build()
            .expect("the defaults are legal");
        let began = Instant::now();
        let search = registry
            .dependency_with("search", policy)
            .expect("the name is new");
        Self {
            registry,
            search,
            began,
            policies,
            model: Model::new(rules),
            told,
            tickets: Vec::new(),
            permits: Vec::new(),
        }
    }

    fn now(&self) -> u64 {
        u64::try_from((Instant::now() - self.began).as_nanos()).expect("histories are short")
    }

    pub(crate) async fn step(&mut self, step: Step) {
        let now = self.now();
        match step {
            Step::Call { probing, wait, end } => self.call(probing, wait, end).await,
            Step::Trickle {
                calls,
                slots,
                wait,
                end,
            } => {
                for _ in 0..calls {
                    self.wait(Wait::Edge { slots, off: 0 }).await;
                    self.call(Probing::Yes, wait, end).await;
                    self.compare();
                }
            }
            Step::Burst { calls, end } => {
                for _ in 0..calls {
                    if self.acquire(Probing::Yes) {
                        self.end(self.tickets.len() - 1, end);
                        self.compare();
                    }
                }
            }
            Step::Acquire(probing) => {
                let _ = self.acquire(probing);
            }
            Step::End { which, end } => {
                if let Some(which) = which.checked_rem(self.tickets.len()) {
                    self.end(which, end);
                }
            }
            Step::Wait(wait) => self.wait(wait).await,
            Step::Open => {
                self.search.circuit(TENANT).open().expect("there is room");
                self.model.open(now, None);
            }
            Step::OpenFor(tenths) => {
                let period = tenths * (self.model.rules().slot() / 10);
                let opened = self.search.circuit(TENANT).open_for(nanos(period));
                if period == 0 {
                    assert!(matches!(opened, Err(ByHandError::Period(_))), "{opened:?}");
                } else {
                    opened.expect("there is room");
                    self.model.open(now, Some(period));
                }
            }
            Step::HalfOpen => {
                let half_opened = self.search.circuit(TENANT).half_open();
                match self.model.half_open(now) {
                    Ok(()) => half_opened.expect("the circuit is not closed"),
                    Err(()) => assert_eq!(half_opened, Err(ByHandError::Closed)),
                }
            }
            Step::Reset => {
                self.search.circuit(TENANT).reset();
                self.model.reset(now);
            }
            Step::ResetDependency => {
                self.search.reset();
                self.model.reset(now);
            }
            Step::BeginRecovery => self.begin_recovery(),
            Step::RecoveryAlone { off } => {
                self.begin_recovery();
                self.wait(Wait::NoneElse { off }).await;
                let _ = self.acquire(Probing::IfNoneElse);
            }
            Step::SetPolicy(which) => {
                let (rules, policy) = self.policy(which);
                self.search.set_policy(policy);
                self.model.set_policy(rules);
            }
            Step::SetOwnPolicy(which) => self.set_own_policy(which),
            Step::ClearOwnPolicy => self.clear_own_policy(),
            Step::PassingPolicy { which, call } => {
                self.set_own_policy(which);
                if let Some(end) = call {
                    self.call(Probing::Yes, Wait::Tenths(0), end).await;
                }
                self.clear_own_policy();
            }
            Step::Set {
                level,
                what,
                tenths,
            } => {
                let period = tenths.map(|tenths| nanos(tenths * (self.model.rules().slot() / 10)));
                match (level, period) {
                    (Level::Circuit, None) => self.search.circuit(TENANT).set(what),
                    (Level::Circuit, Some(end)) => self.search.circuit(TENANT).set_for(what, end),
                    (Level::Dependency, None) => self.search.set(what),
                    (Level::Dependency, Some(end)) => self.search.set_for(what, end),
                    (Level::Tenant, None) => self.registry.tenant(TENANT).set(what),
                    (Level::Tenant, Some(end)) => self.registry.tenant(TENANT).set_for(what, end),
                    (Level::Registry, None) => self.registry.set(what),
                    (Level::Registry, Some(end)) => self.registry.set_for(what, end),
                }
                let end = period.map(|period| now + period.as_nanos() as u64);
                self.model.overrides.set(level, what, end);
            }
            Step::Clear(level) => {
                match level {
                    Level::Circuit => self.search.circuit(TENANT).clear(),
                    Level::Dependency => self.search.clear(),
                    Level::Tenant => self.registry.tenant(TENANT).clear(),
                    Level::Registry => self.registry.clear(),
                }
                self.model.overrides.clear(level);
            }
        }
    }

    fn begin_recovery(&mut self) {
        let now = self.now();
        self.search.begin_recovery();
        self.model.begin_recovery(now);
    }

    fn set_own_policy(&mut self, which: usize) {
        let (rules, policy) = self.policy(which);
        let set = self.search.circuit(TENANT).set_policy(policy);
        set.expect("the id is one");
        self.model.set_own_policy(rules);
    }

    fn clear_own_policy(&mut self) {
        self.search.circuit(TENANT).clear_policy();
        self.model.clear_own_policy();
    }

    fn policy(&self, which: usize) -> (Rules, Policy) {
        self.policies[which % self.policies.len()].clone()
    }

    async fn call(&mut self, probing: Probing, wait: Wait, end: End) {
        if self.acquire(probing) {
            let last = self.tickets.len() - 1;
            self.compare();
            let wait = match wait {
                // The age is that of this call, and not of another.
                Wait::Threshold { rule, off, .. } => Wait::Threshold {
                    which: last,
                    rule,
                    off,
                },
                wait => wait,
            };
            self.wait(wait).await;
            self.end(last, end);
        }
    }

    async fn wait(&mut self, wait: Wait) {
        let now = self.now();
        let until = wait.until(&self.model, &self.tickets, now);
        if until > now {
            tokio::time::advance(nanos(until - now)).await;
        }
        assert_eq!(self.now(), until, "the clock went where it was sent");
    }

    /// Whether both admitted the call; panics where they disagree.
    fn acquire(&mut self, probing: Probing) -> bool {
        let now = self.now();
        let refusal = self.model.acquire(now, probing);
        match (self.search.acquire_barred(TENANT, probing), refusal) {
            (Ok(permit), Ok(ticket)) => {
                self.permits.push(permit);
                self.tickets.push(ticket);
                true
            }
            (Err(Rejection::Open(open)), Err(refusal)) => {
                assert_eq!(open.reason(), refusal.reason);
                assert_eq!(
                    open.retry_after(),
                    refusal.retry_after.map(nanos),
                    "{open:?}"
                );
                assert_eq!((open.tenant(), open.dependency()), (Some(TENANT), "search"));
                false
            }
            (crate_says, model_says) => {
                panic!("the crate says {crate_says:?}, the model says {model_says:?}")
            }
        }
    }

    fn end(&mut self, which: usize, end: End) {
        let now = self.now();
        let permit = self.permits.swap_remove(which);
        let ticket = self.tickets.swap_remove(which);
        let ending = end.ending(self.model.rules());
        match ending {
            Ending::Recorded(outcome) => permit.record(outcome),
            Ending::Cancelled => drop(permit),
        }
        self.model.end(now, ticket, ending);
    }

    /// Ends all calls that are still in the air by dropping their permits.
    pub(crate) fn cancel_all(&mut self) {
        while !self.permits.is_empty() {
            self.end(0, End::Cancelled);
            self.compare();
        }
    }
}
