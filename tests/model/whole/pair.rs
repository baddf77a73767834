//! The crate and the model of many tenants, step by step through the same history.

use std::sync::{Arc, Mutex};

use tokio::time::Instant;
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitState, Dependency, Event, EventKind, Permit, Probing, Rejection,
};

use super::super::circuit::{Change, Ending};
use super::super::history::End;
use super::super::overrides::Level;
use super::super::rules::nanos;
use super::history::{Step, Wait};
use super::{Pass, Setting, TENANTS, Whole};

/// The changes of the dependency as a whole, with the tenants that were down and those that were active.
type Told = Vec<(Change, u64, u64)>;

/// The crate and the model, side by side.
pub(crate) struct Pair {
    registry: CircuitBreakerRegistry,
    search: Dependency,
    began: Instant,
    pub(crate) model: Whole,
    told: Arc<Mutex<Told>>,
    passes: Vec<(Permit, Pass)>,
    /// Who is looked at next, besides those that are concerned.
    next: usize,
}

fn name(tenant: usize) -> String {
    format!("tenant {tenant}")
}

fn hear(event: &Event<'_>) -> Option<(Change, u64, u64)> {
    let EventKind::Outage {
        from,
        to,
        down,
        active,
        ..
    } = event.kind
    else {
        return None;
    };
    assert_eq!((event.dependency, event.tenant), (Some("search"), None));
    let change = Change {
        at: 0,
        from,
        to,
        generation: event.generation,
        reason: event.reason.expect("a change has a reason"),
    };
    Some((change, down, active))
}

impl Pair {
    pub(crate) fn new(setting: &Setting) -> Self {
        let builder = setting.rules.builder().outage(setting.outage.policy());
        let policy = builder.build().expect("the rules are within all bounds");
        let told = Arc::new(Mutex::new(Told::new()));
        let ear = Arc::clone(&told);
        let registry = CircuitBreakerRegistry::builder()
            .max_tenants(setting.room)
            .observer(move |event: &Event<'_>| ear.lock().expect("no panic").extend(hear(event)))
            .build()
            .expect("there is room for some");
        let setting = Setting {
            rules: setting.rules.clone().snapped(&policy),
            ..setting.clone()
        };
        let search = registry
            .dependency_with("search", policy)
            .expect("the name is new");
        Self {
            registry,
            search,
            began: Instant::now(),
            model: Whole::new(setting),
            told,
            passes: Vec::new(),
            next: 0,
        }
    }

    fn now(&self) -> u64 {
        u64::try_from((Instant::now() - self.began).as_nanos()).expect("histories are short")
    }

    pub(crate) async fn step(&mut self, step: Step) {
        match step {
            Step::Calls {
                first,
                tenants,
                calls,
                end,
            } => {
                for tenant in first..first + tenants {
                    for _ in 0..calls {
                        self.call(tenant % TENANTS, end);
                    }
                }
            }
            Step::Acquire(tenant, probing) => {
                self.acquire(tenant, probing);
                self.compare(tenant);
            }
            Step::End { which, end } => {
                if let Some(which) = which.checked_rem(self.passes.len()) {
                    self.end(which, end);
                }
            }
            Step::Wait(wait) => self.wait(wait).await,
            Step::Overtaken { tenant, what, end } => {
                self.wait(Wait::Deadline { of: None, off: 0 }).await;
                if self.acquire(tenant, Probing::Yes) {
                    self.search.set(what);
                    self.model.set(Level::Dependency, tenant, what, None);
                    self.end(self.passes.len() - 1, end);
                    self.search.clear();
                    self.model.clear(Level::Dependency, tenant);
                }
                self.compare(tenant);
            }
            _ => self.by_hand(step),
        }
        self.compare(self.next);
        self.next = (self.next + 1) % TENANTS;
    }

    fn by_hand(&mut self, step: Step) {
        let now = self.now();
        match step {
            Step::Open(tenant) if self.model.tenants.contains_key(&tenant) => {
                let opened = self.search.circuit(&name(tenant)).open();
                opened.expect("there is a circuit");
                self.model.open(now, tenant);
                self.compare(tenant);
            }
            Step::HalfOpen(tenant) if self.model.state(tenant) == CircuitState::Open => {
                let half_opened = self.search.circuit(&name(tenant)).half_open();
                half_opened.expect("the circuit is open");
                self.model.half_open(now, tenant);
                self.compare(tenant);
            }
            Step::Reset(tenant) => {
                self.search.circuit(&name(tenant)).reset();
                self.model.reset(now, tenant);
                self.compare(tenant);
            }
            Step::ResetAll => {
                self.search.reset();
                self.model.reset_all(now);
            }
            Step::BeginRecovery => {
                self.search.begin_recovery();
                self.model.begin_recovery(now);
            }
            Step::Set {
                level,
                tenant,
                what,
                tenths,
            } => {
                let slot = self.model.setting.rules.slot();
                let period = tenths.map(|tenths| tenths * (slot / 10));
                let circuit = self.search.circuit(&name(tenant));
                let of_tenant = self.registry.tenant(&name(tenant));
                match (level, period.map(nanos)) {
                    (Level::Circuit, None) => circuit.set(what),
                    (Level::Circuit, Some(period)) => circuit.set_for(what, period),
                    (Level::Dependency, None) => self.search.set(what),
                    (Level::Dependency, Some(period)) => self.search.set_for(what, period),
                    (Level::Tenant, None) => of_tenant.set(what),
                    (Level::Tenant, Some(period)) => of_tenant.set_for(what, period),
                    (Level::Registry, None) => self.registry.set(what),
                    (Level::Registry, Some(period)) => self.registry.set_for(what, period),
                }
                let end = period.map(|period| now + period);
                self.model.set(level, tenant, what, end);
            }
            Step::Clear(level, tenant) => {
                match level {
                    Level::Circuit => self.search.circuit(&name(tenant)).clear(),
                    Level::Dependency => self.search.clear(),
                    Level::Tenant => self.registry.tenant(&name(tenant)).clear(),
                    Level::Registry => self.registry.clear(),
                }
                self.model.clear(level, tenant);
            }
            _ => {}
        }
    }

    async fn wait(&mut self, wait: Wait) {
        let now = self.now();
        let until = wait.until(&self.model, now);
        if until > now {
            tokio::time::advance(nanos(until - now)).await;
        }
    }

    fn call(&mut self, tenant: usize, end: End) {
        if self.acquire(tenant, Probing::Yes) {
            self.end(self.passes.len() - 1, end);
        }
        self.compare(tenant);
    }

    /// Those whose circuits the crate has taken.
    fn gone(&self) -> Vec<usize> {
        let is_gone = |tenant: &usize| self.search.circuit(&name(*tenant)).snapshot().is_none();
        let tenants = self.model.tenants.keys().copied();
        tenants.filter(is_gone).collect()
    }

    /// Whether both admitted the call; panics where they disagree.
    fn acquire(&mut self, tenant: usize, probing: Probing) -> bool {
        let now = self.now();
        let admitted = self.search.acquire_barred(&name(tenant), probing);
        let is_full = self.model.tenants.len() == self.model.setting.room;
        let is_newcomer = !self.model.tenants.contains_key(&tenant);
        let gone = if is_full && is_newcomer {
            self.gone()
        } else {
            Vec::new()
        };
        let expected = self.model.acquire(now, tenant, probing, &gone);
        let is_admitted = admitted.is_ok();
        match (admitted, expected) {
            (Ok(permit), Ok(pass)) => self.passes.push((permit, pass)),
            (Err(Rejection::Open(open)), Err(refusal)) => {
                assert_eq!(open.reason(), refusal.reason);
                let retry_after = refusal.retry_after.map(nanos);
                assert_eq!(open.retry_after(), retry_after, "{open:?}");
                assert_eq!(open.tenant(), Some(&*name(tenant)));
            }
            (crate_says, model_says) => {
                panic!("of {tenant} the crate says {crate_says:?}, the model {model_says:?}")
            }
        }
        is_admitted
    }

    fn end(&mut self, which: usize, end: End) {
        let now = self.now();
        let (permit, pass) = self.passes.swap_remove(which);
        let ending = end.ending(&self.model.setting.rules);
        match ending {
            Ending::Recorded(outcome) => permit.record(outcome),
            Ending::Cancelled => drop(permit),
        }
        self.model.end(now, pass, ending);
    }

    /// What can be read of a tenant, and of the dependency.
    fn compare(&self, tenant: usize) {
        self.compare_whole();
        let (now, model) = (self.now(), &self.model);
        let handle = self.search.circuit(&name(tenant));
        assert_eq!(handle.state(), model.state(tenant), "state of {tenant}");
        assert_eq!(
            handle.effective_state(),
            model.effective_state(now, tenant),
            "effective state of {tenant}"
        );
        assert_eq!(
            handle.would_admit(),
            model.would_admit(now, tenant),
            "would admit {tenant}"
        );
        let snapshot = handle.snapshot();
        let expected = model.tenants.get(&tenant);
        assert_eq!(snapshot.is_some(), expected.is_some(), "{tenant} has one");
        let (Some(snapshot), Some(expected)) = (snapshot, expected) else {
            return;
        };
        let circuit = &expected.circuit;
        assert_eq!(snapshot.generation, circuit.generation, "generation");
        assert_eq!(snapshot.window, circuit.figures(now), "window of {tenant}");
        assert_eq!(snapshot.totals, circuit.totals(now), "totals of {tenant}");
        assert_eq!(snapshot.ramp, circuit.share(now), "ramp of {tenant}");
        let is_open = circuit.state == CircuitState::Open;
        let left = is_open.then(|| nanos(circuit.deadline.saturating_sub(now)));
        assert_eq!(snapshot.retry_after, left, "retry after of {tenant}");
    }

    fn compare_whole(&self) {
        let (now, model) = (self.now(), &self.model);
        let seen = self.search.snapshot();
        assert_eq!(seen.circuits, model.tenants.len(), "circuits");
        assert_eq!(seen.open, model.in_state(CircuitState::Open), "open");
        assert_eq!(
            seen.half_open,
            model.in_state(CircuitState::HalfOpen),
            "half-open"
        );
        assert_eq!(seen.overflowed, model.overflowed, "overflowed");
        assert_eq!(seen.forgotten, model.forgotten, "forgotten");
        assert_eq!(seen.totals, model.totals(now), "totals");

        let expected = model.lasting_outage(now);
        assert_eq!(seen.outage.is_some(), expected.is_some(), "an outage lasts");
        if let (Some(seen), Some(outage)) = (seen.outage, expected) {
            let circuit = &outage.circuit;
            assert_eq!(seen.state, circuit.state, "state of the outage");
            assert_eq!(
                (seen.down, seen.active),
                (outage.down, outage.active),
                "tenants down and active"
            );
            assert_eq!(seen.since - self.began, nanos(circuit.opened_at), "since");
            let left = nanos(circuit.deadline.saturating_sub(now));
            assert_eq!(seen.retry_after, left, "retry after of the outage");
        }

        let told = self.told.lock().expect("no panic");
        let changes = model
            .outage
            .as_ref()
            .map_or(&[][..], |outage| &outage.circuit.changes);
        assert_eq!(told.len(), changes.len(), "outages told");
        if let (Some((told, down, active)), Some(change), Some(outage)) =
            (told.last(), changes.last(), &model.outage)
        {
            let told = Change {
                at: change.at,
                ..*told
            };
            assert_eq!(told, *change, "the last change");
            assert_eq!(
                (*down, *active),
                (outage.down, outage.active),
                "counts told"
            );
        }
    }

    /// Ends all calls that are still in the air by dropping their permits, and looks at all tenants.
    pub(crate) fn finish(&mut self) {
        while !self.passes.is_empty() {
            self.end(0, End::Cancelled);
            self.compare_whole();
        }
        for tenant in 0..TENANTS {
            self.compare(tenant);
        }
    }
}
