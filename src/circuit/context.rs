//! What a circuit needs of its dependency, without holding the map in which it lives.

use std::fmt;

use super::percentiles::{Budget, bytes_of};
use super::window::SLOTS;
use crate::event::{Event, Observer, may_hear_of_calls, tell};
use crate::overrides::{Place, Standing, Table, winner};
use crate::policy::Policy;
use crate::reason::MAX_LATENCY_RULES;
use crate::sync::{
    Acquire, Apart, Arc, AtomicBool, AtomicU64, AtomicUsize, Mutex, Relaxed, Release, RwLock,
};
use crate::time::{Clock, nanos};

/// What all dependencies of a registry share.
pub(crate) struct Shared {
    pub(crate) clock: Clock,
    pub(crate) observer: Option<Box<dyn Observer>>,
    pub(crate) histograms: Arc<Budget>,
    /// The override of the registry.
    pub(crate) own: Place,
    /// The overrides of tenants.
    pub(crate) tenants: Apart<RwLock<Table>>,
    /// Held by whoever changes an override, so that changes at several levels come one after another.
    pub(crate) operator: Mutex<()>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("own", &self.own.load())
            .field("histogram_bytes", &self.histograms.used())
            .finish_non_exhaustive()
    }
}

/// What all circuits of a dependency share.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) shared: Arc<Shared>,
    pub(crate) name: Box<str>,
    pub(crate) policy: Policy,
    /// Figures of the policy as every call needs them.
    pub(super) slot_nanos: u64,
    pub(super) thresholds: [u64; MAX_LATENCY_RULES],
    pub(super) lowest_threshold: u64,
    /// Of the histograms of one circuit.
    pub(super) histogram_bytes: usize,
    /// Whether the dependency or the registry has an override, perhaps one that has ended.
    attention: AtomicBool,
    /// The override of the dependency.
    pub(crate) own: Place,
    /// The overrides of circuits, those of tenants without a circuit too.
    pub(crate) overrides: Apart<RwLock<Table>>,
    pub(crate) counts: Apart<Counts>,
}

/// What calls count that have no circuit, and how many circuits are not closed.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(super) open: AtomicUsize,
    pub(super) half_open: AtomicUsize,
    /// Rejections by overrides of tenants without a circuit.
    pub(crate) rejected: AtomicU64,
    pub(crate) overflowed: AtomicU64,
    pub(crate) forgotten: AtomicU64,
    pub(crate) missing_tenant: AtomicU64,
    pub(crate) warned_of_overflow: AtomicBool,
    pub(crate) warned_of_missing_tenant: AtomicBool,
}

impl Context {
    pub(crate) fn new(shared: Arc<Shared>, name: &str, policy: Policy) -> Self {
        let mut thresholds = [u64::MAX; MAX_LATENCY_RULES];
        for (threshold, rule) in thresholds.iter_mut().zip(&policy.latency) {
            *threshold = rule.threshold;
        }
        Self {
            shared,
            name: name.into(),
            slot_nanos: nanos(policy.window) / SLOTS as u64,
            lowest_threshold: thresholds.into_iter().min().unwrap_or(u64::MAX),
            thresholds,
            histogram_bytes: bytes_of(&policy.histogram),
            policy,
            attention: AtomicBool::new(false),
            own: Place::empty(),
            overrides: Apart::default(),
            counts: Apart::default(),
        }
    }

    #[inline]
    pub(crate) fn now(&self) -> u64 {
        self.shared.clock.now()
    }

    #[inline]
    pub(super) fn slot(&self, now: u64) -> u64 {
        now / self.slot_nanos
    }

    /// Whether an override of the dependency or of the registry must be looked at.
    #[inline]
    pub(crate) fn needs_attention(&self) -> bool {
        self.attention.load(Acquire)
    }

    /// To be called after every change of the override of the dependency or of the registry, by whoever holds
    /// the operator's lock: a flag that was cleared for a moment would let a call slip by an override.
    pub(crate) fn refresh_attention(&self) {
        self.attention.store(self.has_override(), Release);
    }

    fn has_override(&self) -> bool {
        self.override_in_force(self.now(), None, None).is_some()
    }

    /// Clears the flag of an override that has ended, so that calls need not look for it.
    pub(super) fn forget_ended_override(&self, now: u64) {
        let is_over = || self.override_in_force(now, None, None).is_none();
        // Who holds the lock is about to look too.
        if self.needs_attention()
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
        let registry = self.shared.own.load();
        winner(now, circuit, own.as_deref(), tenant, registry.as_deref()).cloned()
    }

    pub(crate) fn live(&self) -> (usize, usize) {
        (
            self.counts.open.load(Relaxed),
            self.counts.half_open.load(Relaxed),
        )
    }

    pub(crate) fn observer(&self) -> Option<&dyn Observer> {
        self.shared.observer.as_deref()
    }

    /// Whether anybody wants to be told of every single call.
    pub(super) fn hears_of_calls(&self) -> bool {
        self.shared.observer.is_some() || may_hear_of_calls()
    }

    pub(crate) fn tell(&self, event: &Event<'_>) {
        tell(self.observer(), event);
    }
}
