//! What calls, and people, do.

use tower_tenant_breaker::{Override, Probing, Reason};

use super::super::circuit::{Circuit, Ending, Refusal, Ticket};
use super::super::is_quota;
use super::super::overrides::InForce;
use super::{By, Pass, TENANTS, Tenant, Whole};

impl Whole {
    /// `gone` are the tenants whose circuits the crate has taken to make room.
    pub(crate) fn acquire(
        &mut self,
        now: u64,
        tenant: usize,
        probing: Probing,
        gone: &[usize],
    ) -> Result<Pass, Refusal> {
        let over = self.over(now, tenant);
        if !self.tenants.contains_key(&tenant) {
            if let Some(decided) = self.without_circuit(now, tenant, over, probing) {
                assert!(gone.is_empty(), "nobody has to go");
                return decided;
            }
            if !self.make_room(now, gone) {
                self.overflowed += 1;
                return Ok(unrecorded(now));
            }
            let circuit = Circuit::new(&self.policy(), now);
            self.tenants.insert(tenant, Tenant::new(circuit, now));
        } else {
            assert!(gone.is_empty(), "nobody has to go");
        }
        if over == Some(Override::ForcedOpen) {
            let over = self.overrides[tenant].in_force(now);
            return Err(self.refuse(now, tenant, forced(now, over)));
        }
        self.tenant(tenant).asked = now;
        if over == Some(Override::Disabled) {
            return Ok(unrecorded(now));
        }
        let decided = if self.is_out() {
            self.decide_in_outage(now, tenant, probing)
        } else if self.is_plain(now, tenant) && !self.outage_admits(now) {
            Err(Refusal {
                reason: Reason::Recovering,
                retry_after: Some(0),
            })
        } else {
            let ticket = self.tenant(tenant).circuit.admit(now, probing);
            ticket.map(|ticket| Pass {
                by: By::Tenant(tenant),
                ticket,
            })
        };
        match decided {
            Ok(pass) => {
                if pass.by == By::Tenant(tenant) {
                    self.tenant(tenant).permits += 1;
                }
                Ok(pass)
            }
            Err(_) if over == Some(Override::DryRun) => {
                self.tenant(tenant).circuit.totals_mut().would_reject += 1;
                self.be_active(now, tenant);
                self.seen.note("a dry run admitted in spite of all");
                Ok(unrecorded(now))
            }
            Err(refusal) => Err(self.refuse(now, tenant, refusal)),
        }
    }

    pub(super) fn tenant(&mut self, tenant: usize) -> &mut Tenant {
        self.tenants
            .get_mut(&tenant)
            .expect("the tenant has a circuit")
    }

    fn refuse(&mut self, now: u64, tenant: usize, refusal: Refusal) -> Refusal {
        self.tenant(tenant).asked = now;
        self.tenant(tenant).circuit.totals_mut().rejected += 1;
        self.be_active(now, tenant);
        self.seen.note(match refusal.reason {
            Reason::Outage => "rejected: outage",
            Reason::Recovering => "rejected: recovering",
            Reason::Saturated => "rejected: saturated",
            Reason::Forced => "rejected: forced",
            Reason::QuotaExhausted => "rejected: a quota is used up",
            _ => "rejected: by its own circuit",
        });
        refusal
    }

    /// What is said to a tenant that gets no circuit for it.
    fn without_circuit(
        &mut self,
        now: u64,
        tenant: usize,
        over: Option<Override>,
        probing: Probing,
    ) -> Option<Result<Pass, Refusal>> {
        let refusal = match over {
            Some(Override::ForcedOpen) => forced(now, self.overrides[tenant].in_force(now)),
            Some(Override::Disabled) => return Some(Ok(unrecorded(now))),
            None if self.is_out() => match self.probe_for_all(now, probing) {
                Ok(pass) => {
                    self.seen.note("a newcomer probed for all");
                    return Some(Ok(pass));
                }
                Err(left) => {
                    self.seen.note("rejected: outage, a newcomer");
                    Refusal {
                        reason: Reason::Outage,
                        retry_after: Some(left),
                    }
                }
            },
            _ => return None,
        };
        self.refusals_without_circuit += 1;
        Some(Err(refusal))
    }

    pub(crate) fn end(&mut self, now: u64, pass: Pass, ending: Ending) {
        match pass.by {
            By::Nobody => {}
            By::Outage => self.end_for_all(now, pass.ticket, ending),
            By::Tenant(tenant) => {
                let over = self.over(now, tenant);
                self.tenant(tenant).permits -= 1;
                let is_current = self
                    .tenant(tenant)
                    .circuit
                    .is_of_this_generation(pass.ticket);
                if over != Some(Override::Disabled)
                    && is_quota(ending)
                    && is_current
                    && self.overrides[tenant].hold(now)
                {
                    self.seen.note("a quota was used up");
                }
                self.change(now, tenant, |circuit| {
                    circuit.dry_run = over == Some(Override::DryRun);
                    circuit.give_back(now, pass.ticket);
                    if over != Some(Override::Disabled) {
                        circuit.end(now, pass.ticket, ending);
                    }
                });
            }
        }
    }

    // ===== By hand =====

    pub(crate) fn open(&mut self, now: u64, tenant: usize) {
        let dry_run = self.over(now, tenant) == Some(Override::DryRun);
        self.change(now, tenant, |circuit| {
            circuit.dry_run = dry_run;
            circuit.open(now, None);
        });
    }

    pub(crate) fn half_open(&mut self, now: u64, tenant: usize) {
        self.change(now, tenant, |circuit| _ = circuit.half_open(now));
    }

    pub(crate) fn reset(&mut self, now: u64, tenant: usize) {
        if self.tenants.contains_key(&tenant) {
            self.overrides[tenant].lift();
            self.change(now, tenant, |circuit| circuit.reset(now));
        }
    }

    pub(crate) fn reset_all(&mut self, now: u64) {
        self.end_outage(now);
        for tenant in 0..TENANTS {
            self.reset(now, tenant);
        }
    }

    pub(crate) fn begin_recovery(&mut self, now: u64) {
        self.recover(now);
        self.end_outage(now);
    }

    pub(super) fn recover(&mut self, now: u64) {
        for tenant in self.tenants.values_mut() {
            tenant.circuit.begin_recovery(now);
            // Down is who has opened since.
            tenant.is_down = false;
        }
    }
}

impl Tenant {
    fn new(circuit: Circuit, now: u64) -> Self {
        Self {
            circuit,
            active: Vec::new(),
            is_down: false,
            permits: 0,
            asked: now,
        }
    }
}

fn forced(now: u64, over: Option<InForce>) -> Refusal {
    let over = over.expect("an override is in force");
    Refusal {
        reason: over.reason(),
        retry_after: over.end.map(|end| end - now),
    }
}

fn unrecorded(now: u64) -> Pass {
    Pass {
        by: By::Nobody,
        ticket: Ticket::unrecorded(now),
    }
}
