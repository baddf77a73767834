//! A dependency: a name, a policy, an override, and a circuit for each tenant.

mod accidents;
mod cursor;
mod dry_run;
mod live_policy;
mod newcomer;
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
use crate::CircuitState;
#[cfg(any(test, feature = "agent"))]
use crate::circuit::StandingRefusal;
use crate::circuit::{Circuit, Context, Operators, OutageSnapshot, Permit, Shared};
use crate::circuits::Circuits;
use crate::event::{Origin, OverrideChange, OverrideLevel};
use crate::handle::CircuitHandle;
use crate::overrides::{EffectiveState, Place, Standing, override_methods};
use crate::policy::Policy;
use crate::reason::Reason;
use crate::rejection::{CircuitOpen, InvalidTenant, Rejection};
use crate::sync::{Arc, ArcSwap, AtomicBool, AtomicU64, Mutex, OnceLock};
use crate::time::Clock;

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
    #[cfg(any(feature = "otel", feature = "metrics", feature = "status"))]
    pub(crate) reported: Mutex<crate::survey::Counts>,
    /// The policy with which it was declared, or created, which may have been replaced since.
    declared: ArcSwap<Policy>,
    /// Dropped with the dependency, which ends the prober that waits for it.
    pub(crate) prober: Mutex<Option<oneshot::Sender<()>>>,
    /// Whether it was created without a policy of its own, so that the default one is what it goes back to.
    is_on_first_use: AtomicBool,
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
                #[cfg(any(feature = "otel", feature = "metrics", feature = "status"))]
                reported: Mutex::default(),
                declared: ArcSwap::new(declared),
                prober: Mutex::default(),
                is_on_first_use: AtomicBool::new(is_on_first_use),
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
        let circuit = self
            .context()
            .shared
            .once(&self.inner.without_tenant, new)
            .clone();
        admit(circuit, probing)
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

    /// As [`CircuitHandle::would_admit`], of a call that may be barred from probing.
    pub(crate) fn would_admit_as(&self, tenant: &str, probing: Probing) -> bool {
        if InvalidTenant::check(tenant).is_err() {
            return false;
        }
        if let Some(circuit) = self.inner.circuits.get(tenant) {
            return circuit.would_admit_as(probing);
        }
        // A ramp spaces calls: the next may be admitted.
        let refusal = self.standing_refusal_of_newcomer(tenant, probing);
        refusal.is_none_or(|refusal| refusal.reason == Reason::Recovering)
    }

    /// What a call would be rejected with now; none where it would be admitted, and where the tenant's id is not one.
    /// Changes nothing, counts nothing, tells nothing and makes no circuit. Of a tenant without a circuit it is said
    /// as if there were room for one.
    #[cfg(any(test, feature = "agent"))]
    pub(crate) fn standing_refusal(
        &self,
        tenant: &str,
        probing: Probing,
    ) -> Option<StandingRefusal> {
        InvalidTenant::check(tenant).ok()?;
        match self.inner.circuits.get(tenant) {
            Some(circuit) => circuit.standing_refusal(probing),
            None => self.standing_refusal_of_newcomer(tenant, probing),
        }
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
    /// time of the outage is to be cleared too, and then the tenants whose circuits are closed are back at once: a
    /// [ramp](crate::PolicyBuilder::ramp) begins where probes have closed a circuit, or ended an outage.
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

    /// Makes every circuit closed, with an empty window, and ends a detected outage. Lifts no override, but for those by
    /// which circuits are held open since [a quota is used up](crate::Outcome::QuotaExhausted).
    pub fn reset(&self) {
        self.context().end_outage();
        self.inner.circuits.for_each(Circuit::reset);
        self.shared_circuits().for_each(Circuit::reset);
    }

    override_methods!(
        Dependency,
        "the dependency: of all tenants, those that are yet to come too",
        shows "What is forced on all tenants of the dependency, but for those whose circuits have an override of \
               their own: the dependency's override, or else the mode that a file of policies says, or else the \
               registry's, before which a tenant's comes; the kill switch before all."
    );

    fn clock(&self) -> &Clock {
        &self.context().shared.clock
    }

    fn put(&self, standing: Option<Standing>) {
        self.begin_dry_run(standing.as_ref());
        self.put_in(&self.context().own, standing, Origin::ByHand);
    }

    fn standing(&self) -> Option<Standing> {
        let context = self.context();
        context.override_in_force(context.now(), None, None)
    }

    pub(super) fn put_in(&self, place: &Place, standing: Option<Standing>, origin: Origin) {
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
            origin,
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
    circuit
        .admit_plainly()
        .or_else(|circuit| decide(circuit, probing))
}

/// As `admit`, where a look at the state word is not enough.
// Apart, so that what it keeps does not weigh on a plain admission.
#[inline(never)]
fn decide(circuit: Circuit, probing: Probing) -> Result<Permit, Rejection> {
    match circuit.refuse_plainly() {
        Some(refusal) => Err(CircuitOpen::by(circuit, refusal).into()),
        None => decide_at_length(circuit, probing),
    }
}

// Apart, for the same reason.
#[inline(never)]
fn decide_at_length(circuit: Circuit, probing: Probing) -> Result<Permit, Rejection> {
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
