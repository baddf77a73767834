//! What a circuit needs of its dependency, without holding the map in which it lives.

use std::fmt;

use tracing::Level;

use super::Circuit;
use super::activity::Activity;
use super::pace::Pace;
use super::percentiles::Budget;
use super::recovery_times::RecoveryTimes;
use super::rules::Rules;
use super::transition_counts::TransitionCounts;
use crate::event::{Audience, Event, may_hear_of, may_hear_of_calls};
use crate::impact::Ledger;
use crate::overrides::{Place, Standing, Table, winner};
use crate::policy::Policy;
use crate::sync::{
    AcqRel, Acquire, Apart, Arc, ArcSwap, AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Guard,
    Mutex, OnceLock, Relaxed, RwLock,
};
use crate::time::{Clock, nanos};

/// What all dependencies of a registry share.
pub(crate) struct Shared {
    pub(crate) clock: Clock,
    /// Who is told of events.
    pub(crate) audience: Audience,
    pub(crate) histograms: Arc<Budget>,
    /// The override of the registry.
    pub(crate) own: Place,
    /// The policy of dependencies that have none of their own, and what it was at first.
    pub(crate) default_policy: ArcSwap<Policy>,
    pub(crate) first_default_policy: Arc<Policy>,
    /// The overrides of tenants.
    pub(crate) tenants: Apart<RwLock<Table>>,
    /// Held by whoever changes an override or a policy, so that changes at several levels come one after another.
    pub(crate) operator: Mutex<()>,
    /// What bad calls did to tenants; none where nobody asked for it.
    pub(crate) impact: Option<Box<Ledger>>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("audience", &self.audience)
            .field("own", &self.own.load())
            .field("histogram_bytes", &self.histograms.used())
            .finish_non_exhaustive()
    }
}

impl Shared {
    /// A circuit that is made on first use. Under the operator's lock, so that who changes a policy or an override
    /// either finds it, or has it made by the new one.
    pub(crate) fn once<'a>(
        &self,
        place: &'a OnceLock<Circuit>,
        new: impl FnOnce() -> Circuit,
    ) -> &'a Circuit {
        place.get().unwrap_or_else(|| {
            let _operator = self.operator.lock();
            place.get_or_init(new)
        })
    }
}

/// What all circuits of a dependency share.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) shared: Arc<Shared>,
    pub(crate) name: Arc<str>,
    /// When the dependency was declared.
    pub(crate) declared_at: u64,
    pub(crate) pace: Pace,
    rules: ArcSwap<Rules>,
    /// The number of the last era.
    eras: AtomicU64,
    /// Why a call must be looked at that its circuit's state would admit: `OVERRIDE`, `OUTAGE`.
    pub(super) attention: AtomicU8,
    /// The override of the dependency.
    pub(crate) own: Arc<Place>,
    /// Whether a prober is at work; see [`RecoveryProber`](crate::RecoveryProber).
    pub(crate) is_probed: Arc<AtomicBool>,
    /// The override that a file of policies says, beneath the one that was set by hand.
    pub(crate) mode: Arc<Place>,
    /// The overrides of circuits, those of tenants without a circuit too.
    pub(crate) overrides: Apart<RwLock<Table>>,
    /// The policies that tenants have of their own.
    pub(crate) policies: Apart<RwLock<Policies>>,
    pub(crate) counts: Apart<Counts>,
    pub(crate) transitions: TransitionCounts,
    pub(super) activity: Apart<Activity>,
    /// How many recoveries there were, and when the last of them began: circuits that opened before it may be probed.
    pub(super) recoveries: AtomicU64,
    pub(super) recovery_at: AtomicU64,
    pub(super) outage: Outage,
    pub(crate) recovery_times: RecoveryTimes,
}

/// The policies that tenants have of their own, by tenant.
pub(crate) type Policies = std::collections::HashMap<Box<str>, Arc<Rules>>;

/// The dependency as a whole.
#[derive(Debug, Default)]
pub(super) struct Outage {
    /// Decides for all tenants while it is not plainly closed; there is none before the first outage.
    pub(super) circuit: OnceLock<Circuit>,
    /// Whether circuits are to recover once it has closed.
    pub(super) is_due_to_recover: AtomicBool,
    /// In the context of an outage's circuit.
    pub(super) declared: Option<Mutex<Declared>>,
}

/// What is kept of an outage from when it was declared.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Declared {
    pub(super) at: u64,
    /// The tenants that were down, and those that were active.
    pub(super) down: u64,
    pub(super) active: u64,
}

/// An override of the dependency or of the registry, perhaps one that has ended.
const OVERRIDE: u8 = 1;
/// The circuit of an outage, perhaps one that has closed.
pub(super) const OUTAGE: u8 = 2;

/// What calls count that have no circuit, how many circuits are not closed, and what outages would have done.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(super) open: AtomicUsize,
    pub(super) half_open: AtomicUsize,
    /// Rejections, by overrides and in outages, of tenants without a circuit.
    pub(crate) rejected: AtomicU64,
    pub(crate) overflowed: AtomicU64,
    pub(crate) forgotten: AtomicU64,
    pub(crate) missing_tenant: AtomicU64,
    /// Outages that began in a dry run, and calls that only were admitted in one since there was a dry run.
    pub(crate) would_declare_outage: AtomicU64,
    pub(crate) would_reject_by_outage: AtomicU64,
    pub(crate) warned_of_overflow: AtomicBool,
    pub(crate) warned_of_missing_tenant: AtomicBool,
}

impl Context {
    pub(crate) fn new(shared: Arc<Shared>, name: &str, policy: Policy) -> Self {
        Self::over(
            shared,
            name.into(),
            Arc::new(Rules::new(policy)),
            [Arc::default(), Arc::default()],
            Arc::default(),
        )
    }

    fn over(
        shared: Arc<Shared>,
        name: Arc<str>,
        rules: Arc<Rules>,
        [own, mode]: [Arc<Place>; 2],
        is_probed: Arc<AtomicBool>,
    ) -> Self {
        let context = Self {
            declared_at: shared.clock.now(),
            shared,
            name,
            pace: Pace::default(),
            rules: ArcSwap::new(Arc::clone(&rules)),
            eras: AtomicU64::new(0),
            attention: AtomicU8::new(0),
            own,
            is_probed,
            mode,
            overrides: Apart::default(),
            policies: Apart::default(),
            counts: Apart::default(),
            transitions: TransitionCounts::default(),
            activity: Apart::default(),
            recoveries: AtomicU64::new(0),
            recovery_at: AtomicU64::new(0),
            outage: Outage::default(),
            recovery_times: RecoveryTimes::default(),
        };
        context.follow(rules);
        context
    }

    /// The context of the circuit that decides for all tenants of this one's dependency in an outage.
    pub(super) fn of_outage(&self) -> Self {
        let (shared, name) = (Arc::clone(&self.shared), Arc::clone(&self.name));
        let own = [&self.own, &self.mode].map(Arc::clone);
        let is_probed = Arc::clone(&self.is_probed);
        Self {
            outage: Outage {
                declared: Some(Mutex::default()),
                ..Outage::default()
            },
            // Its probes look for the overrides of the dependency and of the registry whenever they end.
            attention: AtomicU8::new(OVERRIDE),
            ..Self::over(shared, name, self.rules().of_outage(), own, is_probed)
        }
    }

    #[inline]
    pub(crate) fn now(&self) -> u64 {
        self.shared.clock.now()
    }

    /// The slot by the dependency's rules.
    #[inline]
    pub(super) fn slot(&self, now: u64) -> u64 {
        self.pace.slot(now)
    }

    /// The slot in which a tenant is active that calls now. Those slots begin anew with the length of the window alone,
    /// and not with a threshold.
    pub(super) fn activity_slot(&self, now: u64) -> u64 {
        self.pace.activity_slot(now)
    }

    /// The number of the first of those slots.
    #[inline]
    pub(super) fn activity_base(&self) -> u64 {
        self.pace.activity_base()
    }

    /// When the present slot ends.
    pub(super) fn slot_end(&self, now: u64) -> u64 {
        self.pace.slot_end(now)
    }

    /// The threshold over which a call is slow by some rule of the dependency.
    #[inline]
    pub(super) fn lowest_threshold(&self) -> u64 {
        self.pace.lowest_threshold()
    }

    /// The dependency's rules.
    pub(crate) fn rules(&self) -> Guard<Arc<Rules>> {
        self.rules.load()
    }

    /// Puts the policy in the place of the one that there is. Whoever calls this holds the operator's lock.
    pub(crate) fn replace_policy(&self, policy: Policy) {
        let before = Arc::clone(&self.rules());
        let rules = Arc::new(before.followed_by(policy, || self.next_era()));
        if rules.activity_slot(0) != before.activity_slot(0) || before.policy.outage.is_none() {
            // Until a window has passed, those that are down would be counted against a few that are active.
            let window = nanos(rules.policy.window);
            self.activity.judge_from(self.now().saturating_add(window));
        }
        self.follow(Arc::clone(&rules));
        if let Some(outage) = self.outage.circuit.get() {
            outage.context.follow(rules.of_outage());
        }
    }

    pub(crate) fn next_era(&self) -> u64 {
        self.eras.fetch_add(1, Relaxed) + 1
    }

    fn follow(&self, rules: Arc<Rules>) {
        self.activity.watch(rules.policy.outage.as_ref());
        self.rules.store(Arc::clone(&rules));
        self.pace.follow(&rules);
    }

    /// Whether a call must be looked at that its circuit's state would admit.
    #[inline]
    pub(crate) fn needs_attention(&self) -> bool {
        self.attention.load(Acquire) != 0
    }

    /// To be called after every change of the override of the dependency or of the registry, by whoever holds
    /// the operator's lock: a flag that was cleared for a moment would let a call slip by an override.
    pub(crate) fn refresh_attention(&self) {
        if self.has_override() {
            self.attention.fetch_or(OVERRIDE, AcqRel);
        } else {
            self.attention.fetch_and(!OVERRIDE, AcqRel);
        }
    }

    fn has_override(&self) -> bool {
        self.override_in_force(self.now(), None, None).is_some()
    }

    /// Clears the flag of an override that has ended, so that calls need not look for it.
    pub(super) fn forget_ended_override(&self, now: u64) {
        let is_over = || self.override_in_force(now, None, None).is_none();
        // Who holds the lock is about to look too.
        if self.attention.load(Relaxed) & OVERRIDE != 0
            && is_over()
            && let Some(_operator) = self.shared.operator.try_lock()
        {
            self.refresh_attention();
        }
    }

    /// The override in force, given those of the circuit and of its tenant.
    pub(crate) fn override_in_force(
        &self,
        now: u64,
        circuit: Option<&Standing>,
        tenant: Option<&Standing>,
    ) -> Option<Standing> {
        let own = self.own.load();
        let mode = self.mode.load();
        let registry = self.shared.own.load();
        let dependency = own.as_deref().filter(|standing| standing.in_force(now));
        let dependency = dependency.or(mode.as_deref());
        winner(now, circuit, dependency, tenant, registry.as_deref()).cloned()
    }

    pub(crate) fn live(&self) -> (usize, usize) {
        (
            self.counts.open.load(Relaxed),
            self.counts.half_open.load(Relaxed),
        )
    }

    /// Whether anybody wants to be told of every single call.
    pub(super) fn hears_of_calls(&self) -> bool {
        self.shared.audience.is_listening() || may_hear_of_calls()
    }

    /// Whether anybody wants to be told of circuits that go and leave nothing behind.
    pub(crate) fn hears_of_evictions(&self) -> bool {
        self.shared.audience.is_listening() || may_hear_of(Level::DEBUG)
    }

    /// Whether anybody wants to be told of rejections, the ledger among them.
    pub(super) fn hears_of_rejections(&self) -> bool {
        self.shared.impact.is_some() || self.hears_of_calls()
    }

    /// Tells of something that concerns this dependency. Outside of every lock.
    pub(crate) fn tell(&self, event: &Event<'_>) {
        self.shared.audience.tell(event, Some(&self.name));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use crate::{CircuitBreakerRegistry, Dependency, Event, LatencyRule, Override, Policy};

    const SECOND: Duration = Duration::from_secs(1);

    fn declare(policy: Policy) -> Dependency {
        let registry = CircuitBreakerRegistry::builder().build().unwrap();
        registry.dependency_with("search", policy).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn calls_are_looked_at_as_long_as_an_override_holds_and_no_longer() {
        let search = declare(Policy::default());
        let context = search.context();
        assert!(!context.needs_attention());
        search.set_for(Override::DryRun, SECOND);
        drop(search.acquire("acme"));
        assert!(context.needs_attention());
        advance(SECOND).await;
        drop(search.acquire("acme"));
        assert!(!context.needs_attention());
    }

    #[tokio::test(start_paused = true)]
    async fn the_slot_and_the_threshold_that_calls_read_are_those_of_the_rules() {
        let policy = Policy::builder().latency(LatencyRule::p95(SECOND)).build();
        let search = declare(policy.unwrap());
        let context = search.context();
        assert_eq!(context.lowest_threshold(), context.rules().lowest_threshold);
        let now = context.now();
        let end = context.slot_end(now);
        assert_eq!(context.slot(end - 1), context.slot(now));
        assert_eq!(context.slot(end), context.slot(now) + 1);
    }

    #[tokio::test(start_paused = true)]
    async fn an_observer_hears_of_all() {
        let registry = CircuitBreakerRegistry::builder().observer(|_: &Event<'_>| {});
        let registry = registry.build().unwrap();
        let search = registry.dependency("search").unwrap();
        let context = search.context();
        assert!(context.hears_of_calls());
        assert!(context.hears_of_evictions());
        assert!(context.hears_of_rejections());
    }

    #[tokio::test(start_paused = true)]
    async fn what_circuits_share_is_shown_with_what_histograms_take() {
        let search = declare(Policy::default());
        let shown = format!("{:?}", search.context().shared);
        assert!(shown.contains("histogram_bytes: 0"), "{shown}");
    }
}
