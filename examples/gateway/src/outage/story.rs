//! The figures of the run.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;
use tower_tenant_breaker::CircuitState;

use super::plan::{ALONE, BACK_FOR, MAX_PROBES, OUTAGE_PERIODS, TENANTS};
use super::play::Marks;
use super::tape::{Call, Reel, Whose};
use crate::load::Answer;
use crate::report::Counts;
use crate::upstream::Arrival;

/// An act's name in the JSON, and its heading.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Title {
    pub(crate) key: &'static str,
    pub(crate) title: &'static str,
}

const fn act(key: &'static str, title: &'static str) -> Title {
    Title { key, title }
}

pub(crate) const ACTS: [Title; 6] = [
    act("well", "1. All is well"),
    act("one_tenant", "2. The upstream fails for one tenant"),
    act("outage", "3. The upstream fails for all"),
    act("recovery", "4. The upstream is back"),
    act("forced", "5. The vendor announces maintenance"),
    act("cleared", "6. The maintenance is over"),
];

/// How long a call that was admitted may take on its way to the upstream. Less than the shortest open
/// period, so no probe is taken for one.
const ON_THE_WAY: Duration = Duration::from_millis(100);

/// What the run showed.
#[derive(Clone, Debug)]
pub(crate) struct Story {
    pub(crate) acts: Vec<Act>,
    pub(crate) alone: Alone,
    pub(crate) outage: Option<Outage>,
    pub(crate) recovery: Recovery,
    pub(crate) forced: Forced,
    /// From the clear until every tenant was answered.
    pub(crate) cleared: Option<Duration>,
}

/// One act: the calls that began in it, as their callers saw them, and what the upstream received in it.
#[derive(Clone, Debug)]
pub(crate) struct Act {
    pub(crate) title: Title,
    pub(crate) lasted: Duration,
    pub(crate) calls: Counts,
    pub(crate) rejected_for: BTreeMap<String, u64>,
    pub(crate) to_upstream: u64,
}

/// The second act.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Alone {
    /// From its part of the upstream's failing to the opening of its circuit.
    pub(crate) opened: Option<Duration>,
    /// From its part being well again until it was answered.
    pub(crate) answered: Option<Duration>,
    pub(crate) others_rejected: u64,
    pub(crate) outages: usize,
}

/// The third act, where an outage was declared in it.
#[derive(Clone, Debug)]
pub(crate) struct Outage {
    /// From the upstream's failing.
    pub(crate) declared: Duration,
    pub(crate) down: u64,
    pub(crate) active: u64,
    /// What the upstream received in a second while all was well.
    pub(crate) normal: f64,
    /// From then until the upstream was back.
    pub(crate) lasted: Duration,
    /// What it received in that time, but for what was on its way.
    pub(crate) received: u64,
    /// The calls that the fewest and the most of the tenants paid until then, and all of them together.
    pub(crate) paid: (u64, u64, u64),
}

/// The fourth act.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recovery {
    /// From the upstream's being back until the outage was over, and until everybody was served.
    pub(crate) over: Option<Duration>,
    pub(crate) recovered: Option<Duration>,
    /// How many circuits were open at its end, and from the first's closing to the last's.
    pub(crate) circuits: usize,
    pub(crate) spread: Duration,
    /// The most that the upstream received in a second, and what it received in one while all was well.
    pub(crate) busiest: u64,
    pub(crate) normal: f64,
    /// The calls at the end of the act.
    pub(crate) after: Counts,
}

/// The fifth act.
#[derive(Clone, Debug)]
pub(crate) struct Forced {
    /// Calls that were sent after the forced open had returned, and were not rejected.
    pub(crate) admitted: u64,
    pub(crate) rejected: u64,
    pub(crate) newcomer: Answer,
    /// The note in the newcomer's answer.
    pub(crate) note: String,
    /// What the upstream received, but for what was on its way.
    pub(crate) to_upstream: u64,
}

impl Story {
    pub(crate) fn of(marks: &Marks, reel: &Reel, arrivals: &[Arrival]) -> Self {
        let [_, alone, down, back, forced, clearing, end] = marks.acts;
        let sent = |from, until| {
            let calls = reel.calls.iter();
            calls.filter(move |call| (from..until).contains(&call.sent))
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
            let counted_from = outage.at + ON_THE_WAY;
            let paid = TENANTS.map(|tenant| {
                let own = received(down, counted_from).filter(|arrival| arrival.tenant == tenant);
                own.count() as u64
            });
            Some(Outage {
                declared: outage.at - down,
                down: tenants,
                active,
                normal,
                lasted: back - outage.at,
                received: received(counted_from, back).count() as u64,
                paid: (
                    paid.into_iter().min().unwrap_or_default(),
                    paid.into_iter().max().unwrap_or_default(),
                    paid.into_iter().sum(),
                ),
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
                after: counts(sent(forced - BACK_FOR, forced)),
            },
            forced: Forced {
                admitted: sent(forced, clearing)
                    .filter(|call| call.answer != Answer::Rejected)
                    .count() as u64,
                rejected: counts(sent(forced, clearing)).rejected,
                newcomer: marks.newcomer,
                note: marks.note.clone(),
                to_upstream: received(forced + ON_THE_WAY, clearing).count() as u64,
            },
            cleared: marks
                .answered
                .filter(|at| *at < end)
                .map(|at| at - clearing),
        }
    }
}

impl Outage {
    /// The most calls that may probe in that time.
    pub(crate) fn most_probes(&self) -> u64 {
        let (first, later) = OUTAGE_PERIODS;
        let rounds = match self.lasted.checked_sub(first) {
            Some(left) => 1 + left.as_millis() / later.as_millis(),
            None => 0,
        };
        u64::from(MAX_PROBES) * u64::try_from(rounds).unwrap_or(u64::MAX)
    }

    /// What the upstream received in a second of the outage.
    pub(crate) fn per_second(&self) -> f64 {
        self.received as f64 / self.lasted.as_secs_f64()
    }
}

fn counts<'a>(calls: impl Iterator<Item = &'a Call>) -> Counts {
    Counts::of(calls.map(|call| call.answer))
}

fn reasons<'a>(calls: impl Iterator<Item = &'a Call>) -> BTreeMap<String, u64> {
    let mut reasons = BTreeMap::new();
    for reason in calls.filter_map(|call| call.reason.clone()) {
        *reasons.entry(reason).or_default() += 1;
    }
    reasons
}

/// The most of these instants, in their order, that lie within a second.
fn busiest_second(instants: impl Iterator<Item = Instant>) -> u64 {
    let mut within = std::collections::VecDeque::new();
    let mut most = 0;
    for at in instants {
        within.push_back(at);
        while within
            .front()
            .is_some_and(|first| at - *first >= Duration::from_secs(1))
        {
            within.pop_front();
        }
        most = most.max(within.len());
    }
    most as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_second_may_begin_at_any_instant() {
        let start = Instant::now();
        let at = |ms: &[u64]| {
            let instants = ms.iter().map(|ms| start + Duration::from_millis(*ms));
            busiest_second(instants.collect::<Vec<_>>().into_iter())
        };
        assert_eq!(at(&[]), 0);
        assert_eq!(at(&[0, 1_000, 2_000]), 1);
        assert_eq!(at(&[0, 900, 1_100, 1_899, 1_901]), 3);
    }
}
