//! The figures of the run.

use std::collections::BTreeMap;
use std::time::Duration;

use super::plan::{MAX_PROBES, OUTAGE_PERIODS};
use crate::load::Answer;
use crate::report::Counts;

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
    /// How many tenants had paid so many calls until it was declared, by the calls.
    pub(crate) paid: BTreeMap<u64, u64>,
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

    /// What all tenants together had paid until it was declared.
    pub(crate) fn paid_in_all(&self) -> u64 {
        let paid = self.paid.iter();
        paid.map(|(calls, tenants)| calls * tenants).sum()
    }

    /// What the upstream received in a second of the outage.
    pub(crate) fn per_second(&self) -> f64 {
        self.received as f64 / self.lasted.as_secs_f64()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// A run as it should be.
    pub(crate) fn story() -> Story {
        let act = |title| Act {
            title,
            lasted: ms(1_000),
            calls: Counts {
                sent: 280,
                served: 280,
                ..Counts::default()
            },
            rejected_for: BTreeMap::new(),
            to_upstream: 280,
        };
        let mut acts: Vec<_> = ACTS.map(act).into();
        acts[2].rejected_for.insert("outage".to_owned(), 500);
        Story {
            acts,
            alone: Alone {
                opened: Some(ms(180)),
                answered: Some(ms(3_400)),
                others_rejected: 0,
                outages: 0,
            },
            outage: Some(Outage {
                declared: ms(190),
                down: 5,
                active: 24,
                normal: 280.0,
                lasted: ms(2_000),
                received: 9,
                paid: BTreeMap::from([(0, 4), (1, 12), (5, 8)]),
            }),
            recovery: Recovery {
                over: Some(ms(250)),
                recovered: Some(ms(1_200)),
                circuits: 5,
                spread: ms(700),
                busiest: 420,
                normal: 280.0,
                after: Counts::default(),
            },
            forced: Forced {
                admitted: 0,
                rejected: 280,
                newcomer: Answer::Rejected,
                note: "maintenance".to_owned(),
                to_upstream: 0,
            },
            cleared: Some(ms(200)),
        }
    }
}
