//! What the impact report should say, counted from what the agents and the tools saw.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::hour::Hour;
use super::world::Reached;

/// A tenant and a tool; none for the few calls that probe for all tenants.
pub(super) type Key = (Option<String>, String);

/// One row of the report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) calls: u64,
    pub(super) failed: u64,
    pub(super) slow: u64,
    pub(super) rejected: u64,
    pub(super) turns: u64,
}

/// By rows, and by tenants.
pub(super) struct Tally {
    pub(super) rows: BTreeMap<Key, Counts>,
    pub(super) turns: BTreeMap<Option<String>, u64>,
}

impl Tally {
    /// By what the agents and the tools saw.
    pub(super) fn seen(hour: &Hour) -> Self {
        let of_call = |reached: &Reached| (reached.call_id.clone(), reached.probes_for_all);
        let reached: HashMap<_, _> = hour.reached.iter().map(of_call).collect();
        let mut rows: BTreeMap<Key, Counts> = BTreeMap::new();
        let mut turns: BTreeMap<Key, BTreeSet<usize>> = BTreeMap::new();
        for (number, turn) in hour.turns.iter().enumerate() {
            for seen in &turn.calls {
                let probed_for_all = reached.get(&seen.call_id);
                let tenant = match probed_for_all {
                    Some(true) => None,
                    _ => Some(turn.tenant.to_string()),
                };
                let key = (tenant, seen.tool.to_string());
                let was_made = probed_for_all.is_some();
                let failed = was_made && seen.signal.is_some();
                let slow = was_made && hour.slow_over.is_some_and(|most| seen.took > most);
                let row = rows.entry(key.clone()).or_default();
                row.calls += u64::from(was_made);
                row.failed += u64::from(failed);
                row.slow += u64::from(slow);
                row.rejected += u64::from(!was_made);
                if failed || slow || !was_made {
                    turns.entry(key).or_default().insert(number);
                }
            }
        }
        rows.retain(|key, _| turns.contains_key(key));
        let mut of_tenants: BTreeMap<Option<String>, BTreeSet<usize>> = BTreeMap::new();
        for (key, numbers) in turns {
            if let Some(row) = rows.get_mut(&key) {
                row.turns = numbers.len() as u64;
            }
            of_tenants.entry(key.0).or_default().extend(numbers);
        }
        let count = |(tenant, turns): (_, BTreeSet<_>)| (tenant, turns.len() as u64);
        Self {
            rows,
            turns: of_tenants.into_iter().map(count).collect(),
        }
    }

    /// By what the registry says.
    pub(super) fn reported(hour: &Hour) -> Self {
        let rows = hour.impact.rows().iter().map(|row| {
            let counts = Counts {
                calls: row.counts.calls,
                failed: row.counts.failed,
                slow: row.counts.slow,
                rejected: row.counts.rejected,
                turns: row.counts.turns.count,
            };
            ((row.tenant.clone(), row.dependency.clone()), counts)
        });
        let tenants = hour.impact.per_tenant().into_iter();
        Self {
            rows: rows.collect(),
            turns: tenants
                .map(|sum| (sum.tenant, sum.counts.turns.count))
                .collect(),
        }
    }
}
