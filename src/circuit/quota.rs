//! A tenant whose quota is used up: its circuit is held open until somebody resets it.

use super::{Circuit, Context, Head};
use crate::event::{Origin, OverrideChange, OverrideLevel};
use crate::overrides::{Override, Standing, has};
use crate::sync::{Arc, Relaxed};

impl Circuit {
    /// Holds the circuit open, since a call of this generation has said that the tenant's quota is used up.
    ///
    /// By an override in the circuit's own place, and not in the operators' table: so it takes no memory that the
    /// circuit does not, and goes with it. One that somebody set and that is in force stays. Nothing is held where a dry
    /// run is on, at whatever level, since it is to reject nothing; nor is a circuit that several share, where the quota
    /// of one would close all.
    #[cold]
    pub(super) fn hold_for_quota(&self, generation: u64, now: u64) {
        if self.tenant().is_none() {
            return;
        }
        let rare = self.rare();
        let standing = {
            let _operator = self.context.shared.operator.lock();
            // Who resets the circuit ends the generation under this lock.
            let is_late = self.generation() != generation;
            let has_own = has(&rare.own, now, |_| true);
            if is_late || has_own || self.has_dry_run(now) {
                return;
            }
            // Patience with it begins here, also where the window in which the call counts is cleared.
            rare.last_attempt.store(now, Relaxed);
            let standing = Arc::new(Standing::of_quota(now));
            self.set_own_override(Some(Arc::clone(&standing)));
            standing
        };
        self.tell_of_quota_hold(Origin::Automatic, None, Some(&standing));
    }

    /// Outside of every lock.
    pub(super) fn tell_of_quota_hold(
        &self,
        origin: Origin,
        before: Option<&Standing>,
        after: Option<&Standing>,
    ) {
        let context = &self.context;
        let change = OverrideChange {
            level: OverrideLevel::Circuit,
            origin,
            dependency: Some(&context.name),
            tenant: self.tenant(),
            generation: self.generation(),
        };
        change.tell(&context.shared, context.now(), before, after);
    }
}

impl Head {
    /// Whoever calls this holds the operator's lock. Returns what was lifted.
    pub(super) fn lift_quota_hold(&self) -> Option<Arc<Standing>> {
        self.is_held_for_quota()
            .then(|| self.set_own_override(None))
            .flatten()
    }

    /// Whether the circuit is held open since a quota is used up.
    pub(super) fn is_held_for_quota(&self) -> bool {
        let rare = self.rare.get().filter(|_| self.word().is_overridden());
        rare.is_some_and(|rare| {
            let own = rare.own.load();
            own.as_deref().is_some_and(Standing::is_of_quota)
        })
    }

    /// Whether an override of the circuit or of its tenant is in force that somebody set.
    pub(super) fn is_overridden_by_hand(&self) -> bool {
        let rare = self.rare.get().filter(|_| self.word().is_overridden());
        let now = self.context.now();
        rare.is_some_and(|rare| {
            has(&rare.own, now, |own| !own.is_of_quota()) || has(&rare.tenant, now, |_| true)
        })
    }

    /// Whether a dry run is on at some level, also one that another override beats for now.
    fn has_dry_run(&self, now: u64) -> bool {
        let is_dry_run = |standing: &Standing| standing.kind == Override::DryRun;
        let of_tenant = self.rare.get().map(|rare| &rare.tenant);
        of_tenant.is_some_and(|place| has(place, now, is_dry_run))
            || self.context.has_dry_run(now, is_dry_run)
    }
}

impl Context {
    fn has_dry_run(&self, now: u64, is_dry_run: impl Fn(&Standing) -> bool) -> bool {
        let places = [&*self.own, &*self.mode, &self.shared.own];
        places.into_iter().any(|place| has(place, now, &is_dry_run))
    }
}
