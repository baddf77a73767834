use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::Turn;
use super::ledger::{Ledger, Row};
#[cfg(feature = "serde")]
use crate::utc::Utc;

/// What bad calls did to tenants: a copy of the ledger, made by
/// [`CircuitBreakerRegistry::impact`](crate::CircuitBreakerRegistry::impact).
///
/// Is empty where no call was bad, and where the registry keeps no ledger; [`is_kept`](Self::is_kept) tells which.
/// [`hours`](Self::hours) tell how much of each hour is not in the rows, since there was no room for it.
///
/// With feature `serde` it is written as `{"kept": true, "hours": [..], "rows": [..]}`, with the counts of a row beside
/// its other fields, and moments as RFC 3339 has them:
///
/// ```
/// use tower_tenant_breaker::impact::ImpactPolicy;
/// use tower_tenant_breaker::{CircuitBreakerRegistry, Outcome};
///
/// let registry = CircuitBreakerRegistry::builder().impact(ImpactPolicy::default()).build()?;
/// registry.dependency("search")?.acquire("acme")?.record(Outcome::failure());
/// let report = registry.impact();
/// assert_eq!(report.per_tenant()[0].counts.failed, 1);
/// # #[cfg(feature = "serde")]
/// assert_eq!(serde_json::to_value(&report)?["rows"][0]["failed"], 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct ImpactReport {
    kept: bool,
    hours: Vec<ImpactHour>,
    rows: Vec<ImpactRow>,
}

/// An hour of which something is known.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ImpactHour {
    /// When it began.
    #[cfg_attr(feature = "serde", serde(serialize_with = "written"))]
    pub hour_start: SystemTime,
    /// How many rows it has.
    pub rows: usize,
    /// Bad calls that are in no row, since there was [no room](crate::impact#when-there-is-no-room) for one.
    pub unlisted: u64,
    /// Rows that were dropped for those of other hours.
    pub dropped: u64,
}

/// What became of a tenant's calls to a dependency in one hour.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ImpactRow {
    /// When the hour began.
    #[cfg_attr(feature = "serde", serde(serialize_with = "written"))]
    pub hour_start: SystemTime,
    /// The tenant's id, whole; of a tenant that was extracted from a credential it is the keyed hash. None for calls
    /// that [stand for no tenant](crate::impact#what-is-counted).
    pub tenant: Option<String>,
    /// The dependency.
    pub dependency: String,
    /// What happened.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub counts: ImpactCounts,
    #[cfg_attr(feature = "serde", serde(skip))]
    turns: Vec<Turn>,
}

/// What became of a tenant's calls to all dependencies in one hour.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct TenantImpact {
    /// When the hour began.
    #[cfg_attr(feature = "serde", serde(serialize_with = "written"))]
    pub hour_start: SystemTime,
    /// The tenant, as in a row.
    pub tenant: Option<String>,
    /// What happened, in those dependencies in which a call was bad. A turn that was affected in several counts once.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub counts: ImpactCounts,
}

/// What became of calls. [The module](crate::impact#what-is-counted) says what each of them is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ImpactCounts {
    /// Calls that the circuit counted, the good ones of the hour too; rejected ones are not among them.
    pub calls: u64,
    /// Calls that failed or were throttled.
    pub failed: u64,
    /// Slow calls.
    pub slow: u64,
    /// Rejected calls.
    pub rejected: u64,
    /// Failed and rejected calls that something else has served.
    pub fallback_served: u64,
    /// Turns that were affected.
    pub turns: Turns,
}

/// A number of turns: exact up to [`max_turns`](crate::impact::ImpactPolicy::max_turns) of a row, and "at least" beyond.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Turns {
    /// How many.
    pub count: u64,
    /// Whether there were more, that were not told apart.
    pub at_least: bool,
}

impl fmt::Display for Turns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at_least = if self.at_least { "at least " } else { "" };
        write!(f, "{at_least}{}", self.count)
    }
}

impl ImpactReport {
    pub(crate) fn new(ledger: &Ledger, now: u64) -> Self {
        let start = |hour| start(ledger.begins(hour));
        let mut hours = BTreeMap::new();
        let mut rows = Vec::new();
        ledger.each(ledger.hour(now), |part| {
            for hour in &part.hours {
                let hour_start = start(hour.hour);
                let sum = hours.entry(hour.hour).or_insert(ImpactHour {
                    hour_start,
                    rows: 0,
                    unlisted: 0,
                    dropped: 0,
                });
                sum.rows += hour.rows().len();
                sum.unlisted += hour.unlisted;
                sum.dropped += hour.dropped;
                rows.extend(hour.rows().map(|row| ImpactRow::new(hour_start, row)));
            }
        });
        rows.sort_unstable_by(|row, other| row.key().cmp(&other.key()));
        let hours = hours.into_values().collect();
        Self {
            kept: true,
            hours,
            rows,
        }
    }

    /// Whether there is a ledger, which [`RegistryBuilder::impact`](crate::RegistryBuilder::impact) asks for: without
    /// one a report is empty whatever became of calls. Of a report that is `default()`, false.
    ///
    /// ```
    /// use tower_tenant_breaker::{CircuitBreakerRegistry, ImpactPolicy};
    ///
    /// let unasked = CircuitBreakerRegistry::builder().build()?.impact();
    /// assert!(unasked.rows().is_empty() && !unasked.is_kept());
    ///
    /// let registry = CircuitBreakerRegistry::builder().impact(ImpactPolicy::default()).build()?;
    /// let no_harm = registry.impact();
    /// assert!(no_harm.rows().is_empty() && no_harm.is_kept());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.kept
    }

    /// The rows, sorted by hour, tenant and dependency. None where [the registry keeps no ledger](Self::is_kept).
    #[must_use]
    pub fn rows(&self) -> &[ImpactRow] {
        &self.rows
    }

    /// The hours in which a call was bad, sorted, and how much of each is not in the rows.
    #[must_use]
    pub fn hours(&self) -> &[ImpactHour] {
        &self.hours
    }

    /// The sums over the dependencies of each tenant in each hour, sorted by hour and tenant.
    #[must_use]
    pub fn per_tenant(&self) -> Vec<TenantImpact> {
        let of_one = |row: &ImpactRow, other: &ImpactRow| {
            row.hour_start == other.hour_start && row.tenant == other.tenant
        };
        self.rows.chunk_by(of_one).map(sum).collect()
    }
}

impl ImpactRow {
    fn new(hour_start: SystemTime, row: &Row) -> Self {
        Self {
            hour_start,
            tenant: row.tenant.as_deref().map(str::to_owned),
            dependency: String::from(&*row.dependency),
            counts: ImpactCounts {
                calls: row.calls,
                failed: row.failed,
                slow: row.slow,
                rejected: row.rejected,
                fallback_served: row.fallback_served,
                turns: Turns {
                    count: row.turns.len() as u64,
                    at_least: row.more_turns,
                },
            },
            turns: row.turns.clone(),
        }
    }

    fn key(&self) -> (SystemTime, &Option<String>, &str) {
        (self.hour_start, &self.tenant, &self.dependency)
    }
}

/// The rows of one tenant and hour; there is one at least.
fn sum(rows: &[ImpactRow]) -> TenantImpact {
    let mut turns: Vec<u64> = rows
        .iter()
        .flat_map(|row| row.turns.iter().map(|turn| turn.hash))
        .collect();
    turns.sort_unstable();
    turns.dedup();
    let add = |sum: ImpactCounts, row: &ImpactRow| ImpactCounts {
        calls: sum.calls + row.counts.calls,
        failed: sum.failed + row.counts.failed,
        slow: sum.slow + row.counts.slow,
        rejected: sum.rejected + row.counts.rejected,
        fallback_served: sum.fallback_served + row.counts.fallback_served,
        turns: Turns {
            count: turns.len() as u64,
            at_least: sum.turns.at_least || row.counts.turns.at_least,
        },
    };
    TenantImpact {
        hour_start: rows[0].hour_start,
        tenant: rows[0].tenant.clone(),
        counts: rows.iter().fold(ImpactCounts::default(), add),
    }
}

fn start(since_1970: Duration) -> SystemTime {
    UNIX_EPOCH.checked_add(since_1970).unwrap_or(UNIX_EPOCH)
}

#[cfg(feature = "serde")]
fn written<S: serde::Serializer>(moment: &SystemTime, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&Utc(*moment))
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::{ImpactCounts, ImpactRow, Turns, sum};

    #[test]
    fn a_tenant_s_hour_is_the_sum_of_each_count() {
        let counts = |times: u64| ImpactCounts {
            calls: 2 * times,
            failed: 3 * times,
            slow: 5 * times,
            rejected: 7 * times,
            fallback_served: 11 * times,
            turns: Turns::default(),
        };
        let rows = [1, 10, 100].map(|times| ImpactRow {
            hour_start: UNIX_EPOCH,
            tenant: None,
            dependency: "search".to_owned(),
            counts: counts(times),
            turns: Vec::new(),
        });
        assert_eq!(sum(&rows).counts, counts(111));
    }
}
