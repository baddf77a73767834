//! A dependency: a name, a policy, an override, and a circuit for each tenant.

mod cursor;
mod dry_run;
mod live_policy;
mod page;
mod snapshot;
mod suggest;

use tokio::sync::oneshot;

pub use self::cursor::{InvalidCursor, PageCursor, PageGroup};
use self::dry_run::DryRuns;
pub use self::dry_run::{DryRunReport, DryRunTenant};
pub use self::page::{CircuitsPage, MAX_PAGE, PageRequest};
pub use self::snapshot::DependencySnapshot;
pub use self::suggest::{NoSuggestion, Suggested, Suggestion};
use crate::circuit::{
    Circuit, Context, Farewell, Operators, OutageSnapshot, Permit, Refusal, Shared,
};
use crate::circuits::Circuits;
use crate::event::{Event, EventKind, Origin, OverrideChange, OverrideLevel, say};
use crate::handle::CircuitHandle;
use crate::overrides::{EffectiveState, Override, Place, Standing, override_methods};
use crate::policy::{Overflow, Policy};
use crate::rejection::{CircuitOpen, InvalidTenant, Rejection};
use crate::sync::{AcqRel, Arc, AtomicBool, AtomicU64, Mutex, OnceLock, Relaxed};
use crate::time::Clock;
use crate::{CircuitState, Reason};

/// Whether a call may be a probe of a half-open circuit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Probing {
    /// It may.
    #[default]
    Yes,
    /// It may not: a write with side effects waits for the proof of others.
    No,
    /// It may once no call that may probe has come for three open periods.
    IfNoneElse,
}

impl From<bool> for Probing {
    fn from(may_probe: bool) -> Self {
        if may_probe { Self::Yes } else { Self::No }
    }
}

/// A dependency: the downstream that is protected, with a circuit for each tenant.
///
/// Clones are handles of the same dependency. Made by
/// [`CircuitBreakerRegistry`](crate::CircuitBreakerRegistry).
///
/// ```
/// use tower_tenant_breaker::{CircuitBreakerRegistry, CircuitState, Outcome, Policy};
///
/// let registry = CircuitBreakerRegistry::builder().build()?;
/// let search = registry.dependency_with("search", Policy::default())?;
/// for _ in 0..5 {
///     search.acquire("acme")?.record(Outcome::failure());
/// }
/// assert_eq!(search.state("acme"), CircuitState::Open);
/// assert!(search.acquire("acme").is_err());
/// assert!(search.acquire("globex").is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Dependency {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) context: Arc<Context>,
    pub(crate) circuits: Circuits,
    /// For calls without a tenant, where the layer says so.
    without_tenant: OnceLock<Circuit>,
    /// For tenants without room, where the policy says so.
    overflow: OnceLock<Circuit>,
    dry_runs: DryRuns,
    /// The most calls that a snapshot has told of.
    reported_calls: AtomicU64,
    /// The policy with which it was declared, or created, which may have been replaced since.
    declared: Arc<Policy>,
    /// Dropped with the dependency, which ends the prober that waits for it.
    pub(crate) prober: Mutex<Option<oneshot::Sender<()>>>,
    /// Whether it was created without a policy of its own, so that the default one is what it goes back to.
    is_on_first_use: bool,
    /// Whether the default policy holds, whatever that is. Changed under the operator's lock.
    follows_default: AtomicBool,
}

impl Dependency {
    pub(crate) fn new(
        shared: &Arc<Shared>,
        name: &str,
        policy: Option<Policy>,
        max_tenants: usize,
    ) -> Self {
        let is_on_first_use = policy.is_none();
        let policy = policy.unwrap_or_else(|| Policy::clone(&shared.default_policy.load()));
        let context = Arc::new(Context::new(Arc::clone(shared), name, policy));
        context.refresh_attention();
        let declared = Arc::clone(&context.rules().policy);
        Self {
            inner: Arc::new(Inner {
                context,
                circuits: Circuits::new(max_tenants),
                without_tenant: OnceLock::new(),
                overflow: OnceLock::new(),
                dry_runs: DryRuns::default(),
                reported_calls: AtomicU64::new(0),
                declared,
                prober: Mutex::default(),
                is_on_first_use,
                follows_default: AtomicBool::new(is_on_first_use),
            }),
        }
    }

    pub(crate) fn context(&self) -> &Arc<Context> {
        &self.inner.context
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.context().name
    }

    /// Asks the tenant's circuit to admit a call.
    ///
    /// Never waits. A tenant that is new gets a circuit; where there is no room for one, the policy's
    /// [`overflow`](crate::PolicyBuilder::overflow) says what happens. Latency counts from here on.
    ///
    /// # Errors
    ///
    /// [`Rejection::Open`] where the circuit rejects the call, and [`Rejection::InvalidTenant`] where the id
    /// is empty or longer than [`MAX_TENANT_BYTES`](crate::MAX_TENANT_BYTES).
    #[inline]
    pub fn acquire(&self, tenant: &str) -> Result<Permit, Rejection> {
        self.acquire_barred(tenant, Probing::Yes)
    }

    /// As [`acquire`](Self::acquire), for a call that may be barred from probing.
    ///
    /// # Errors
    ///
    /// As `acquire`; and [`Rejection::Open`] with [`Reason::Barred`](crate::Reason::Barred) where the circuit
    /// waits for a probe that this call may not be. A barred call never makes a circuit half-open.
    #[inline]
    pub fn acquire_barred(&self, tenant: &str, probing: Probing) -> Result<Permit, Rejection> {
        InvalidTenant::check(tenant)?;
        let circuits = &self.inner.circuits;
        match circuits.look(circuits.hash(tenant), tenant, Circuit::clone) {
            Some(circuit) => admit(circuit, probing),
            None => self.acquire_new(tenant, probing),
        }
    }

    /// Asks the circuit that all calls without a tenant share. It has no id, so no tenant can name it.
    ///
    /// # Errors
    ///
    /// [`Rejection::Open`] where the circuit rejects the call.
    pub fn acquire_shared(&self, probing: Probing) -> Result<Permit, Rejection> {
        let new = || Circuit::new(self.context(), None, Operators::default());
        let circuit = self.inner.without_tenant.get_or_init(new).clone();
        admit(circuit, probing)
    }

    /// Lets a call without a tenant run, unguarded and counted as such, unless the dependency or the
    /// registry is forced open, or the dependency is down for all.
    pub(crate) fn unguarded(&self, probing: Probing) -> Result<Permit, Rejection> {
        let context = self.context();
        if context.needs_attention() {
            let now = context.now();
            let standing = context.override_in_force(now, None, None);
            if let Some(decided) = self.decide_for_newcomer(None, standing.as_ref(), now, probing) {
                return decided;
            }
        }
        context.counts.missing_tenant.fetch_add(1, Relaxed);
        if !context.counts.warned_of_missing_tenant.load(Relaxed)
            && !context.counts.warned_of_missing_tenant.swap(true, AcqRel)
        {
            say(|| {
                tracing::warn!(
                    dependency = self.name(),
                    "a call without a tenant runs unguarded; said once"
                );
            });
        }
        Ok(Permit::unrecorded())
    }

    #[cold]
    fn acquire_new(&self, tenant: &str, probing: Probing) -> Result<Permit, Rejection> {
        let now = self.context().now();
        // Before there is a circuit, since a rejection by an override makes none.
        let standing = self.override_without_circuit(tenant, now);
        let overridden = standing.as_ref();
        if let Some(decided) = self.decide_for_newcomer(Some(tenant), overridden, now, probing) {
            return decided;
        }
        if overridden.is_some_and(|standing| standing.kind == Override::Disabled) {
            return Ok(Permit::unrecorded());
        }
        match self.circuit_or_new(tenant, now) {
            Some(circuit) => admit(circuit, probing),
            None => self.acquire_without_room(tenant, standing, now, probing),
        }
    }

    /// What an override or an outage says to a call that has no circuit; none where neither says anything.
    fn decide_for_newcomer(
        &self,
        tenant: Option<&str>,
        standing: Option<&Standing>,
        now: u64,
        probing: Probing,
    ) -> Option<Result<Permit, Rejection>> {
        let decided = match standing {
            Some(standing) if standing.kind == Override::ForcedOpen => {
                Err(Refusal::forced(now, standing.clone(), 0))
            }
            Some(_) => return None,
            None => self
                .context()
                .outage(now)?
                .decide_for_newcomer(now, probing)?,
        };
        Some(decided.map_err(|refusal| self.reject_newcomer(tenant, now, refusal)))
    }

    /// The override in force for a tenant that has no circuit.
    pub(crate) fn override_without_circuit(&self, tenant: &str, now: u64) -> Option<Standing> {
        let context = self.context();
        let of_tenants = context.shared.tenants.read();
        let own = context.overrides.read();
        let own = own.get(tenant).map(|standing| &**standing);
        let of_tenant = of_tenants.get(tenant).map(|standing| &**standing);
        context.override_in_force(now, own, of_tenant)
    }

    /// The tenant's circuit, or a new one with the overrides that hold for it; none where there is no room.
    pub(crate) fn circuit_or_new(&self, tenant: &str, now: u64) -> Option<Circuit> {
        let context = self.context();
        // Held until the circuit is in the map: whoever changes an override does so under the write lock,
        // and then finds the circuit there.
        let of_tenants = context.shared.tenants.read();
        let own = context.overrides.read();
        let policies = context.policies.read();
        let new = || {
            let operators = Operators {
                own: own.get(tenant),
                of_tenant: of_tenants.get(tenant),
                rules: policies.get(tenant),
            };
            Circuit::new(context, Some(tenant), operators)
        };
        let inserted = self.inner.circuits.get_or_insert(tenant, now, new);
        drop((policies, own, of_tenants));
        if let Some((gone, farewell)) = inserted.gone {
            self.tell_of_farewell(&gone, farewell, now);
        }
        inserted.circuit
    }

    fn tell_of_farewell(&self, gone: &Circuit, farewell: Farewell, now: u64) {
        let context = self.context();
        let kind = if farewell == Farewell::Forgotten {
            context.counts.forgotten.fetch_add(1, Relaxed);
            EventKind::Forgotten
        } else if context.hears_of_evictions() {
            EventKind::Evicted
        } else {
            return;
        };
        self.tell_of(kind, gone.tenant(), gone.generation(), now);
    }

    fn acquire_without_room(
        &self,
        tenant: &str,
        standing: Option<Standing>,
        now: u64,
        probing: Probing,
    ) -> Result<Permit, Rejection> {
        let context = self.context();
        context.counts.overflowed.fetch_add(1, Relaxed);
        if !context.counts.warned_of_overflow.load(Relaxed)
            && !context.counts.warned_of_overflow.swap(true, AcqRel)
        {
            say(|| {
                tracing::warn!(
                    dependency = self.name(),
                    circuits = self.len(),
                    "no room for the circuit of a new tenant; said once, counted always"
                );
            });
        }
        self.tell_of(EventKind::Overflow, Some(tenant), 0, now);
        match context.rules().policy.overflow {
            Overflow::Unguarded => Ok(Permit::unrecorded()),
            Overflow::Shared => {
                let new = || Circuit::new(context, None, Operators::default());
                let circuit = self.inner.overflow.get_or_init(new);
                circuit
                    .admit_under(standing, now, probing)
                    .map_err(|refusal| {
                        CircuitOpen::of_newcomer(context, Some(tenant), refusal).into()
                    })
            }
        }
    }

    fn reject_newcomer(&self, tenant: Option<&str>, now: u64, refusal: Refusal) -> Rejection {
        let context = self.context();
        context.counts.rejected.fetch_add(1, Relaxed);
        context.note_newcomer_rejected(tenant, now);
        context.tell(&Event {
            kind: EventKind::Rejection,
            dependency: Some(self.name()),
            tenant,
            generation: 0,
            at: context.shared.clock.instant(now),
            origin: match refusal.reason {
                Reason::Forced => Origin::Override,
                _ => Origin::Automatic,
            },
            reason: Some(refusal.reason),
            figures: None,
            dry_run: false,
            note: refusal.note.as_deref(),
        });
        CircuitOpen::of_newcomer(context, tenant, refusal).into()
    }

    fn tell_of(&self, kind: EventKind, tenant: Option<&str>, generation: u64, now: u64) {
        let context = self.context();
        context.tell(&Event {
            kind,
            dependency: Some(self.name()),
            tenant,
            generation,
            at: context.shared.clock.instant(now),
            origin: Origin::Automatic,
            reason: None,
            figures: None,
            dry_run: false,
            note: None,
        });
    }

    /// The state of the tenant's circuit, overrides aside; the policy's initial state where it has none.
    ///
    /// An open circuit stays open until a probe begins, however long its period has been over.
    #[must_use]
    pub fn state(&self, tenant: &str) -> CircuitState {
        let circuit = self.inner.circuits.get(tenant);
        let initial = || self.policy_of(tenant).initial_state;
        circuit.map_or_else(initial, |circuit| circuit.state())
    }

    /// What decides over the tenant's calls: an override, or the automatic machine.
    #[must_use]
    pub fn effective_state(&self, tenant: &str) -> EffectiveState {
        self.circuit(tenant).effective_state()
    }

    /// The tenant's circuit by hand. Makes none.
    #[must_use]
    pub fn circuit(&self, tenant: &str) -> CircuitHandle {
        CircuitHandle::new(self.clone(), tenant)
    }

    /// How many circuits there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inner.circuits.len()
    }

    /// Whether there is no circuit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn shared_circuits(&self) -> impl Iterator<Item = &Circuit> {
        let Inner {
            without_tenant,
            overflow,
            ..
        } = &*self.inner;
        without_tenant.get().into_iter().chain(overflow.get())
    }

    /// The outage that was detected and lasts; none where there is none.
    ///
    /// ```
    /// use tower_tenant_breaker::{CircuitBreakerRegistry, OutagePolicy, Policy};
    ///
    /// let registry = CircuitBreakerRegistry::builder().build()?;
    /// let policy = Policy::builder().outage(OutagePolicy::default()).build()?;
    /// let search = registry.dependency_with("search", policy)?;
    /// if let Some(outage) = search.outage() {
    ///     println!("down for {} of {} tenants", outage.down, outage.active);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn outage(&self) -> Option<OutageSnapshot> {
        self.context().outage_snapshot()
    }

    /// Lets every circuit that is open now go half-open, each at a random instant within the next 3 s, or what
    /// [`recovery_spread`](crate::OutagePolicy::recovery_spread) says, so that they do not all probe at once. Ends a
    /// detected outage.
    ///
    /// For whoever knows that the dependency is back: an operator, the hook of a vendor's status page. A circuit stays
    /// open until the instant that the dependency itself named in a hint. Lifts no override: one that was set for the
    /// time of the outage is to be cleared too.
    ///
    /// ```
    /// use tower_tenant_breaker::{CircuitBreakerRegistry, Policy};
    ///
    /// let registry = CircuitBreakerRegistry::builder().build()?;
    /// let search = registry.dependency_with("search", Policy::default())?;
    ///
    /// search.force_open("the vendor says that it is down");
    /// // .. and later:
    /// search.begin_recovery();
    /// search.clear();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn begin_recovery(&self) {
        let context = self.context();
        context.begin_recovery(context.now());
        context.end_outage();
    }

    /// Makes every circuit closed, with an empty window, and ends a detected outage. Lifts no override.
    pub fn reset(&self) {
        self.context().end_outage();
        self.inner.circuits.for_each(Circuit::reset);
        self.shared_circuits().for_each(Circuit::reset);
    }

    override_methods!("the dependency: of all tenants, those that are yet to come too");

    fn clock(&self) -> &Clock {
        &self.context().shared.clock
    }

    fn put(&self, standing: Option<Standing>) {
        self.begin_dry_run(standing.as_ref());
        self.put_in(&self.context().own, standing);
    }

    /// Changes what a file of policies says, beneath the override that was set by hand; tells whether it is a change.
    #[cfg(feature = "serde")]
    pub(crate) fn put_mode(&self, mode: Option<Override>) -> bool {
        let context = self.context();
        let before = context.mode.load_full().map(|standing| standing.kind);
        if before == mode {
            return false;
        }
        let standing = mode.map(|kind| Standing::new(kind, self.clock()));
        self.begin_dry_run_of_mode(standing.as_ref());
        self.put_in(&context.mode, standing);
        true
    }

    fn put_in(&self, place: &Place, standing: Option<Standing>) {
        let context = self.context();
        let now = context.now();
        let standing = standing.map(Arc::new);
        let before = {
            let _operator = context.shared.operator.lock();
            let before = place.swap(standing.clone());
            context.refresh_attention();
            before
        };
        let change = OverrideChange {
            level: OverrideLevel::Dependency,
            dependency: Some(&context.name),
            tenant: None,
            generation: 0,
        };
        change.tell(&context.shared, now, before.as_deref(), standing.as_deref());
    }
}

/// Outside every lock, since it may call the observer.
#[inline]
fn admit(circuit: Circuit, probing: Probing) -> Result<Permit, Rejection> {
    let circuit = match circuit.admit_plainly() {
        Ok(permit) => return Ok(permit),
        Err(circuit) => circuit,
    };
    circuit
        .admit(probing)
        .map_err(|refusal| CircuitOpen::by(circuit, refusal).into())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use crate::{CircuitBreakerRegistry, Override};

    #[test]
    fn a_warm_call_does_not_look_into_the_operators_tables() {
        let registry = CircuitBreakerRegistry::builder().build().unwrap();
        let search = registry.dependency("search").unwrap();
        search.circuit("globex").set(Override::DryRun);
        for tenant in ["acme", "globex"] {
            drop(search.acquire(tenant).unwrap());
        }

        let context = search.context();
        let _locked = (context.shared.tenants.write(), context.overrides.write());
        let (sender, admitted) = mpsc::channel();
        let calls = search.clone();
        std::thread::spawn(move || {
            let admits = |tenant| calls.acquire(tenant).is_ok();
            sender.send(["acme", "globex"].map(admits))
        });
        let admitted = admitted.recv_timeout(Duration::from_secs(10));
        assert_eq!(admitted, Ok([true, true]));
    }
}
