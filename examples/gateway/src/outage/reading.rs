//! From what happened to the figures.

use std::collections::BTreeMap;
use std::time::Duration;

use tower_tenant_breaker::CircuitState;

use super::count::{busiest_second, counts, reasons};
use super::plan::{ALONE, BACK_FOR, TENANTS};
use super::play::Marks;
use super::story::{ACTS, Act, Alone, Forced, Outage, Recovery, Story};
use super::tape::{Call, Reel, Whose};
use crate::load::Answer;
use crate::upstream::Arrival;

impl Story {
    pub(crate) fn of(marks: &Marks, reel: &Reel, arrivals: &[Arrival]) -> Self {
        let [_, alone, down, back, forced, clearing, end] = marks.acts;
        // What is in the air when the forced open is cleared may be admitted after it, and counts there.
        let counted_at = move |call: &Call| {
            let is_in_the_air = call.sent >= forced && (call.sent..=call.ended).contains(&clearing);
            if is_in_the_air { call.ended } else { call.sent }
        };
        let sent = |from, until| {
            let calls = reel.calls.iter();
            calls.filter(move |call| (from..until).contains(&counted_at(call)))
        };
        let received = |from, until| {
            let arrivals = arrivals.iter();
            arrivals.filter(move |arrival| (from..until).contains(&arrival.at))
        };
        let acts = ACTS.iter().zip(marks.acts.windows(2)).map(|(title, act)| {
            let [from, until] = [act[0], act[1]];
            Act {
                title: *title,
                lasted: until - from,
                calls: counts(sent(from, until)),
                rejected_for: reasons(sent(from, until)),
                to_upstream: received(from, until).count() as u64,
            }
        });

        let second = Duration::from_secs(1);
        let normal = received(alone - second, alone).count() as f64;
        let of_others = sent(alone, down).filter(|call| call.tenant != ALONE);
        let opened = reel.changes.iter().find(|change| {
            let is_its_own = matches!(&change.whose, Whose::Tenant(tenant) if tenant == ALONE);
            is_its_own && change.at >= alone && change.to == CircuitState::Open
        });
        let outage = reel.outages(down).next().filter(|outage| outage.at < back);
        let outage = outage.and_then(|outage| {
            let Whose::All {
                down: tenants,
                active,
            } = outage.whose
            else {
                return None;
            };
            let counted_from = reel.settled(outage.at);
            let paid = TENANTS.map(|tenant| {
                let own = received(down, counted_from).filter(|arrival| arrival.tenant == tenant);
                own.count() as u64
            });
            let mut tenants_by_calls = BTreeMap::new();
            for calls in paid {
                *tenants_by_calls.entry(calls).or_default() += 1;
            }
            Some(Outage {
                declared: outage.at - down,
                down: tenants,
                active,
                normal,
                lasted: back - outage.at,
                received: received(counted_from, back).count() as u64,
                paid: tenants_by_calls,
            })
        });
        let closings = reel.changes.iter().filter(|change| {
            let is_of_one = matches!(change.whose, Whose::Tenant(_));
            is_of_one && change.to == CircuitState::Closed && (back..forced).contains(&change.at)
        });
        let closings: Vec<_> = closings.map(|change| change.at).collect();
        Self {
            acts: acts.collect(),
            alone: Alone {
                opened: opened.map(|change| change.at - alone),
                answered: marks.alone_answered.map(|at| at - marks.alone_well),
                others_rejected: counts(of_others).rejected,
                outages: reel
                    .outages(alone)
                    .filter(|outage| outage.at < down)
                    .count(),
            },
            outage,
            recovery: Recovery {
                over: marks.over.map(|at| at - back),
                recovered: marks.recovered.map(|at| at - back),
                circuits: closings.len(),
                spread: match (closings.iter().min(), closings.iter().max()) {
                    (Some(first), Some(last)) => *last - *first,
                    _ => Duration::ZERO,
                },
                busiest: busiest_second(received(back, forced).map(|arrival| arrival.at)),
                normal,
                // Those that ended before the forced open, which they may have met otherwise.
                after: counts(sent(forced - BACK_FOR, forced).filter(|call| call.ended < forced)),
            },
            forced: Forced {
                admitted: sent(forced, clearing)
                    .filter(|call| call.answer != Answer::Rejected)
                    .count() as u64,
                rejected: counts(sent(forced, clearing)).rejected,
                newcomer: marks.newcomer,
                note: marks.note.clone(),
                to_upstream: received(reel.settled(forced), clearing).count() as u64,
            },
            cleared: marks
                .answered
                .filter(|at| *at < end)
                .map(|at| at - clearing),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::super::tape::Change;
    use super::*;

    /// Acts of a second each: their beginnings, and the end of the last.
    fn marks(start: Instant) -> Marks {
        let second = |second| start + Duration::from_secs(second);
        Marks {
            acts: [0, 1, 2, 3, 5, 6, 7].map(second),
            alone_well: second(1),
            alone_answered: None,
            over: None,
            recovered: None,
            newcomer: Answer::Rejected,
            note: String::new(),
            answered: None,
        }
    }

    fn read(spoil: impl FnOnce(Instant, &mut Reel, &mut Vec<Arrival>)) -> Story {
        let (start, mut reel, mut arrivals) = (Instant::now(), Reel::default(), Vec::new());
        spoil(start, &mut reel, &mut arrivals);
        Story::of(&marks(start), &reel, &arrivals)
    }

    fn call(sent: Instant, tenant: &'static str, answer: Answer) -> Call {
        Call {
            tenant,
            sent,
            ended: sent + MS,
            answer,
            reason: (answer == Answer::Rejected).then(|| "outage".to_owned()),
        }
    }

    fn declared(at: Instant) -> Change {
        Change {
            at,
            whose: Whose::All {
                down: 5,
                active: 24,
            },
            from: CircuitState::Closed,
            to: CircuitState::Open,
        }
    }

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_call_belongs_to_the_act_in_which_it_was_sent() {
        let story = read(|start, reel, _| {
            for (ms, answer) in [
                (999, Answer::Served),
                (1_000, Answer::Rejected),
                (1_999, Answer::Failed),
            ] {
                reel.calls.push(call(start + ms * MS, "dune", answer));
            }
        });
        let (well, alone) = (&story.acts[0], &story.acts[1]);
        assert_eq!((well.calls.sent, well.calls.served), (1, 1));
        assert_eq!(
            (alone.calls.sent, alone.calls.rejected, alone.calls.failed),
            (2, 1, 1)
        );
        assert_eq!(
            alone.rejected_for,
            BTreeMap::from([("outage".to_owned(), 1)])
        );
        assert_eq!(story.alone.others_rejected, 1);
    }

    #[test]
    fn the_rejected_calls_of_the_one_tenant_are_its_own() {
        let story = read(|start, reel, _| {
            reel.calls
                .push(call(start + 1_000 * MS, ALONE, Answer::Rejected));
        });
        assert_eq!(story.alone.others_rejected, 0);
    }

    #[test]
    fn an_outage_counts_in_the_act_in_which_it_was_declared() {
        for (ms, in_second, in_third) in [(1_999, 1, false), (2_000, 0, true), (3_000, 0, false)] {
            let story = read(|start, reel, _| reel.changes.push(declared(start + ms * MS)));
            assert_eq!(story.alone.outages, in_second, "{ms} ms");
            assert_eq!(story.outage.is_some(), in_third, "{ms} ms");
        }
    }

    #[test]
    fn what_was_on_its_way_was_paid_and_what_comes_later_are_probes() {
        let story = read(|start, reel, arrivals| {
            reel.changes.push(declared(start + 2_200 * MS));
            reel.calls.push(Call {
                ended: start + 2_300 * MS,
                ..call(start + 2_199 * MS, "dune", Answer::Failed)
            });
            // Not in the air then.
            reel.calls.push(Call {
                ended: start + 2_900 * MS,
                ..call(start + 2_200 * MS, "dune", Answer::Failed)
            });
            for ms in [2_000, 2_250, 2_299, 2_300, 2_999, 3_000] {
                let (tenant, at) = ("dune".to_owned(), start + ms * MS);
                arrivals.push(Arrival { tenant, at });
            }
        });
        let outage = story.outage.unwrap();
        assert_eq!(outage.paid, BTreeMap::from([(0, 23), (3, 1)]));
        assert_eq!(outage.received, 2);
        assert_eq!(outage.lasted, 800 * MS);
    }

    #[test]
    fn every_answer_to_a_call_of_the_forced_act_but_a_rejection_is_an_admission() {
        let story = read(|start, reel, arrivals| {
            for (ms, answer) in [
                (4_999, Answer::Served),
                (5_000, Answer::Served),
                (5_001, Answer::Failed),
                (5_998, Answer::Rejected),
                // It ends at the clear, and may have been admitted after it.
                (5_999, Answer::Served),
                (6_000, Answer::Served),
            ] {
                reel.calls.push(call(start + ms * MS, "dune", answer));
            }
            for ms in [4_999, 5_001, 5_999, 6_000] {
                let (tenant, at) = ("dune".to_owned(), start + ms * MS);
                arrivals.push(Arrival { tenant, at });
            }
        });
        assert_eq!((story.forced.admitted, story.forced.rejected), (2, 1));
        assert_eq!(story.forced.to_upstream, 2);
        assert_eq!(
            [3, 4, 5].map(|act: usize| story.acts[act].calls.sent),
            [1, 3, 2]
        );
    }

    #[test]
    fn what_is_on_its_way_when_it_is_forced_open_was_admitted_before() {
        let story = read(|start, reel, arrivals| {
            reel.calls.push(Call {
                ended: start + 5_300 * MS,
                ..call(start + 4_900 * MS, "dune", Answer::Served)
            });
            let (tenant, at) = ("dune".to_owned(), start + 5_200 * MS);
            arrivals.push(Arrival { tenant, at });
        });
        assert_eq!((story.forced.admitted, story.forced.to_upstream), (0, 0));
    }

    #[test]
    fn a_call_that_meets_the_forced_open_was_not_rejected_after_the_recovery() {
        let story = read(|start, reel, _| {
            for ms in [3_700, 4_900, 4_999] {
                reel.calls
                    .push(call(start + ms * MS, "dune", Answer::Rejected));
            }
        });
        assert_eq!(story.recovery.after.rejected, 1);
    }
}
