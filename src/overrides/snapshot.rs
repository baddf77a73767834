//! An override as people read it.

use tokio::time::Instant;

use super::{Override, Standing};
use crate::event::OverrideLevel;
use crate::reason::Reason;
use crate::sync::Arc;
use crate::time::Clock;

/// An override that is in force at one moment.
///
/// With feature `serde` it is written as JSON; what there is not is `null`:
///
/// ```json
/// {
///   "kind": "forced_open", "level": "dependency", "reason": "forced", "note": "maintenance until noon",
///   "since_ago_ms": 1500.0, "remaining_ms": 3598500.0
/// }
/// ```
///
/// ```
/// use tower_tenant_breaker::{CircuitBreakerRegistry, Override, OverrideLevel, Policy};
///
/// let registry = CircuitBreakerRegistry::builder().build()?;
/// let search = registry.dependency_with("search", Policy::default())?;
/// search.force_open("maintenance");
///
/// let forced = search.circuit("acme").override_in_force().unwrap();
/// assert_eq!(forced.kind, Override::ForcedOpen);
/// assert_eq!(forced.level, OverrideLevel::Dependency);
/// assert_eq!(forced.note.as_deref(), Some("maintenance"));
/// assert_eq!(forced.until, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OverrideSnapshot {
    /// When it was read.
    pub taken_at: Instant,
    /// What is forced.
    pub kind: Override,
    /// On what. A dependency's is one that was set by hand, or the mode that a file of policies says.
    pub level: OverrideLevel,
    /// The reason that rejections by it carry: [`Reason::Forced`], or [`Reason::QuotaExhausted`] where nobody set it but
    /// the circuit itself.
    pub reason: Reason,
    /// The reason that [`force_open`](crate::Dependency::force_open) was given.
    pub note: Option<Arc<str>>,
    /// When it was set.
    pub since: Instant,
    /// When it ends; none for one that holds until it is cleared.
    pub until: Option<Instant>,
}

impl Standing {
    /// None where it has ended. Of a copy, which nobody else ends in between.
    pub(crate) fn snapshot(self, now: u64, clock: &Clock) -> Option<OverrideSnapshot> {
        if !self.in_force(now) {
            return None;
        }
        Some(OverrideSnapshot {
            taken_at: clock.instant(now),
            kind: self.kind,
            level: self.level,
            reason: self.reason,
            since: clock.instant(self.since),
            until: self.until().map(|until| clock.instant(until)),
            note: self.note,
        })
    }
}
