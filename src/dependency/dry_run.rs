//! What a dry run would have done.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use tokio::time::Instant;

use super::{Dependency, MAX_PAGE};
use crate::circuit::{Circuit, Totals};
use crate::overrides::{Override, Standing, winner};
use crate::sync::{Mutex, Relaxed};

/// What a dry run of a dependency would have done: whether to switch it on for real.
///
/// With feature `serde` it is written as JSON:
///
/// ```json
/// {
///   "dependency": "search", "since_ago_ms": 86400000.0,
///   "calls": 990000, "would_open": 12, "would_declare_outage": 1,
///   "would_reject": 10000, "would_reject_by_outage": 9000, "share_rejected": 0.01, "tenants": 3,
///   "most_affected": [
///     { "tenant": "acme", "calls": 5000, "would_open": 9, "would_reject": 9900, "share_rejected": 0.664 }
///   ]
/// }
/// ```
///
/// `since_ago_ms` is how long before the report the dry run began, and `null` where none is on.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DryRunReport {
    /// When it was made.
    pub taken_at: Instant,
    /// The name of the dependency.
    pub dependency: String,
    /// Since when the dry run lasts that is in force for the dependency, its own or the registry's; none where there is
    /// none. The counts of the report begin here. Where there is none, they are those of the dependency's whole life.
    pub since: Option<Instant>,
    /// Calls that were counted. Those that would have been rejected are not among them.
    pub calls: u64,
    /// How often the circuit of a tenant opened, at which no call was rejected. What the dependency as a whole did is
    /// in `would_declare_outage`.
    pub would_open: u64,
    /// How many outages were declared, by the policy's [`OutagePolicy`](crate::OutagePolicy). One that had been
    /// declared before the dry run began is not among them, though what it would have rejected since then is counted; and
    /// one that probes have found to last is still one.
    pub would_declare_outage: u64,
    /// Calls that would have been rejected, by circuits or by an outage.
    pub would_reject: u64,
    /// Those of them that the outage would have rejected, or the ramp after it: also calls of tenants whose own circuit
    /// was closed.
    pub would_reject_by_outage: u64,
    /// How many tenants there are whose circuit would have opened, or whose calls would have been rejected, in this dry
    /// run or an earlier one: a tenant's counts are those of its circuit's life.
    pub tenants: usize,
    /// Those of them with the most calls that would have been rejected, then with the most openings, then by name.
    pub most_affected: Vec<DryRunTenant>,
}

/// What dry runs would have done to one tenant.
///
/// Counted for as long as there is its circuit: an earlier dry run's are among them, and those of a tenant whose
/// circuit was evicted are not.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DryRunTenant {
    /// The tenant.
    pub tenant: String,
    /// Calls that were counted.
    pub calls: u64,
    /// How often its circuit opened, at which no call was rejected. 0 for a tenant whose calls an outage alone would have
    /// rejected.
    pub would_open: u64,
    /// Calls that would have been rejected, by its circuit or by an outage.
    pub would_reject: u64,
}

impl DryRunReport {
    /// The share of calls that would have been rejected, from 0 to 1: of those that were counted and those that would
    /// have been rejected. 0 where there was none.
    ///
    /// An upper bound of what switching on costs: of these calls, some would have failed anyway. And none of them was
    /// counted, so that they did not decide over circuits.
    #[must_use]
    pub fn share_rejected(&self) -> f64 {
        share(self.would_reject, self.calls)
    }
}

impl DryRunTenant {
    /// The share of the tenant's calls that would have been rejected, from 0 to 1, as
    /// [`DryRunReport::share_rejected`].
    #[must_use]
    pub fn share_rejected(&self) -> f64 {
        share(self.would_reject, self.calls)
    }
}

fn share(rejected: u64, counted: u64) -> f64 {
    match rejected.saturating_add(counted) {
        0 => 0.0,
        calls => rejected as f64 / calls as f64,
    }
}

/// What the dependency had counted when the last dry runs began: its own, that of a file of policies, and the
/// registry's.
#[derive(Debug, Default)]
pub(crate) struct DryRuns {
    own: Mutex<Counted>,
    of_mode: Mutex<Counted>,
    of_registry: Mutex<Counted>,
}

/// The counts of a report, of the dependency's whole life.
#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    calls: u64,
    would_open: u64,
    would_declare_outage: u64,
    would_reject: u64,
    would_reject_by_outage: u64,
}

impl Dependency {
    /// What the dry run that is on would have done so far, with at most `most_affected` tenants, up to [`MAX_PAGE`] of
    /// them. Calls go on meanwhile.
    ///
    /// It begins when [`Override::DryRun`] is set for the dependency or for the registry, and anew whenever it is set
    /// again, at which all circuits are gone over once; the dependency's own is the nearer. Dry runs of single tenants or
    /// circuits are counted too.
    ///
    /// # Before it is switched on for real
    ///
    /// A circuit that is open when the dry run is cleared rejects from that moment on, and so does an outage that lasts:
    /// they are what calls in the dry run have made them. [`reset`](Self::reset) before the clearing is a clean start.
    ///
    /// ```
    /// use tower_tenant_breaker::{CircuitBreakerRegistry, Outcome, Override, Policy};
    ///
    /// let registry = CircuitBreakerRegistry::builder().build()?;
    /// let search = registry.dependency_with("search", Policy::default())?;
    /// search.set(Override::DryRun);
    /// for _ in 0..8 {
    ///     search.acquire("acme")?.record(Outcome::failure());
    /// }
    /// let report = search.dry_run_report(10);
    /// assert_eq!((report.would_open, report.would_reject), (1, 3));
    /// assert_eq!(report.share_rejected(), 3.0 / 8.0);
    /// assert_eq!(report.most_affected[0].tenant, "acme");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn dry_run_report(&self, most_affected: usize) -> DryRunReport {
        let context = self.context();
        let now = context.now();
        let (since, before) = self.dry_run(now).unzip();
        let before = before.unwrap_or_default();
        let counted = self.counted(now);
        let since_then =
            |count: fn(&Counted) -> u64| count(&counted).saturating_sub(count(&before));
        let (tenants, most_affected) = self.affected(now, most_affected.min(MAX_PAGE));
        DryRunReport {
            taken_at: context.shared.clock.instant(now),
            dependency: self.name().to_owned(),
            since: since.map(|at| context.shared.clock.instant(at)),
            calls: since_then(|counted| counted.calls),
            would_open: since_then(|counted| counted.would_open),
            would_declare_outage: since_then(|counted| counted.would_declare_outage),
            would_reject: since_then(|counted| counted.would_reject),
            would_reject_by_outage: since_then(|counted| counted.would_reject_by_outage),
            tenants,
            most_affected,
        }
    }

    fn counted(&self, now: u64) -> Counted {
        let context = self.context();
        let outage = context.outage_circuit().map(|outage| outage.totals(now));
        let totals = self.totals(now);
        // Those of the outage are among the totals. They count each failed probe of it too, which is no new outage.
        let of_outage = outage.map_or(0, |outage| outage.would_open);
        Counted {
            calls: totals.calls,
            would_open: totals.would_open.saturating_sub(of_outage),
            would_declare_outage: context.counts.would_declare_outage.load(Relaxed),
            would_reject: totals.would_reject,
            would_reject_by_outage: context.counts.would_reject_by_outage.load(Relaxed),
        }
    }

    /// When the dry run in force began, and what had been counted until then.
    fn dry_run(&self, now: u64) -> Option<(u64, Counted)> {
        let context = self.context();
        let (own, mode) = (context.own.load(), context.mode.load());
        let of_registry = context.shared.own.load();
        let in_force = |standing: &&Standing| standing.in_force(now);
        let own = own.as_deref().filter(in_force);
        let dependency = own.or(mode.as_deref());
        let standing = winner(now, None, dependency, None, of_registry.as_deref())
            .filter(|standing| standing.kind == Override::DryRun)?;
        let is =
            |place: Option<&Standing>| place.is_some_and(|place| std::ptr::eq(place, standing));
        let dry_runs = &self.inner.dry_runs;
        let kept = if is(own) {
            &dry_runs.own
        } else if is(mode.as_deref()) {
            &dry_runs.of_mode
        } else {
            &dry_runs.of_registry
        };
        let before = *kept.lock();
        // The registry's may be older than the dependency.
        Some((standing.since.max(context.declared_at), before))
    }

    /// Remembers what has been counted, where a dry run of the dependency is about to begin.
    pub(super) fn begin_dry_run(&self, standing: Option<&Standing>) {
        self.note_counts(standing, &self.inner.dry_runs.own);
    }

    /// The same, where one that a file of policies says is.
    #[cfg(feature = "serde")]
    pub(super) fn begin_dry_run_of_mode(&self, standing: Option<&Standing>) {
        self.note_counts(standing, &self.inner.dry_runs.of_mode);
    }

    /// The same, where one of the registry is.
    pub(crate) fn begin_dry_run_of_registry(&self, standing: Option<&Standing>) {
        self.note_counts(standing, &self.inner.dry_runs.of_registry);
    }

    fn note_counts(&self, standing: Option<&Standing>, kept: &Mutex<Counted>) {
        if standing.is_some_and(|standing| standing.kind == Override::DryRun) {
            let counted = self.counted(self.context().now());
            *kept.lock() = counted;
        }
    }

    /// How many tenants dry runs would have affected, and those that they would have affected most.
    fn affected(&self, now: u64, most: usize) -> (usize, Vec<DryRunTenant>) {
        let mut tenants = 0;
        // The least affected is on top.
        let mut affected = BinaryHeap::with_capacity(most + 1);
        self.inner.circuits.for_each(|circuit| {
            let totals = circuit.totals(now);
            if totals.would_open == 0 && totals.would_reject == 0 {
                return;
            }
            tenants += 1;
            affected.push(Reverse(Affected::new(circuit, &totals)));
            if affected.len() > most {
                affected.pop();
            }
        });
        let of = |Reverse(affected): Reverse<Affected>| DryRunTenant {
            tenant: affected.circuit.tenant().unwrap_or_default().to_owned(),
            calls: affected.calls,
            would_open: affected.would_open,
            would_reject: affected.would_reject,
        };
        let affected = affected.into_sorted_vec();
        (tenants, affected.into_iter().map(of).collect())
    }
}

struct Affected {
    would_reject: u64,
    would_open: u64,
    calls: u64,
    circuit: Circuit,
}

impl Affected {
    fn new(circuit: &Circuit, totals: &Totals) -> Self {
        Self {
            would_reject: totals.would_reject,
            would_open: totals.would_open,
            calls: totals.calls,
            circuit: circuit.clone(),
        }
    }

    fn key(&self) -> (u64, u64, Reverse<&[u8]>) {
        let id = Reverse(self.circuit.id());
        (self.would_reject, self.would_open, id)
    }
}

impl PartialEq for Affected {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Affected {}

impl PartialOrd for Affected {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Affected {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}
