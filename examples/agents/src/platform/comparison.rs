//! The hour with the breaker and without, and what is counted of it.

use std::time::Duration;

use tower::BoxError;

use super::hour::{Breaker, Hour};
use super::tally::Tally;
use super::turn::{End, TurnRecord};
use super::world::{DOWN, DOWN_FROM, DOWN_UNTIL, SLOW, SLOW_FOR, SLOW_FROM, SLOW_UNTIL};

/// How long after a tool is well again circuits may still be open for it: as long as a circuit's longest period, with its
/// jitter, and a timeout of the last probe.
const UNTIL_CLOSED: Duration = Duration::from_secs(350);
/// After an outage it is less: its longest period, the last probe, and the time over which the circuits recover.
const UNTIL_OUTAGE_IS_OVER: Duration = Duration::from_secs(60);

/// How long a user has patience.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// The same scripts, with the breaker and without.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// By which the scripts were drawn.
    pub seed: u64,
    /// No circuit ever opens.
    pub without: Hour,
    /// Circuits open.
    pub with: Hour,
}

impl Hour {
    /// Turns whose models were done.
    #[must_use]
    pub fn finished(&self) -> usize {
        let is_finished = |turn: &&TurnRecord| turn.end == End::Finished;
        self.turns.iter().filter(is_finished).count()
    }

    /// Those of them that were done before their user lost patience.
    #[must_use]
    pub fn finished_in_time(&self) -> usize {
        let in_time = |turn: &&TurnRecord| turn.end == End::Finished && turn.took() <= PATIENCE;
        self.turns.iter().filter(in_time).count()
    }

    /// Degraded turns.
    #[must_use]
    pub fn degraded(&self) -> usize {
        self.turns.iter().filter(|turn| turn.is_degraded()).count()
    }

    /// Turns that waited until a timeout.
    #[must_use]
    pub fn timed_out(&self) -> usize {
        let waited = |turn: &&TurnRecord| turn.timed_out().next().is_some();
        self.turns.iter().filter(waited).count()
    }

    /// Calls of a tool that was down, or slow for their tenant.
    #[must_use]
    pub fn wasted(&self) -> usize {
        self.wasted_on(SLOW) + self.wasted_on(DOWN)
    }

    pub(super) fn wasted_on(&self, tool: &str) -> usize {
        let calls = self.reached.iter();
        calls
            .filter(|call| call.is_wasted && *call.tool == *tool)
            .count()
    }

    /// How long all turns together waited for more than tools take that are well and answer.
    #[must_use]
    pub fn waited(&self) -> Duration {
        self.turns.iter().map(|turn| turn.waited).sum()
    }

    /// How often the tool that is slow for one tenant was called by the others.
    #[must_use]
    pub fn healthy_use(&self) -> usize {
        let is_other = |tool: &str, tenant: &str| tool == SLOW && tenant != SLOW_FOR;
        let calls = self.reached.iter();
        calls
            .filter(|call| is_other(&call.tool, &call.tenant))
            .count()
    }

    pub(super) fn is_healthy_use_untouched(&self) -> bool {
        let others = self.turns.iter().filter(|turn| *turn.tenant != *SLOW_FOR);
        let mut calls = others.flat_map(|turn| &turn.calls);
        calls.all(|seen| *seen.tool != *SLOW || seen.signal.is_none())
    }

    /// Degraded turns of tenants, or by tools, or at times, that nothing was wrong with.
    #[must_use]
    pub fn degraded_for_nothing(&self) -> usize {
        let is_strange = |turn: &&TurnRecord| {
            let missed = turn.without.iter().map(String::as_str);
            missed
                .chain(turn.timed_out())
                .any(|tool| !is_affected(turn, tool))
        };
        self.turns.iter().filter(is_strange).count()
    }

    /// Whether the report says, row by row, what the agents and the tools saw.
    #[must_use]
    pub fn is_reported_as_seen(&self) -> bool {
        let (seen, reported) = (Tally::seen(self), Tally::reported(self));
        let is_whole = self.impact.hours().iter().all(|hour| {
            let missing = hour.unlisted + hour.dropped;
            missing == 0
        });
        is_whole
            && self.impact.hours().len() == 1
            && seen.rows == reported.rows
            && seen.turns == reported.turns
    }
}

/// Whether something was wrong with this tool for this turn.
fn is_affected(turn: &TurnRecord, tool: &str) -> bool {
    let meets = |from, until| turn.lasted.0 < until && turn.lasted.1 > from;
    match tool {
        DOWN => meets(DOWN_FROM, DOWN_UNTIL + UNTIL_OUTAGE_IS_OVER),
        SLOW => *turn.tenant == *SLOW_FOR && meets(SLOW_FROM, SLOW_UNTIL + UNTIL_CLOSED),
        _ => false,
    }
}

impl Comparison {
    /// Lives through both hours.
    ///
    /// # Errors
    ///
    /// Those of [`Hour::of`].
    pub fn of(seed: u64) -> Result<Self, BoxError> {
        Ok(Self {
            seed,
            without: Hour::of(seed, Breaker::Without)?,
            with: Hour::of(seed, Breaker::With)?,
        })
    }

    /// How many times fewer calls were wasted.
    #[must_use]
    pub fn fewer_wasted(&self) -> f64 {
        self.without.wasted() as f64 / self.with.wasted() as f64
    }

    /// How many times less turns waited.
    #[must_use]
    pub fn less_waiting(&self) -> f64 {
        self.without.waited().as_secs_f64() / self.with.waited().as_secs_f64()
    }
}
