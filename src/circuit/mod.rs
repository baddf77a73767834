//! One circuit: its state word, its window, its permits. No map, no lookup of a policy, nothing async.

mod activity;
mod admission;
mod by_hand;
mod closed_ending;
mod context;
mod ending;
mod farewell;
mod impact;
#[cfg(all(test, breaker_loom))]
mod interleavings;
mod measure;
mod outage;
mod pace;
mod percentiles;
mod permit;
mod plain_ending;
mod probe_ending;
mod quota;
mod ramp;
mod rare;
#[cfg(any(feature = "otel", feature = "metrics", feature = "status"))]
mod reading;
mod recovery_times;
mod refusal;
mod rules;
mod runs;
mod snapshot;
mod standing_refusal;
mod totals;
mod transition;
mod transition_counts;
mod wanted;
mod window;
mod word;

use std::fmt;
use std::ops::Deref;

use self::activity::Place;
pub(crate) use self::context::{Context, Shared};
pub(crate) use self::farewell::Farewell;
pub(crate) use self::impact::Credit;
use self::impact::HourOfCalls;
pub use self::outage::OutageSnapshot;
pub(crate) use self::percentiles::Budget;
pub use self::percentiles::LatencyQuantiles;
pub use self::permit::Permit;
pub(crate) use self::permit::Stage;
use self::rare::Rare;
#[cfg(any(feature = "otel", feature = "metrics", feature = "status"))]
pub(crate) use self::reading::Reading;
pub(crate) use self::refusal::Refusal;
pub(crate) use self::rules::{InForce, Rules};
use self::runs::Runs;
pub use self::snapshot::{CircuitSnapshot, Trip};
pub(crate) use self::standing_refusal::StandingRefusal;
pub use self::totals::Totals;
pub(crate) use self::wanted::{Claim, OutageDemand, Wanted};
use self::window::Window;
use self::word::Word;
use crate::CircuitState;
use crate::overrides::{Standing, has};
use crate::reason::Reason;
use crate::sync::{self, AcqRel, Acquire, Arc, AtomicU64, OnceBox, Relaxed, ThinArc};

/// A circuit and its tenant's id, in one allocation behind one pointer.
#[derive(Clone)]
pub(crate) struct Circuit(ThinArc<Head, u8>);

/// What people have set for one tenant.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Operators<'a> {
    /// The override of its circuit.
    pub(crate) own: Option<&'a Arc<Standing>>,
    /// The override of the tenant in all dependencies.
    pub(crate) of_tenant: Option<&'a Arc<Standing>>,
    /// Its own policy.
    pub(crate) rules: Option<&'a Arc<Rules>>,
}

/// All of a circuit but its tenant's id.
///
/// In this order: what every call writes comes first, right behind the count of holders, and what it only reads last,
/// beside the id. So a call on another core takes away the lines that are written, and not those that are read.
#[repr(C)]
pub(crate) struct Head {
    window: Window,
    /// Calls that have left the window, and probes.
    calls: AtomicU64,
    /// Stays 0 where nobody asks for the impact of calls.
    hour: HourOfCalls,
    /// The slot, by the dependency's rules, in which the tenant was last active, and whether it is down.
    active: AtomicU64,
    rare: OnceBox<Rare>,
    /// The slot of the last success, plus 1.
    last_success: AtomicU64,
    runs: Runs,
    word: AtomicU64,
    pub(crate) context: Arc<Context>,
}

impl Circuit {
    /// A new circuit of this tenant, with the overrides and the policy of its own; no tenant for the circuits
    /// that several share.
    pub(crate) fn new(
        context: &Arc<Context>,
        tenant: Option<&str>,
        operators: Operators<'_>,
    ) -> Self {
        let Operators {
            own,
            of_tenant,
            rules,
        } = operators;
        let common = context.rules();
        let policy = rules.map_or(&common.policy, |own| &own.policy);
        let word = Word::new(CircuitState::Closed, policy.max_in_flight.is_some());
        let place = match tenant {
            Some(_) => Place::NOWHERE,
            None => Place::NOBODY,
        };
        let head = Head {
            context: Arc::clone(context),
            word: AtomicU64::new(word.0),
            window: Window::new(),
            runs: Runs::new(),
            calls: AtomicU64::new(0),
            last_success: AtomicU64::new(0),
            active: place.kept(),
            hour: HourOfCalls::default(),
            rare: OnceBox::new(),
        };
        if let Some(rules) = rules {
            head.rare().rules.store(Some(Arc::clone(rules)));
            head.word.fetch_or(word::OWN_RULES, AcqRel);
        }
        head.begin(&head.rules());
        if own.is_some() || of_tenant.is_some() {
            head.set_own_override(own.cloned());
            head.set_tenant_override(of_tenant.cloned());
        }
        let id = tenant.unwrap_or_default().as_bytes();
        Self(ThinArc::from_header_and_slice(head, id))
    }

    #[inline]
    pub(crate) fn id(&self) -> &[u8] {
        &self.0.slice
    }

    /// The tenant; none for the circuits that several share, which is why no tenant's id can be empty.
    pub(crate) fn tenant(&self) -> Option<&str> {
        let id = str::from_utf8(&self.0.slice).unwrap_or_default();
        (!id.is_empty()).then_some(id)
    }

    /// Whether nobody else holds the circuit: no permit, and no call that is on its way to one.
    ///
    /// To be asked under the write lock of the circuit's shard, so that the map cannot hand out another
    /// pointer meanwhile.
    pub(crate) fn is_unshared(&mut self) -> bool {
        sync::is_unshared(&mut self.0)
    }
}

impl Deref for Circuit {
    type Target = Head;

    #[inline]
    fn deref(&self) -> &Head {
        &self.0.header.header
    }
}

impl fmt::Debug for Circuit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Circuit")
            .field("dependency", &self.context.name)
            .field("tenant", &self.tenant())
            .field("state", &self.word().state())
            .finish_non_exhaustive()
    }
}

impl Head {
    #[inline]
    fn word(&self) -> Word {
        Word(self.word.load(Acquire))
    }

    /// The word as nobody has changed it since: for those who made the circuit a machine, of which who resets a circuit
    /// that has none is to hear.
    ///
    /// To load it does not do: two threads that each write a word and load the other's may both load what was before.
    /// An exchange comes before that of the reset, which then sees the machine, or after it, and sees its generation.
    #[cold]
    fn word_after_all(&self) -> Word {
        Word(self.word.fetch_or(0, AcqRel))
    }

    pub(crate) fn state(&self) -> CircuitState {
        self.word().state()
    }

    pub(crate) fn generation(&self) -> u64 {
        self.word().generation()
    }

    fn rare(&self) -> &Rare {
        self.rare.get_or_init(Box::default)
    }

    /// The rules that hold for the circuit.
    pub(crate) fn rules(&self) -> InForce {
        let own = self.word().has_own_rules().then(|| self.rare());
        match own.and_then(|rare| rare.rules.load_full()) {
            Some(own) => InForce::Own(own),
            None => InForce::Common(self.context.rules()),
        }
    }

    /// Puts rules in the place of those that hold: a policy of the tenant's own, or, with none, the dependency's.
    /// Whoever calls this holds the operator's lock.
    pub(crate) fn set_own_rules(&self, rules: Option<Arc<Rules>>) {
        let rare = self.rare();
        let before = self.rules();
        // The slot of the last success, in the numbers of the slots that hold from now on.
        let last_success = self.last_success.load(Relaxed).checked_sub(1);
        let at = last_success.and_then(|slot| before.began(slot));
        let is_own = rules.is_some();
        rare.rules.store(rules);
        if is_own {
            self.word.fetch_or(word::OWN_RULES, AcqRel);
        } else {
            self.word.fetch_and(!word::OWN_RULES, AcqRel);
        }
        let rules = self.rules();
        if let Some(at) = at {
            self.last_success.store(rules.slot(at) + 1, Relaxed);
        }
        self.follow_cap(&rules);
        // Of an era to which the circuit comes back, its window and its runs would be read as if it had never left.
        if rules.base() != before.base() {
            self.count_anew(rare);
        }
    }

    /// Sets the flag by whether these rules, which hold, bound the calls in flight.
    pub(crate) fn follow_cap(&self, rules: &Rules) {
        if rules.policy.max_in_flight.is_some() {
            self.word.fetch_or(word::CAPPED, AcqRel);
        } else {
            self.word.fetch_and(!word::CAPPED, AcqRel);
        }
    }

    pub(crate) fn has_own_rules(&self) -> bool {
        self.word().has_own_rules()
    }

    /// Publishes the next generation; the flags may change at any time, the rest under the machine's lock.
    fn publish(&self, state: CircuitState, reason: Reason, is_ramping: bool) -> (Word, Word) {
        let mut before = self.word.load(Relaxed);
        loop {
            let after = Word(before).next(state, reason);
            let after = if is_ramping { after.ramping() } else { after };
            match self
                .word
                .compare_exchange_weak(before, after.0, AcqRel, Relaxed)
            {
                Ok(_) => break (Word(before), after),
                Err(actual) => before = actual,
            }
        }
    }

    /// Returns the one that the circuit had.
    pub(crate) fn set_own_override(
        &self,
        standing: Option<Arc<Standing>>,
    ) -> Option<Arc<Standing>> {
        let before = self.rare().own.swap(standing);
        self.refresh_overridden();
        before
    }

    pub(crate) fn set_tenant_override(&self, standing: Option<Arc<Standing>>) {
        self.rare().tenant.store(standing);
        self.refresh_overridden();
    }

    /// Sets the flag by what is in force. Whoever calls this holds the operator's lock, or a circuit that
    /// nobody else has seen: a flag that was cleared for a moment would let a call slip by an override.
    fn refresh_overridden(&self) {
        if self.has_override() {
            self.word.fetch_or(word::OVERRIDDEN, AcqRel);
        } else {
            self.word.fetch_and(!word::OVERRIDDEN, AcqRel);
        }
    }

    /// Whether an override of the circuit or of its tenant is in force.
    pub(crate) fn is_overridden(&self) -> bool {
        self.word().is_overridden() && self.has_override()
    }

    fn has_override(&self) -> bool {
        let now = self.context.now();
        let any = |_: &Standing| true;
        self.rare
            .get()
            .is_some_and(|rare| has(&rare.own, now, any) || has(&rare.tenant, now, any))
    }

    /// Clears the flags of overrides that have ended, so that calls need not look for them.
    fn forget_ended_overrides(&self, now: u64) {
        // Who holds the lock is about to look too.
        if self.word().is_overridden()
            && let Some(_operator) = self.context.shared.operator.try_lock()
        {
            self.refresh_overridden();
        }
        self.context.forget_ended_override(now);
    }

    /// The override in force, of whatever level.
    pub(crate) fn override_in_force(&self, now: u64) -> Option<Standing> {
        let word = self.word();
        if !word.is_overridden() && !self.context.needs_attention() {
            return None;
        }
        let rare = word.is_overridden().then(|| self.rare());
        let own = rare.map(|rare| rare.own.load());
        let tenant = rare.map(|rare| rare.tenant.load());
        self.context.override_in_force(
            now,
            own.as_ref().and_then(|own| own.as_deref()),
            tenant.as_ref().and_then(|tenant| tenant.as_deref()),
        )
    }
}
