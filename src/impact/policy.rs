use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::policy::{PolicyError, check};

/// What the ledger of the tenants' impact keeps, and how much of it.
///
/// | field | meaning | default | bounds |
/// |---|---|---|---|
/// | [`hours`](Self::hours) | hours that are kept, the present one among them | 24 | 1 to 720 |
/// | [`max_rows`](Self::max_rows) | rows of all hours together | 10,000 | 1 to 1,000,000 |
/// | [`max_turns`](Self::max_turns) | turns that each row tells apart | 64 | 0 to 1,024 |
/// | [`wall_clock`](Self::wall_clock) | what a clock on the wall says when the registry is built | the system's | years 1970 to 9999 |
///
/// A row takes 200 to 300 bytes, the tenant's id, and 8 bytes for each of its turns, whose number is rounded up to a power
/// of two. With the defaults the ledger takes 11 MB at most: where each tenant's id has 256 bytes, and each row 64 turns.
///
/// ```
/// use tower_tenant_breaker::CircuitBreakerRegistry;
/// use tower_tenant_breaker::impact::ImpactPolicy;
///
/// let registry = CircuitBreakerRegistry::builder()
///     .impact(ImpactPolicy::default().hours(48).max_rows(50_000))
///     .build()?;
///
/// let none = CircuitBreakerRegistry::builder().impact(ImpactPolicy::default().hours(0)).build();
/// assert_eq!(none.unwrap_err().to_string(), "impact hours is 0, but must be from 1 to 720");
/// # Ok::<(), tower_tenant_breaker::PolicyError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImpactPolicy {
    hours: u32,
    max_rows: usize,
    max_turns: usize,
    wall_clock: Option<SystemTime>,
}

impl Default for ImpactPolicy {
    fn default() -> Self {
        Self {
            hours: 24,
            max_rows: 10_000,
            max_turns: 64,
            wall_clock: None,
        }
    }
}

impl ImpactPolicy {
    /// How many hours are kept, the present one among them: from 1 to 720. Older ones go with the next bad call or report.
    #[must_use]
    pub const fn hours(mut self, hours: u32) -> Self {
        self.hours = hours;
        self
    }

    /// How many rows there may be in all: from 1 to 1,000,000. [The module](crate::impact#when-there-is-no-room) says
    /// what happens when there is no room.
    #[must_use]
    pub const fn max_rows(mut self, rows: usize) -> Self {
        self.max_rows = rows;
        self
    }

    /// How many turns each row tells apart: from 0 to 1,024. Where there are more, the row says "at least".
    #[must_use]
    pub const fn max_turns(mut self, turns: usize) -> Self {
        self.max_turns = turns;
        self
    }

    /// What a clock on the wall says at the moment at which the registry is built, where it is not the system's that
    /// counts: in a test, or a simulation. From the years 1970 to 9999.
    ///
    /// Hours are counted on from there by the clock that calls are timed with. A clock on the wall that is set later
    /// is not followed.
    #[must_use]
    pub const fn wall_clock(mut self, at_build: SystemTime) -> Self {
        self.wall_clock = Some(at_build);
        self
    }

    /// The bounds, and how long after 1970 the registry is built.
    pub(crate) fn checked(self) -> Result<Bounds, PolicyError> {
        check(
            (1..=720).contains(&self.hours),
            "impact hours",
            self.hours,
            "from 1 to 720",
        )?;
        check(
            (1..=1_000_000).contains(&self.max_rows),
            "impact max_rows",
            self.max_rows,
            "from 1 to 1000000",
        )?;
        check(
            self.max_turns <= 1_024,
            "impact max_turns",
            self.max_turns,
            "up to 1024",
        )?;
        const END_OF_9999: Duration = Duration::from_secs(253_402_300_799);
        let wall_clock = self.wall_clock.unwrap_or_else(SystemTime::now);
        let built_at = wall_clock.duration_since(UNIX_EPOCH).ok();
        let built_at = built_at.filter(|since| *since <= END_OF_9999);
        let built_at = built_at.ok_or_else(|| {
            PolicyError::new("impact wall_clock", wall_clock, "in the years 1970 to 9999")
        })?;
        Ok(Bounds {
            hours: self.hours.into(),
            rows: self.max_rows,
            turns: self.max_turns,
            built_at,
        })
    }
}

/// A policy that was checked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(super) hours: u64,
    pub(super) rows: usize,
    pub(super) turns: usize,
    pub(super) built_at: Duration,
}
