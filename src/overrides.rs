//! What a person or a signal forced on a circuit, a tenant, a dependency or a registry.

mod snapshot;

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

pub use self::snapshot::OverrideSnapshot;
use crate::CircuitState;
use crate::event::OverrideLevel;
use crate::reason::Reason;
use crate::sync::{Arc, ArcSwapOption, AtomicU64, Relaxed};
use crate::time::{Clock, nanos};

/// What is forced on a circuit, a tenant, a dependency or a registry.
///
/// The nearest override in force wins: circuit, then dependency, then tenant, then registry, then the
/// automatic machine. One exception: [`Disabled`](Self::Disabled) on the registry is the kill switch, and
/// beats everything. An override changes neither the state nor the generation of a circuit; when it ends
/// or is cleared, what lies beneath holds again.
///
/// A circuit forces itself open where [a quota is used up](crate::Outcome::QuotaExhausted). That is an override of the
/// circuit like one set by hand, but for what lifts it.
///
/// With feature `serde` it is written as `forced_open`, `disabled` or `dry_run`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum Override {
    /// Every call is rejected, and none probes.
    ForcedOpen,
    /// Every call is admitted, and nothing is recorded: neither what ends meanwhile, nor what was
    /// admitted meanwhile and ends later.
    Disabled,
    /// The automatic machine runs on, but what it would reject is admitted, and not recorded.
    DryRun,
}

impl Override {
    /// `forced_open`, `disabled` or `dry_run`.
    ///
    /// ```
    /// use tower_tenant_breaker::Override;
    ///
    /// assert_eq!(Override::ForcedOpen.as_str(), "forced_open");
    /// ```
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::ForcedOpen => "forced_open",
            Self::Disabled => "disabled",
            Self::DryRun => "dry_run",
        }
    }
}

impl fmt::Display for Override {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What decides over the calls of a tenant. [`CircuitSnapshot`](crate::CircuitSnapshot) shows how it is written as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EffectiveState {
    /// The automatic machine, in this state.
    Automatic(CircuitState),
    /// [`Override::ForcedOpen`].
    ForcedOpen,
    /// [`Override::Disabled`].
    Disabled,
    /// [`Override::DryRun`]; the automatic machine is in this state.
    DryRun(CircuitState),
    /// A detected outage of the dependency; the circuit's own automatic machine is in this state.
    Outage(CircuitState),
}

impl EffectiveState {
    pub(crate) fn new(standing: Option<&Standing>, state: CircuitState) -> Self {
        match standing.map(|standing| standing.kind) {
            None => Self::Automatic(state),
            Some(Override::ForcedOpen) => Self::ForcedOpen,
            Some(Override::Disabled) => Self::Disabled,
            Some(Override::DryRun) => Self::DryRun(state),
        }
    }
}

const NEVER: u64 = u64::MAX;

/// An override as it was set, which may have ended since.
#[derive(Debug)]
pub(crate) struct Standing {
    pub(crate) kind: Override,
    /// Of what.
    level: OverrideLevel,
    /// What its rejections say: that somebody forced it, or that a quota is used up.
    pub(crate) reason: Reason,
    /// When it was set.
    pub(crate) since: u64,
    /// When it ends; 0 once it was seen to have ended, so that a clock that steps back does not bring it back.
    until: AtomicU64,
    pub(crate) note: Option<Arc<str>>,
}

impl Standing {
    pub(crate) fn new(kind: Override, level: OverrideLevel, clock: &Clock) -> Self {
        Self {
            kind,
            level,
            reason: Reason::Forced,
            since: clock.now(),
            until: AtomicU64::new(NEVER),
            note: None,
        }
    }

    /// By which a circuit holds itself open since this instant, as long as nobody resets it.
    pub(crate) fn of_quota(since: u64) -> Self {
        Self {
            kind: Override::ForcedOpen,
            level: OverrideLevel::Circuit,
            reason: Reason::QuotaExhausted,
            since,
            until: AtomicU64::new(NEVER),
            note: None,
        }
    }

    pub(crate) fn is_of_quota(&self) -> bool {
        self.reason == Reason::QuotaExhausted
    }

    pub(crate) fn with_note(mut self, note: &str) -> Self {
        self.note = Some(note.into());
        self
    }

    pub(crate) fn lasting(self, period: Duration) -> Self {
        let until = self.since.saturating_add(nanos(period));
        self.until.store(until, Relaxed);
        self
    }

    pub(crate) fn in_force(&self, now: u64) -> bool {
        let until = self.until.load(Relaxed);
        let in_force = now < until || until == NEVER;
        if !in_force && until != 0 {
            self.until.store(0, Relaxed);
        }
        in_force
    }

    /// When it ends, if ever.
    pub(crate) fn until(&self) -> Option<u64> {
        Some(self.until.load(Relaxed)).filter(|until| *until != NEVER)
    }
}

impl Clone for Standing {
    fn clone(&self) -> Self {
        Self {
            kind: self.kind,
            level: self.level,
            reason: self.reason,
            since: self.since,
            until: AtomicU64::new(self.until.load(Relaxed)),
            note: self.note.clone(),
        }
    }
}

/// The methods by which people set an override and look at it, the same at each of the four levels. Over the level's
/// own `put`, which changes it, `standing`, which is what it shows, and `clock`.
macro_rules! override_methods {
    ($level:ident, $whose:literal, shows $shown:literal) => {
        #[doc = concat!("Sets the override of ", $whose, ", in the place of the one that it has.")]
        pub fn set(&self, kind: $crate::Override) {
            self.put(Some(self.new_standing(kind)));
        }

        /// As [`set`](Self::set), for a time. One that is longer than 584 years has no end.
        pub fn set_for(&self, kind: $crate::Override, period: std::time::Duration) {
            self.put(Some(self.new_standing(kind).lasting(period)));
        }

        /// Rejects every call until [`clear`](Self::clear): [`Override::ForcedOpen`](crate::Override), with
        /// a reason that the rejections carry as their [`note`](crate::CircuitOpen::note).
        pub fn force_open(&self, reason: &str) {
            let forced = self.new_standing($crate::Override::ForcedOpen);
            self.put(Some(forced.with_note(reason)));
        }

        /// As [`force_open`](Self::force_open), for a time: what is left of it the rejections carry as their
        /// [`retry_after`](crate::CircuitOpen::retry_after). One that is longer than 584 years has no end.
        ///
        /// ```
        /// use std::time::Duration;
        /// use tower_tenant_breaker::{CircuitBreakerRegistry, Policy};
        ///
        /// let registry = CircuitBreakerRegistry::builder().build()?;
        /// let search = registry.dependency_with("search", Policy::default())?;
        /// search.force_open_for("maintenance until noon", Duration::from_secs(3_600));
        ///
        /// let rejection = search.acquire("acme").unwrap_err();
        /// let open = rejection.circuit_open().unwrap();
        /// assert_eq!(open.note(), Some("maintenance until noon"));
        /// assert!(open.retry_after().unwrap() <= Duration::from_secs(3_600));
        /// # Ok::<(), Box<dyn std::error::Error>>(())
        /// ```
        pub fn force_open_for(&self, reason: &str, period: std::time::Duration) {
            let forced = self.new_standing($crate::Override::ForcedOpen);
            self.put(Some(forced.with_note(reason).lasting(period)));
        }

        #[doc = concat!($shown, " None where there is none in force.")]
        ///
        /// [`OverrideSnapshot`](crate::OverrideSnapshot) has an example.
        #[must_use]
        pub fn override_in_force(&self) -> Option<$crate::OverrideSnapshot> {
            // Before the clock is read, so that it was not set later than it was read.
            let standing = self.standing()?;
            standing.snapshot(self.clock().now(), self.clock())
        }

        #[doc = concat!("Clears the override of ", $whose, "; what lies beneath holds again.")]
        pub fn clear(&self) {
            self.put(None);
        }

        fn new_standing(&self, kind: $crate::Override) -> $crate::overrides::Standing {
            let level = $crate::OverrideLevel::$level;
            $crate::overrides::Standing::new(kind, level, self.clock())
        }
    };
}
pub(crate) use override_methods;

/// Where one level keeps its override; read on the call path without a lock.
pub(crate) type Place = ArcSwapOption<Standing>;

/// Whether an override is in force here of which this holds.
pub(crate) fn has(place: &Place, now: u64, what: impl Fn(&Standing) -> bool) -> bool {
    let standing = place.load();
    let standing = standing.as_deref();
    standing.is_some_and(|standing| standing.in_force(now) && what(standing))
}

/// The overrides of tenants or of circuits, by tenant; those of tenants without a circuit too.
pub(crate) type Table = HashMap<Box<str>, Arc<Standing>>;

/// Changes the override of one tenant in a table that newcomers wait for.
///
/// Those that have ended are looked for only where the table would have to grow: at every change, a program
/// that sets thousands would go over all of them for each. Returns the one that the tenant had.
pub(crate) fn put(
    table: &mut Table,
    tenant: &str,
    standing: Option<Arc<Standing>>,
    now: u64,
) -> Option<Arc<Standing>> {
    let Some(standing) = standing else {
        return table.remove(tenant);
    };
    if table.len() == table.capacity() {
        table.retain(|_, standing| standing.in_force(now));
    }
    table.insert(tenant.into(), standing)
}

/// The override that wins over a circuit, of those of the four levels.
pub(crate) fn winner<'a>(
    now: u64,
    circuit: Option<&'a Standing>,
    dependency: Option<&'a Standing>,
    tenant: Option<&'a Standing>,
    registry: Option<&'a Standing>,
) -> Option<&'a Standing> {
    let in_force = |standing: &&Standing| standing.in_force(now);
    let registry = registry.filter(in_force);
    if registry.is_some_and(|standing| standing.kind == Override::Disabled) {
        return registry;
    }
    circuit
        .filter(in_force)
        .or_else(|| dependency.filter(in_force))
        .or_else(|| tenant.filter(in_force))
        .or(registry)
}
