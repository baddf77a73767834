//! The overrides of one circuit at their four levels.

use tower_tenant_breaker::{Override, Reason};

/// From the nearest to the farthest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Circuit,
    Dependency,
    Tenant,
    Registry,
}

impl Level {
    pub(crate) const ALL: [Self; 4] = [
        Self::Circuit,
        Self::Dependency,
        Self::Tenant,
        Self::Registry,
    ];
}

/// An override, and the instant at which it ends, if it does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InForce {
    pub(crate) level: Level,
    pub(crate) what: Override,
    pub(crate) end: Option<u64>,
    /// Whether the circuit set it itself, since a quota is used up.
    pub(crate) of_quota: bool,
}

impl InForce {
    /// What is said to those that it rejects.
    pub(crate) fn reason(self) -> Reason {
        if self.of_quota {
            Reason::QuotaExhausted
        } else {
            Reason::Forced
        }
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Overrides {
    /// At most one of each level.
    set: Vec<InForce>,
}

impl Overrides {
    pub(crate) fn set(&mut self, level: Level, what: Override, end: Option<u64>) {
        self.clear(level);
        self.set.push(InForce {
            level,
            what,
            end,
            of_quota: false,
        });
    }

    /// Holds the circuit open, if nobody has an override of the circuit in force, or a dry run at any level. Says
    /// whether it did.
    pub(crate) fn hold(&mut self, now: u64) -> bool {
        let mut at_all = Level::ALL
            .into_iter()
            .filter_map(|level| self.at(level, now));
        if self.holds(Level::Circuit, now) || at_all.any(|over| over.what == Override::DryRun) {
            return false;
        }
        self.set(Level::Circuit, Override::ForcedOpen, None);
        self.set.last_mut().expect("it was set").of_quota = true;
        true
    }

    /// Lifts what holds the circuit open since a quota is used up, and nothing else. Says whether something did.
    pub(crate) fn lift(&mut self) -> bool {
        let before = self.set.len();
        self.set.retain(|over| !over.of_quota);
        self.set.len() < before
    }

    pub(crate) fn holds_for_quota(&self) -> bool {
        self.set.iter().any(|over| over.of_quota)
    }

    pub(crate) fn clear(&mut self, level: Level) {
        self.set.retain(|old| old.level != level);
    }

    /// The one that counts now.
    pub(crate) fn in_force(&self, now: u64) -> Option<InForce> {
        let at = |level| self.at(level, now);
        at(Level::Registry)
            .filter(|kill_switch| kill_switch.what == Override::Disabled)
            .or_else(|| Level::ALL.into_iter().find_map(at))
    }

    fn at(&self, level: Level, now: u64) -> Option<InForce> {
        let same_level = self.set.iter().find(|set| set.level == level);
        same_level
            .copied()
            .filter(|set| set.end.is_none_or(|end| now < end))
    }

    /// Whether one of this level is in force.
    pub(crate) fn holds(&self, level: Level, now: u64) -> bool {
        self.at(level, now).is_some()
    }

    /// How many levels say something now.
    pub(crate) fn levels(&self, now: u64) -> usize {
        Level::ALL
            .into_iter()
            .filter(|level| self.at(*level, now).is_some())
            .count()
    }

    /// Whether one has ended by itself, and has not been cleared.
    pub(crate) fn has_ended(&self, now: u64) -> bool {
        self.set
            .iter()
            .any(|set| set.end.is_some_and(|end| now >= end))
    }

    pub(crate) fn next_end(&self, now: u64) -> Option<u64> {
        self.set
            .iter()
            .filter_map(|set| set.end)
            .filter(|end| *end > now)
            .min()
    }
}
