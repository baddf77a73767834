//! Calls that find no circuit: of tenants that are new, that have no room, or that nobody names.

use super::{Dependency, admit};
use crate::Probing;
use crate::circuit::{Circuit, Farewell, Operators, Permit, Refusal, StandingRefusal};
use crate::event::{Event, EventKind, Origin, Text, say};
use crate::overrides::{Override, Standing};
use crate::policy::Overflow;
use crate::rejection::{CircuitOpen, Rejection};
use crate::sync::{AcqRel, Relaxed};

impl Dependency {
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
                    dependency = Text::new(self.name()).as_value(),
                    "a call without a tenant runs unguarded; said once"
                );
            });
        }
        Ok(Permit::unrecorded())
    }

    #[cold]
    pub(super) fn acquire_new(&self, tenant: &str, probing: Probing) -> Result<Permit, Rejection> {
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

    /// What a call of this tenant, which has no circuit, would be rejected with now, as if there were room for one.
    pub(crate) fn standing_refusal_of_newcomer(
        &self,
        tenant: &str,
        probing: Probing,
    ) -> Option<StandingRefusal> {
        let context = self.context();
        let now = context.now();
        if let Some(standing) = self.override_without_circuit(tenant, now) {
            return StandingRefusal::under(&standing, &context.shared.clock);
        }
        let initial = self.policy_of(tenant).initial_state;
        context.standing_refusal_of_newcomer(initial, now, probing)
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
                    dependency = Text::new(self.name()).as_value(),
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
                let circuit = context.shared.once(&self.inner.overflow, new);
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
            origin: refusal.origin(),
            reason: Some(refusal.reason()),
            figures: None,
            dry_run: false,
            note: refusal.note(),
            rejected_in: None,
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
            rejected_in: None,
        });
    }
}
