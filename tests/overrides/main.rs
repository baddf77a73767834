//! Law 13: what a person forced on a circuit, a tenant, a dependency or the registry.

mod disabled;
mod dry_run;
mod forced_open;
mod levels;
mod without_circuit;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::advance;
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitOpen, CircuitSnapshot, CircuitState, Dependency, EffectiveState,
    Event, EventKind, OpenPeriod, Origin, Outcome, Override, Permit, Policy, PolicyBuilder, Reason,
};

const PERIOD: Duration = Duration::from_secs(10);
const NANO: Duration = Duration::from_nanos(1);
const KINDS: [Override; 3] = [Override::ForcedOpen, Override::Disabled, Override::DryRun];

/// One failure opens for ten seconds, one success closes.
fn policy() -> PolicyBuilder {
    Policy::builder()
        .consecutive_failures(1)
        .open_for(OpenPeriod::fixed(PERIOD).jitter(0.0))
        .half_open_max_calls(1)
        .success_threshold(1)
}

fn registry() -> CircuitBreakerRegistry {
    CircuitBreakerRegistry::builder().build().unwrap()
}

fn declare(registry: &CircuitBreakerRegistry, policy: PolicyBuilder) -> Dependency {
    let policy = policy.build().unwrap();
    registry.dependency_with("search", policy).unwrap()
}

fn dependency() -> Dependency {
    declare(&registry(), policy())
}

fn acquire(search: &Dependency) -> Permit {
    search.acquire("acme").unwrap()
}

fn fail(search: &Dependency) {
    acquire(search).record(Outcome::failure());
}

fn rejected(search: &Dependency) -> CircuitOpen {
    let rejection = search.acquire("acme").unwrap_err();
    rejection.circuit_open().unwrap().clone()
}

fn is_forced(search: &Dependency) -> bool {
    search
        .acquire("acme")
        .is_err_and(|rejection| rejection.circuit_open().unwrap().reason() == Reason::Forced)
}

fn snapshot(search: &Dependency) -> CircuitSnapshot {
    search.circuit("acme").snapshot().unwrap()
}

/// The four levels, the nearest first.
#[derive(Clone, Copy, Debug)]
enum Level {
    Circuit,
    Dependency,
    Tenant,
    Registry,
}

use Level::{Circuit, Dependency as OfDependency, Registry, Tenant};

const LEVELS: [Level; 4] = [Circuit, OfDependency, Tenant, Registry];

struct Levels {
    registry: CircuitBreakerRegistry,
    search: Dependency,
}

impl Levels {
    fn new() -> Self {
        let registry = registry();
        let search = declare(&registry, policy());
        Self { registry, search }
    }

    fn set(&self, level: Level, kind: Override) {
        match level {
            Circuit => self.search.circuit("acme").set(kind),
            OfDependency => self.search.set(kind),
            Tenant => self.registry.tenant("acme").set(kind),
            Registry => self.registry.set(kind),
        }
    }

    fn set_for(&self, level: Level, kind: Override, period: Duration) {
        match level {
            Circuit => self.search.circuit("acme").set_for(kind, period),
            OfDependency => self.search.set_for(kind, period),
            Tenant => self.registry.tenant("acme").set_for(kind, period),
            Registry => self.registry.set_for(kind, period),
        }
    }

    fn force_open(&self, level: Level, reason: &str) {
        match level {
            Circuit => self.search.circuit("acme").force_open(reason),
            OfDependency => self.search.force_open(reason),
            Tenant => self.registry.tenant("acme").force_open(reason),
            Registry => self.registry.force_open(reason),
        }
    }

    fn force_open_for(&self, level: Level, reason: &str, period: Duration) {
        match level {
            Circuit => self.search.circuit("acme").force_open_for(reason, period),
            OfDependency => self.search.force_open_for(reason, period),
            Tenant => self.registry.tenant("acme").force_open_for(reason, period),
            Registry => self.registry.force_open_for(reason, period),
        }
    }

    fn clear(&self, level: Level) {
        match level {
            Circuit => self.search.circuit("acme").clear(),
            OfDependency => self.search.clear(),
            Tenant => self.registry.tenant("acme").clear(),
            Registry => self.registry.clear(),
        }
    }
}

fn effective(kind: Override, state: CircuitState) -> EffectiveState {
    match kind {
        Override::ForcedOpen => EffectiveState::ForcedOpen,
        Override::Disabled => EffectiveState::Disabled,
        _ => EffectiveState::DryRun(state),
    }
}

type Told = Arc<Mutex<Vec<(EventKind, Origin, Option<Reason>, bool)>>>;

/// A registry whose events are written down, but for those of overrides that are set: `tests/events` has them.
fn observed() -> (CircuitBreakerRegistry, Told) {
    let told = Told::default();
    let write = Arc::clone(&told);
    let registry = CircuitBreakerRegistry::builder()
        .observer(move |event: &Event<'_>| {
            let what = (event.kind, event.origin, event.reason, event.dry_run);
            if !matches!(event.kind, EventKind::Override { .. }) {
                write.lock().unwrap().push(what);
            }
        })
        .build()
        .unwrap();
    (registry, told)
}
