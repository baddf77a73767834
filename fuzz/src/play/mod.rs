//! Operations on a registry, out of letters, and what has to hold after each of them.

mod laws;
mod menu;
mod operation;

use std::time::Duration;

use tokio::time::Instant;
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitHandle, CircuitSnapshot, Dependency, Events, Outcome, Permit,
    Probing, Totals,
};

pub use self::operation::{DEPENDENCIES, End, Level, Operation, Script, TENANTS, Who};

/// A call in the air.
struct Call {
    permit: Permit,
    who: Who,
    /// Of the tenant's circuit as it was admitted; none where there was no such circuit.
    generation: Option<u64>,
    started: Instant,
    /// Whether it takes one of the places of the tenant's own circuit.
    is_own_probe: bool,
    /// Whether it is certain that its end is counted.
    is_sure: bool,
}

/// What was seen of a dependency.
#[derive(Default)]
struct Seen {
    rejected: u64,
    probes: u64,
    /// Calls that ended, and those of them whose end is certainly counted.
    ended: u64,
    ended_surely: u64,
    /// The totals as they were last.
    totals: Totals,
}

/// A registry, two dependencies in it, the calls in the air, and what the totals have to be.
pub struct Play {
    pub registry: CircuitBreakerRegistry,
    pub dependencies: [Dependency; DEPENDENCIES],
    pub events: Events,
    names: Vec<String>,
    room: usize,
    calls: Vec<Call>,
    seen: [Seen; DEPENDENCIES],
    /// The policies that each dependency, or a tenant of it, has had.
    policies: [Vec<usize>; DEPENDENCIES],
    minted: usize,
}

impl Play {
    /// With these names for tenants.
    pub fn new(script: &Script, names: Vec<String>) -> Self {
        let registry = CircuitBreakerRegistry::builder()
            .max_tenants(script.room)
            .histogram_bytes(1 << 16)
            .event_capacity(64)
            .build()
            .expect("there is room for some");
        let declare = |n: usize| {
            let policy = menu::policy(script.policies[n]);
            let declared = registry.dependency_with(["search", "mail"][n], policy);
            declared.expect("the name is new")
        };
        Self {
            dependencies: [declare(0), declare(1)],
            events: registry.subscribe(),
            registry,
            names,
            room: script.room,
            calls: Vec::new(),
            seen: Default::default(),
            policies: script.policies.map(|policy| vec![policy]),
            minted: 0,
        }
    }

    fn dependency(&self, who: Who) -> &Dependency {
        &self.dependencies[who.dependency]
    }

    fn name(&self, who: Who) -> &str {
        &self.names[who.tenant]
    }

    pub fn circuit(&self, who: Who) -> CircuitHandle {
        self.dependency(who).circuit(self.name(who))
    }

    fn snapshot(&self, who: Who) -> Option<CircuitSnapshot> {
        self.circuit(who).snapshot()
    }

    /// Does what the operation says, and asks for all laws.
    pub async fn step(&mut self, operation: Operation) {
        match operation {
            Operation::Nothing => return,
            Operation::Acquire(who, probing) => self.acquire(who, probing),
            Operation::End(which, end) => {
                if let Some(which) = which.checked_rem(self.calls.len()) {
                    self.end(which, end);
                }
            }
            Operation::Call(who, end) => {
                let before = self.calls.len();
                self.acquire(who, Probing::Yes);
                if self.calls.len() > before {
                    self.end(before, end);
                }
            }
            Operation::Mint(dependency, calls) => self.mint(dependency, calls),
            Operation::Wait(period) => tokio::time::advance(period).await,
            Operation::WaitForDeadline(who) => self.wait_for_deadline(who).await,
            _ => self.by_hand(operation),
        }
        self.hold();
    }

    /// Newcomers whose names nobody has had, as many as there may be circuits, and more.
    fn mint(&mut self, dependency: usize, calls: usize) {
        for _ in 0..calls {
            self.minted += 1;
            let name = format!("minted {}", self.minted);
            let who = &self.dependencies[dependency];
            let admitted = who.acquire(&name);
            let seen = &mut self.seen[dependency];
            match admitted {
                Ok(permit) => {
                    seen.probes += u64::from(permit.is_probe());
                    seen.ended += 1;
                    permit.record(Outcome::Success);
                }
                Err(_) => seen.rejected += 1,
            }
            assert!(who.len() <= self.room);
        }
    }

    fn by_hand(&mut self, operation: Operation) {
        match operation {
            Operation::Open(who, period) => self.open(who, period),
            Operation::HalfOpen(who) => self.half_open(who),
            Operation::Reset(who) => self.reset(who),
            Operation::ResetAll(dependency) => self.dependencies[dependency].reset(),
            Operation::Recover(dependency) => self.dependencies[dependency].begin_recovery(),
            Operation::Set(level, who, kind, period) => self.set(level, who, kind, period),
            Operation::Clear(level, who) => self.clear(level, who),
            Operation::Policy(dependency, policy) => {
                self.policies[dependency].push(policy);
                self.dependencies[dependency].set_policy(menu::policy(policy));
                assert_eq!(
                    *self.dependencies[dependency].policy(),
                    menu::policy(policy)
                );
            }
            Operation::OwnPolicy(who, Some(policy)) => {
                self.policies[who.dependency].push(policy);
                let set = self.circuit(who).set_policy(menu::policy(policy));
                set.expect("a good tenant");
            }
            Operation::OwnPolicy(who, None) => self.circuit(who).clear_policy(),
            _ => {}
        }
    }

    /// Ends everything, and lifts all that was forced: whoever asks is admitted again, and no place is lost.
    pub async fn finish(mut self) {
        while !self.calls.is_empty() {
            self.end(0, End::Dropped);
        }
        for level in [
            Level::Registry,
            Level::Dependency,
            Level::Tenant,
            Level::Circuit,
        ] {
            for who in Who::all() {
                self.clear(level, who);
            }
        }
        self.registry.reset();
        self.hold();
        for who in Who::all() {
            self.circuit(who).clear_policy();
            let Some(circuit) = self.snapshot(who) else {
                continue;
            };
            assert!(
                circuit.in_flight.unwrap_or_default() == 0,
                "no place is lost: {circuit:?}"
            );
            assert!(self.circuit(who).would_admit(), "{circuit:?}");
        }
        tokio::time::advance(Duration::from_secs(3_600)).await;
        for who in Who::all() {
            // A newcomer's circuit may begin open, by its policy.
            let is_known = self.snapshot(who).is_some();
            self.acquire(who, Probing::Yes);
            let is_admitted = self.calls.last().is_some_and(|call| call.who == who);
            assert!(is_admitted || !is_known, "{who:?} is rejected for good");
        }
        self.hold();
    }
}
