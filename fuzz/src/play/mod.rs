//! Operations on a registry, out of letters, and what has to hold after each of them.

mod admission;
mod course;
mod finish;
mod hold;
mod laws;
mod menu;
mod operation;

use std::time::Duration;

use tokio::time::Instant;
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitHandle, CircuitSnapshot, CircuitState, Dependency, Events,
    Outcome, Permit, Probing, Totals,
};

use self::course::Course;
use self::menu::Figures;
pub use self::operation::{DEPENDENCIES, End, Level, Operation, Script, TENANTS, Who};

/// A call in the air.
struct Call {
    permit: Permit,
    who: Who,
    /// Of the tenant's circuit as it was admitted; none where there was no such circuit.
    generation: Option<u64>,
    started: Instant,
    /// Whether it certainly takes one of the places of the tenant's own circuit, and not the one of an outage.
    is_own_probe: bool,
    /// How long it keeps its place, if it is a probe.
    lease: Duration,
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
    /// Of each tenant of each dependency.
    courses: [Course; DEPENDENCIES * TENANTS],
    /// The policies of the dependencies, and those that tenants have of their own.
    policies: [usize; DEPENDENCIES],
    own_policies: [Option<usize>; DEPENDENCIES * TENANTS],
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
            courses: [Course::default(); DEPENDENCIES * TENANTS],
            policies: script.policies,
            own_policies: [None; DEPENDENCIES * TENANTS],
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

    /// Of the policy that holds now.
    fn figures(&self, who: Who) -> Figures {
        let own = self.own_policies[who.number()];
        menu::figures(own.unwrap_or(self.policies[who.dependency]))
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
            Operation::Policy(dependency, policy) => self.set_policy(dependency, policy),
            Operation::OwnPolicy(who, policy) => self.set_own_policy(who, policy),
            _ => {}
        }
    }

    fn set_policy(&mut self, dependency: usize, number: usize) {
        let policy = menu::policy(number);
        self.policies[dependency] = number;
        self.dependencies[dependency].set_policy(policy.clone());
        assert_eq!(*self.dependencies[dependency].policy(), policy);
        for who in Who::all().filter(|who| who.dependency == dependency) {
            self.counts_anew(who);
        }
    }

    fn set_own_policy(&mut self, who: Who, number: Option<usize>) {
        self.own_policies[who.number()] = number;
        match number {
            Some(number) => {
                let set = self.circuit(who).set_policy(menu::policy(number));
                set.expect("a good tenant");
            }
            None => self.circuit(who).clear_policy(),
        }
        self.counts_anew(who);
    }

    /// By another policy, runs may begin anew; the successes of probes stay.
    fn counts_anew(&mut self, who: Who) {
        if self.circuit(who).state() == CircuitState::Closed {
            self.courses[who.number()].lose_count();
        }
    }
}
