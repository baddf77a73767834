//! What the figures of a dependency say about its policy.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use super::Dependency;
use super::accidents::Accidents;
use crate::CircuitState;
use crate::circuit::Totals;
use crate::policy::Policy;
use crate::time::DAY;

/// With so many independent samples their median lies between the true quartiles in 97 of 100 cases.
const RECOVERIES: u64 = 20;
/// A share of failures of one in a thousand is known to about a third.
const CALLS: u64 = 10_000;
/// With fewer circuits, nine tenths of them are all of them.
const CIRCUITS: usize = 10;
/// To read a circuit's histograms costs some 100 µs.
const MOST_READ: usize = 256;
/// Samples below which a 95th percentile is one of the five longest calls.
const SAMPLES: u64 = 100;
/// How often a run of failures may be one by chance: once in so many calls.
const CALLS_PER_ACCIDENT: f64 = 1e6;
/// With a shorter one, each failure opens.
const SHORTEST_RUN: u32 = 2;

/// What the figures of a dependency say about its policy: proposals for people to read, which nothing applies.
///
/// Each stands alone, and says of how many samples it is made, or why there is none.
///
/// With feature `serde` it is written as JSON:
///
/// ```json
/// {
///   "open_for": { "value_ms": 40802.189312, "samples": 61, "basis": "half of 61 recoveries .." },
///   "consecutive_failures": { "value": 4, "samples": 70000, "basis": "at 512 failures in .." },
///   "latency_p95": { "why_not": "too few samples: 3 of 10" }
/// }
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Suggestion {
    /// The first open period.
    ///
    /// The median time from when rules opened a closed circuit until probes closed it, rounded up by a quarter at most:
    /// a circuit that is open for so long finds the dependency back with its first probes in half of all cases. Only
    /// where more than half had to open more than once; where they did not, the period is long enough, and how much
    /// shorter it could be is not to be seen. Left out are recoveries in which an operator had a hand, and those that
    /// spent more than half of their time waiting for a probe, after the ends of their open periods.
    ///
    /// Of recoveries that overlapped in time, the one that ended first stands for all: a thousand circuits that one
    /// failure of the dependency opened are one sample, the median is over failures of the dependency and not over
    /// tenants. Where tenants fail at the same time, but each for itself, the short recoveries stand for the long ones,
    /// and the period is rather too short.
    ///
    /// Needs 20 such samples: with so many, the median lies between the true quartiles in 97 of 100 cases. The longer
    /// period costs the shorter half of them: they recover later than they do now.
    pub open_for: Result<Suggested<Duration>, NoSuggestion>,
    /// How many failures in a row.
    ///
    /// So many, at least two, that a run of them comes by chance once in a million calls at most: both if all calls fail
    /// at the share at which they did over the dependency's life (plus three failures, since what was not seen may yet
    /// be), and if each tenant that has a circuit now fails at the share that it has had. Tenants of whose calls more
    /// than half fail are not among the latter: for these to open is no accident.
    ///
    /// It assumes that the calls of a tenant fail independently of each other. Where failures come in bursts, as in
    /// outages, runs are more frequent than it says; on the other hand, the failures of outages are in the shares and
    /// make the proposal longer. Which of the two weighs more is not to be seen.
    ///
    /// The policy's rule of count and rate is not looked at for it, stands beside it, and trips by itself: where the
    /// proposal is over [`failure_threshold`](crate::PolicyBuilder::failure_threshold), a tenant whose calls all fail
    /// is tripped by that rule first, and the proposal changes nothing for it until that is raised too. The basis says
    /// where it is so.
    ///
    /// Needs 10,000 calls: fewer tell a share of one in a thousand worse than to a third. Where more than half of all
    /// calls fail, no run is an accident or no run is a sign, and there is no proposal.
    pub consecutive_failures: Result<Suggested<u32>, NoSuggestion>,
    /// The threshold of a rule for the 95th percentile.
    ///
    /// Twice the 95th percentile that nine tenths of the closed circuits stay under now. Of circuits that have
    /// histograms, with at least 100 samples in the window; at most 256 of them are read.
    ///
    /// Needs 10 circuits: of fewer, nine tenths are all. It knows the present window alone: ask at a busy hour.
    pub latency_p95: Result<Suggested<Duration>, NoSuggestion>,
}

/// A value that is proposed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Suggested<T> {
    /// The value.
    pub value: T,
    /// How many samples it is made of: recoveries that did not overlap, calls or circuits.
    pub samples: u64,
    /// How it came about, in a sentence.
    pub basis: String,
}

/// Why nothing is proposed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoSuggestion {
    /// Too little has happened yet.
    TooFewSamples {
        /// The samples that there are: recoveries that did not overlap, calls, or circuits.
        samples: u64,
        /// How many it takes.
        needed: u64,
    },
    /// At least half of the recoveries were by the first probes: the open period is long enough, and how much shorter
    /// it could be is not to be seen.
    LongEnough {
        /// Recoveries by the first probes.
        at_once: u64,
        /// All recoveries that did not overlap.
        recoveries: u64,
    },
    /// More than half of all calls fail.
    FailsTooOften {
        /// Failures.
        failures: u64,
        /// Calls.
        calls: u64,
    },
    /// The value would be beyond what a policy takes.
    OutOfBounds,
}

impl fmt::Display for NoSuggestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooFewSamples { samples, needed } => {
                write!(f, "too few samples: {samples} of {needed}")
            }
            Self::LongEnough {
                at_once,
                recoveries,
            } => write!(
                f,
                "long enough: {at_once} of {recoveries} recoveries were by the first probes; how much shorter it could \
                 be is not to be seen"
            ),
            Self::FailsTooOften { failures, calls } => {
                write!(f, "fails too often: {failures} of {calls} calls")
            }
            Self::OutOfBounds => f.write_str("beyond what a policy takes"),
        }
    }
}

impl Error for NoSuggestion {}

impl Dependency {
    /// What the figures of the dependency say about its policy. Changes nothing; calls go on meanwhile, and the
    /// latency of some of them is not measured (see [`Totals::unmeasured`]). Looks at every circuit, as a snapshot does.
    ///
    /// ```
    /// use tower_tenant_breaker::{CircuitBreakerRegistry, NoSuggestion, Policy};
    ///
    /// let registry = CircuitBreakerRegistry::builder().build()?;
    /// let search = registry.dependency_with("search", Policy::default())?;
    /// match search.suggest().open_for {
    ///     Ok(period) => println!("{:?}: {}", period.value, period.basis),
    ///     Err(why) => println!("no proposal: {why}"),
    /// }
    /// # let too_few = NoSuggestion::TooFewSamples { samples: 0, needed: 20 };
    /// # assert_eq!(search.suggest().open_for, Err(too_few));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn suggest(&self) -> Suggestion {
        Suggestion {
            open_for: self.suggest_period(),
            consecutive_failures: self.suggest_run(),
            latency_p95: self.suggest_threshold(),
        }
    }

    fn suggest_period(&self) -> Result<Suggested<Duration>, NoSuggestion> {
        let recovered = self.context().recovery_times.read();
        let (recoveries, at_once) = (recovered.samples, recovered.at_once);
        enough(recoveries, RECOVERIES)?;
        if at_once >= recoveries - at_once {
            return Err(NoSuggestion::LongEnough {
                at_once,
                recoveries,
            });
        }
        let median = recovered.median();
        if median > DAY {
            return Err(NoSuggestion::OutOfBounds);
        }
        Ok(Suggested {
            value: median,
            samples: recoveries,
            basis: format!(
                "half of {recoveries} recoveries that did not overlap took less; {at_once} of them took one open \
                 period"
            ),
        })
    }

    fn suggest_run(&self) -> Result<Suggested<u32>, NoSuggestion> {
        let now = self.context().now();
        let Totals {
            failures, calls, ..
        } = self.inner.circuits.sums(now).totals;
        enough(calls, CALLS)?;
        // By chance alone three more would have come in one of twenty cases without being seen yet.
        let share = (failures + 3) as f64 / calls as f64;
        if share > 0.5 {
            return Err(NoSuggestion::FailsTooOften { failures, calls });
        }
        let alike = (CALLS_PER_ACCIDENT.ln() / -share.ln()).ceil() as u32;
        let mut accidents = Accidents::default();
        self.inner.circuits.for_each(|circuit| {
            let totals = circuit.totals(now);
            accidents.take_in(totals.failures, totals.calls);
        });
        let each = accidents.shortest_run(calls as f64 / CALLS_PER_ACCIDENT);
        let tenants = accidents.tenants;
        let value = alike.max(each).max(SHORTEST_RUN);
        let mut basis = format!(
            "at {failures} failures in {calls} calls, and at the share of each of {tenants} tenants, so many in a \
             row come by chance once in a million calls"
        );
        if let Some(sooner) = trips_by_rate(&self.policy()).filter(|sooner| *sooner < value) {
            basis += &format!(
                "; beside it the policy's rule of count and rate trips by itself, at {sooner} failures where no call \
                 succeeds"
            );
        }
        Ok(Suggested {
            value,
            samples: calls,
            basis,
        })
    }

    fn suggest_threshold(&self) -> Result<Suggested<Duration>, NoSuggestion> {
        let now = self.context().now();
        let mut seen = Vec::new();
        self.inner.circuits.for_each(|circuit| {
            if seen.len() < MOST_READ && circuit.state() == CircuitState::Closed {
                let latency = circuit.latency(now);
                let enough = latency.filter(|latency| latency.samples >= SAMPLES);
                seen.extend(enough.map(|latency| latency.p95));
            }
        });
        enough(seen.len() as u64, CIRCUITS as u64)?;
        seen.sort_unstable();
        let nine_tenths = seen[(seen.len() * 9).div_ceil(10) - 1];
        let value = nine_tenths * 2;
        if !self.policy().histogram.takes(value) {
            return Err(NoSuggestion::OutOfBounds);
        }
        Ok(Suggested {
            value,
            samples: seen.len() as u64,
            basis: format!(
                "twice the p95 that nine tenths of {} closed circuits stay under now, {nine_tenths:?}",
                seen.len()
            ),
        })
    }
}

/// After how many failures the rule of count and rate trips where nothing else is in the window; none where it is off.
fn trips_by_rate(policy: &Policy) -> Option<u32> {
    let is_on = policy.failure_threshold.is_some() || policy.failure_rate.is_some();
    let failures = policy.failure_threshold.unwrap_or(1);
    is_on.then_some(failures.max(policy.min_calls))
}

fn enough(samples: u64, needed: u64) -> Result<(), NoSuggestion> {
    if samples < needed {
        return Err(NoSuggestion::TooFewSamples { samples, needed });
    }
    Ok(())
}
