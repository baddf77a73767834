//! What bad calls did to the circuit's tenant, for registries that keep a ledger of it.
//!
//! How many calls an hour had is known without a count per call. The calls of a circuit's life are, since slots
//! that leave the window are added up; and a circuit comes by here before it counts the first call of a slot, where
//! it keeps how many there were when the hour began.

use super::{Circuit, Context, Head};
use crate::impact::{Harm, Ledger, Part, Subject};
use crate::outcome::Outcome;
use crate::sync::{Acquire, Arc, AtomicU64, Relaxed};

/// The hour whose calls a circuit counts, in 20 bits, and, in 44, how many calls of its life are not of that hour or
/// have been added to its row.
///
/// Changed under the lock of the tenant's part of the ledger alone. It is in the head, and not in the rare part,
/// because a circuit that is well must know it: when its first call goes wrong, nobody could say any more how many
/// good ones the hour had before.
#[derive(Debug, Default)]
pub(super) struct HourOfCalls(AtomicU64);

const BEFORE: u32 = 44;
const CALLS: u64 = (1 << BEFORE) - 1;

impl HourOfCalls {
    fn hour(&self) -> u64 {
        self.0.load(Relaxed) >> BEFORE
    }

    /// The calls since, of so many.
    fn since(&self, calls: u64) -> u64 {
        let since = calls.wrapping_sub(self.0.load(Relaxed)) & CALLS;
        // Calls on their way from a slot to the lifetime count are in neither for a moment.
        if since > CALLS / 2 { 0 } else { since }
    }

    /// Goes on to an hour, by so many calls.
    fn go_on(&self, hour: u64, calls: u64) {
        let before = self.0.load(Relaxed).wrapping_add(calls) & CALLS;
        self.0.store(hour << BEFORE | before, Relaxed);
    }
}

impl Circuit {
    /// To be called before a call is counted, off the path of most calls.
    #[inline]
    pub(super) fn be_in_hour(&self, now: u64) {
        if let Some(ledger) = &self.context.shared.impact {
            self.begin_hour(ledger, now);
        }
    }

    #[cold]
    fn begin_hour(&self, ledger: &Ledger, now: u64) {
        let hour = ledger.hour(now);
        if self.hour.hour() < hour {
            ledger.at(self.subject(), |part, hash| {
                self.settle(part, hash, hour);
            });
        }
    }

    /// Adds the calls that are not in their row yet, where there is one, and goes on to this hour, if it is later.
    fn settle(&self, part: &mut Part, hash: u64, hour: u64) {
        let kept = self.hour.hour();
        let calls = self.hour.since(self.calls_and_late());
        let are_added = part.credit(self.subject(), hash, kept, calls);
        if are_added || kept < hour {
            self.hour.go_on(kept.max(hour), calls);
        }
    }

    /// Adds the calls that are not in their row yet: before a report, and before the circuit goes.
    pub(crate) fn settle_impact(&self) {
        if let Some(ledger) = &self.context.shared.impact {
            ledger.at(self.subject(), |part, hash| self.settle(part, hash, 0));
        }
    }

    /// What was bad about a call that ended.
    #[inline]
    pub(super) fn note_end(&self, now: u64, failed: u16, slow: bool) {
        if let Some(ledger) = &self.context.shared.impact
            && (failed > 0 || slow)
        {
            let harm = Harm {
                failed: failed > 0,
                slow,
                ..Harm::default()
            };
            let hour = self.note(ledger, now, harm);
            if failed > 1 {
                self.note_others_of_run(ledger, hour, u64::from(failed) - 1);
            }
        }
    }

    /// The calls before it in a run of abandoned ones that count as failures from now on, as far as they are of its
    /// hour: what is called failed there is to be among its calls.
    #[cold]
    fn note_others_of_run(&self, ledger: &Ledger, hour: u64, others: u64) {
        ledger.at(self.subject(), |part, hash| {
            self.settle(part, hash, 0);
            part.note_failed_before(self.subject(), hash, hour, others);
        });
    }

    /// The same of one that ended in another generation than it began in, and so is not in the window.
    pub(super) fn note_late(&self, now: u64, latency: u64, outcome: Outcome) {
        let slow = outcome != Outcome::Ignored && latency > self.rules().lowest_threshold;
        self.note_end(now, outcome.is_bad().into(), slow);
    }

    pub(super) fn note_rejection(&self, now: u64) {
        if let Some(ledger) = &self.context.shared.impact {
            let rejected = true;
            self.note(
                ledger,
                now,
                Harm {
                    rejected,
                    ..Harm::default()
                },
            );
        }
    }

    /// In which hour it is.
    fn note(&self, ledger: &Ledger, now: u64, harm: Harm) -> u64 {
        // Not before the hour in which its call is counted, by a clock that was read before another's.
        let hour = ledger.hour(now).max(self.hour.hour());
        ledger.note(self.subject(), hour, harm);
        hour
    }

    fn subject(&self) -> Subject<'_> {
        Subject {
            tenant: self.tenant(),
            dependency: &self.context.name,
            is_newcomer: self.tenant().is_some() && self.last_success.load(Relaxed) == 0,
        }
    }
}

impl Head {
    /// The calls of the circuit's life, those that ended late among them.
    fn calls_and_late(&self) -> u64 {
        let late = self.rare.get().map(|rare| &rare.tally.late);
        let late = late.map_or(0, |late| late.load(Relaxed));
        self.calls.load(Acquire) + self.window.unfolded() + late
    }
}

impl Context {
    /// What was bad about a call of a tenant without a circuit.
    pub(crate) fn note_newcomer_rejected(&self, tenant: Option<&str>, now: u64) {
        if let Some(ledger) = &self.shared.impact {
            let subject = Subject {
                tenant,
                dependency: &self.name,
                is_newcomer: tenant.is_some(),
            };
            let rejected = true;
            ledger.note(
                subject,
                ledger.hour(now),
                Harm {
                    rejected,
                    ..Harm::default()
                },
            );
        }
    }
}

/// Whose rejected or failed call it is that something else may serve.
#[derive(Debug)]
pub(crate) struct Credit(Box<Unserved>);

#[derive(Debug)]
struct Unserved {
    context: Arc<Context>,
    tenant: Option<Box<str>>,
    /// In which the call was bad, however long it takes to serve it.
    hour: u64,
}

impl Credit {
    /// To be asked for as soon as the call is rejected.
    pub(crate) fn of_newcomer(context: &Arc<Context>, tenant: Option<&str>) -> Option<Self> {
        let ledger = context.shared.impact.as_ref()?;
        Some(Self::new(context, tenant, ledger.hour(context.now())))
    }

    /// To be asked for as soon as the call is rejected.
    pub(crate) fn of_rejected(circuit: &Circuit) -> Option<Self> {
        let context = &circuit.context;
        let ledger = context.shared.impact.as_ref()?;
        let hour = ledger.hour(context.now()).max(circuit.hour.hour());
        Some(Self::new(context, circuit.tenant(), hour))
    }

    /// To be asked for as soon as the call has ended.
    pub(super) fn of_failed(circuit: &Circuit) -> Option<Self> {
        let context = &circuit.context;
        context.shared.impact.as_ref()?;
        // The circuit went on to the hour of the call before it counted it.
        Some(Self::new(context, circuit.tenant(), circuit.hour.hour()))
    }

    #[cold]
    fn new(context: &Arc<Context>, tenant: Option<&str>, hour: u64) -> Self {
        Self(Box::new(Unserved {
            context: Arc::clone(context),
            tenant: tenant.map(Into::into),
            hour,
        }))
    }

    /// Something else has served the call.
    #[cold]
    pub(crate) fn serve(&self) {
        let Unserved {
            context,
            tenant,
            hour,
        } = &*self.0;
        let Some(ledger) = &context.shared.impact else {
            return;
        };
        let subject = Subject {
            tenant: tenant.as_deref(),
            dependency: &context.name,
            // It makes no row, so it does not matter.
            is_newcomer: tenant.is_some(),
        };
        ledger.note_served(subject, *hour);
    }
}

#[cfg(test)]
mod tests {
    use super::{CALLS, HourOfCalls};
    use crate::impact::ImpactPolicy;
    use crate::{CircuitBreakerRegistry, Outcome, Policy};

    #[test]
    fn calls_that_are_in_neither_count_for_a_moment_are_none_since() {
        let hour = HourOfCalls::default();
        hour.go_on(7, 5);
        assert_eq!(hour.hour(), 7);
        assert_eq!([hour.since(3), hour.since(5), hour.since(9)], [0, 0, 4]);
        assert_eq!(hour.since(5 + CALLS / 2), CALLS / 2);
        assert_eq!(hour.since(6 + CALLS / 2), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_late_call_that_was_neither_bad_nor_slow_makes_no_row() {
        let registry = CircuitBreakerRegistry::builder()
            .impact(ImpactPolicy::default().wall_clock(std::time::UNIX_EPOCH));
        let registry = registry.build().unwrap();
        let search = registry.dependency_with("search", Policy::default());
        let search = search.unwrap();
        search.acquire("acme").unwrap().record(Outcome::Success);
        let circuit = search.inner.circuits.get("acme").unwrap();
        let threshold = circuit.rules().lowest_threshold;
        let now = search.context().now();
        circuit.note_late(now, threshold, Outcome::Success);
        circuit.note_late(now, threshold + 1, Outcome::Ignored);
        assert!(registry.impact().rows().is_empty());
        circuit.note_late(now, threshold + 1, Outcome::Success);
        assert_eq!(registry.impact().rows()[0].counts.slow, 1);
    }
}
