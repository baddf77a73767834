//! The dependency as a whole: who is down, and what that means for all.

use tower_tenant_breaker::{CircuitState, OpenPeriod, OutagePolicy, Override, Probing, Reason};

use super::super::circuit::{Circuit, Ending, Refusal, Ticket};
use super::super::is_quota;
use super::super::policies::Numbered;
use super::super::rules::{Rules, nanos};
use super::super::window::rules_that_hold;
use super::{By, Pass, Whole, left};

#[derive(Clone, Copy, Debug)]
pub(crate) struct OutageRules {
    pub(crate) min_tenants: usize,
    pub(crate) min_share: f64,
    pub(crate) newcomers: bool,
    pub(crate) first_period: u64,
    pub(crate) longest_period: u64,
}

impl OutageRules {
    pub(crate) fn policy(&self) -> OutagePolicy {
        let periods = OpenPeriod::exponential(nanos(self.first_period), nanos(self.longest_period));
        OutagePolicy::default()
            .min_tenants(self.min_tenants as u32)
            .min_share(self.min_share)
            .newcomers(self.newcomers)
            .open_for(periods.multiplier(2.0).jitter(0.0))
            .recovery_spread(nanos(0))
    }
}

/// The circuit that decides for all, and who was counted when it opened last.
#[derive(Clone, Debug)]
pub(crate) struct Outage {
    pub(crate) circuit: Circuit,
    pub(crate) down: u64,
    pub(crate) active: u64,
}

impl Whole {
    /// The rules by which the dependency as a whole is probed.
    fn rules_of_outage(&self) -> Numbered {
        let OutageRules {
            first_period,
            longest_period,
            ..
        } = self.setting.outage;
        Numbered {
            rules: Rules {
                first_period,
                longest_period,
                multiplier: 2.0,
                // Of one tenant's calls.
                max_in_flight: None,
                ..self.setting.rules.clone()
            },
            counting: 0,
        }
    }

    // ===== Who is down =====

    /// Changes a tenant's circuit, and looks at what that says of the dependency.
    pub(super) fn change(&mut self, now: u64, id: usize, change: impl FnOnce(&mut Circuit)) {
        let tenant = self.tenant(id);
        let before = tenant.circuit.totals(now);
        let generation = tenant.circuit.generation;
        change(&mut tenant.circuit);
        let after = tenant.circuit.totals(now);
        if after.calls > before.calls {
            self.be_active(now, id);
        }
        let tenant = self.tenant(id);
        if after.opened > before.opened {
            tenant.asked = now;
            // One that never counted as active does not count as down.
            tenant.is_down = says_down(&tenant.circuit) && !tenant.active.is_empty();
            if tenant.is_down {
                self.look_for_outage(now);
            }
        } else if tenant.circuit.state == CircuitState::Closed
            && tenant.circuit.generation != generation
        {
            tenant.is_down = false;
        }
    }

    pub(super) fn be_active(&mut self, now: u64, tenant: usize) {
        let newcomers = self.setting.outage.newcomers;
        let tenant = self.tenant(tenant);
        if newcomers || tenant.circuit.last_success.is_some() {
            tenant.active.push(now);
        }
    }

    /// How many tenants are down, and how many are active, in the window that ends now.
    fn count(&self, now: u64) -> (usize, usize) {
        let is_active = |at: &u64| self.slot(now) - self.slot(*at) < 10;
        let tenants = self.tenants.values();
        let active: Vec<_> = tenants
            .filter(|tenant| tenant.active.iter().any(is_active))
            .collect();
        let down = active.iter().filter(|tenant| tenant.is_down).count();
        (down, active.len())
    }

    fn look_for_outage(&mut self, now: u64) {
        let rules = self.setting.outage;
        let (down, active) = self.count(now);
        if down < rules.min_tenants {
            self.seen.note("too few were down");
            return;
        }
        if (down as f64 / active as f64) < rules.min_share {
            self.seen.note("too small a share was down");
            return;
        }
        if down as f64 / active as f64 == rules.min_share {
            self.seen.note("exactly the share was down");
        }
        let policy = self.rules_of_outage();
        let dry_run = self.over_all(now) == Some(Override::DryRun);
        let new = || Outage {
            circuit: Circuit::new(&policy, now),
            down: 0,
            active: 0,
        };
        let outage = self.outage.get_or_insert_with(new);
        if outage.circuit.state != CircuitState::Closed {
            self.seen.note("one more was down in an outage");
            return;
        }
        if outage.circuit.share(now).is_some() {
            self.seen.note("an outage in the ramp of the last");
        }
        self.seen.note("an outage was declared");
        outage.circuit.is_of_outage = true;
        outage.down = down as u64;
        outage.active = active as u64;
        outage.circuit.dry_run = dry_run;
        outage.circuit.open_in_outage(now);
    }

    // ===== What it means =====

    /// Whether the dependency is down for all.
    pub(super) fn is_out(&self) -> bool {
        let outage = self.outage.as_ref();
        outage.is_some_and(|outage| outage.circuit.state != CircuitState::Closed)
    }

    /// The outage that lasts, or whose ramp does.
    pub(crate) fn lasting_outage(&self, now: u64) -> Option<&Outage> {
        let outage = self.outage.as_ref()?;
        (self.is_out() || outage.circuit.share(now).is_some()).then_some(outage)
    }

    pub(super) fn outage_would_admit(&self, now: u64) -> bool {
        let outage = self.outage.as_ref();
        outage.is_some_and(|outage| outage.circuit.verdict(now, Probing::Yes).is_ok())
    }

    /// Whether the tenant's own circuit leaves it to the ramp of an outage what share is admitted.
    pub(super) fn is_plain(&mut self, now: u64, tenant: usize) -> bool {
        let circuit = &self.tenant(tenant).circuit;
        circuit.state == CircuitState::Closed && circuit.share(now).is_none()
    }

    /// Whether a call is among the share that is admitted after an outage.
    pub(super) fn outage_admits(&mut self, now: u64) -> bool {
        match &mut self.outage {
            Some(outage) if outage.circuit.share(now).is_some() => outage.circuit.ramp_admits(now),
            _ => true,
        }
    }

    /// A probe, or for how long there will be none.
    pub(super) fn probe_for_all(&mut self, now: u64, probing: Probing) -> Result<Pass, u64> {
        let outage = self.outage.as_mut().expect("there is an outage");
        match outage.circuit.admit(now, probing) {
            Ok(ticket) => Ok(Pass {
                by: By::Outage,
                ticket,
            }),
            Err(refusal) => Err(refusal.retry_after.unwrap_or(0)),
        }
    }

    pub(super) fn decide_in_outage(
        &mut self,
        now: u64,
        tenant: usize,
        probing: Probing,
    ) -> Result<Pass, Refusal> {
        let circuit = &self.tenant(tenant).circuit;
        if circuit.is_saturated() {
            return Err(Refusal {
                reason: Reason::Saturated,
                retry_after: Some(0),
            });
        }
        let own_left = left(circuit, now);
        // Who is to be left alone probes for nobody.
        let probing = if own_left > 0 { Probing::No } else { probing };
        match self.probe_for_all(now, probing) {
            Ok(pass) => {
                self.seen.note("a tenant probed for all");
                Ok(pass)
            }
            Err(left) => {
                if own_left > left {
                    self.seen
                        .note("a tenant's own period outlasted that of the outage");
                }
                Err(Refusal {
                    reason: Reason::Outage,
                    retry_after: Some(left.max(own_left)),
                })
            }
        }
    }

    pub(super) fn end_for_all(&mut self, now: u64, ticket: Ticket, ending: Ending) {
        let over = self.over_all(now);
        let outage = self.outage.as_mut().expect("it has admitted the call");
        let circuit = &mut outage.circuit;
        circuit.give_back(now, ticket);
        if over == Some(Override::Disabled) {
            self.seen.note("a probe for all ended while disabled");
            return;
        }
        circuit.dry_run = over == Some(Override::DryRun);
        let (before, generation) = (circuit.state, circuit.generation);
        if is_quota(ending) && circuit.is_of_this_generation(ticket) {
            self.seen.note("a probe for all found a quota used up");
        }
        circuit.end(now, ticket, ending);
        if circuit.generation == generation {
            return;
        }
        match circuit.state {
            CircuitState::Closed => {
                self.seen.note("an outage was over");
                self.recover(now);
            }
            _ if before == CircuitState::HalfOpen => self.seen.note("an outage went on"),
            _ => {}
        }
    }

    pub(super) fn end_outage(&mut self, now: u64) {
        if self.is_out() {
            self.seen.note("an outage was ended by hand");
        }
        if let Some(outage) = &mut self.outage {
            outage.circuit.reset(now);
        }
    }
}

/// Whether the circuit opened since the dependency failed or was slow.
fn says_down(circuit: &Circuit) -> bool {
    let reason = circuit.changes.last().map(|change| change.reason);
    match reason {
        Some(Reason::FailureRate) => {
            let mut figures = circuit.last_trip.expect("a rule tripped").figures;
            figures.failures -= figures.throttled;
            // Would it have, but for those that were throttled?
            circuit.failed_with_a_hint
                || rules_that_hold(&circuit.rules, &figures).contains(&Reason::FailureRate)
        }
        Some(Reason::Hint) => circuit.failed_with_a_hint,
        Some(Reason::ProbeThrottled | Reason::Initial | Reason::ByHand | Reason::Outage) => false,
        _ => true,
    }
}
