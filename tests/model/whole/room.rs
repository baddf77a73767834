//! Whose circuit may make room for another's.

use tower_tenant_breaker::CircuitState;

use super::super::overrides::Level;
use super::{Tenant, Whole};

impl Whole {
    /// Whether there is room for one more, now that these are gone. Which of those that may go does go is left to the
    /// crate.
    pub(super) fn make_room(&mut self, now: u64, gone: &[usize]) -> bool {
        if self.tenants.len() < self.setting.room {
            assert!(gone.is_empty(), "there is room");
            return true;
        }
        let like_new = |id: &usize| self.equals_a_new_one(now, *id);
        let obvious: Vec<_> = self.tenants.keys().copied().filter(like_new).collect();
        match gone {
            [] => {
                assert!(obvious.is_empty(), "{obvious:?} could have gone");
                self.seen.note("there was no room");
                false
            }
            [id] => {
                if self.could_equal_a_new_one(now, *id) {
                    self.seen.note("one that was like new made room");
                    if self.tenants[id]
                        .active
                        .iter()
                        .any(|at| self.slot(now) - self.slot(*at) < 10)
                    {
                        self.seen.note("one that was active made room");
                    }
                } else {
                    assert!(
                        obvious.is_empty(),
                        "{obvious:?} could have gone, and not {id}"
                    );
                    assert!(self.could_be_forgotten(now, *id), "{id} knows something");
                    self.seen.note("one that was forgotten made room");
                    self.forgotten += 1;
                }
                let tenant = self.tenants.remove(id).expect("it had a circuit");
                if self.overrides[*id].lift() {
                    self.seen
                        .note("one that was held for its quota was forgotten");
                }
                self.gone += tenant.circuit.totals(now);
                self.seen.add(&tenant.circuit.seen);
                true
            }
            _ => panic!("more than one made room: {gone:?}"),
        }
    }

    /// No permit is out, nobody's override holds, and nothing is in the window.
    fn is_free(&self, now: u64, id: usize) -> bool {
        let tenant = &self.tenants[&id];
        let overrides = &self.overrides[id];
        tenant.permits == 0
            && (overrides.holds_for_quota() || !overrides.holds(Level::Circuit, now))
            && !overrides.holds(Level::Tenant, now)
            && tenant.circuit.is_idle(now)
    }

    fn could_equal_a_new_one(&self, now: u64, id: usize) -> bool {
        self.is_free(now, id)
            && !self.overrides[id].holds_for_quota()
            && self.tenants[&id].circuit.could_equal_a_new_one(now)
    }

    /// As `could_equal_a_new_one`; some that do may be kept a little longer.
    fn equals_a_new_one(&self, now: u64, id: usize) -> bool {
        let Tenant { circuit, .. } = &self.tenants[&id];
        self.could_equal_a_new_one(now, id) && !circuit.was_abandoned_in_the_window(now)
    }

    fn could_be_forgotten(&self, now: u64, id: usize) -> bool {
        let Tenant { circuit, asked, .. } = &self.tenants[&id];
        let rules = &self.setting.rules;
        let last = circuit.deadline.max(*asked);
        self.is_free(now, id)
            && (circuit.state != CircuitState::Closed || self.overrides[id].holds_for_quota())
            && now >= last + rules.window + rules.longest_period
    }
}
