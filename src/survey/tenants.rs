//! The few tenants that are told by name.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::DependencySurvey;
use crate::CircuitState;
use crate::circuit::{Circuit, Reading};

/// How many tenants are told by name, and which.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TenantSeries {
    /// In all dependencies together.
    pub(crate) most: usize,
    /// Whether those too whose ids are made of credentials.
    pub(crate) of_credentials: bool,
}

/// One tenant that is told by name.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TenantReading {
    pub(crate) tenant: String,
    /// Of its circuit.
    pub(crate) state: CircuitState,
    /// The share of its calls that was rejected in the last one to two minutes.
    pub(crate) rejected_share: f64,
}

/// The worst tenants of a dependency.
#[derive(Debug)]
pub(super) struct Worst {
    series: TenantSeries,
    /// The least bad of them is on top.
    kept: BinaryHeap<Reverse<Row>>,
    candidates: usize,
}

/// A tenant by how bad it is off.
#[derive(Debug)]
struct Row {
    /// Whether its circuit is not closed.
    is_shut: bool,
    rejected_share: f64,
    /// Of two that are as bad off, the one that has been for longer is worse.
    shut_since: Reverse<u64>,
    state: CircuitState,
    circuit: Circuit,
}

impl TenantSeries {
    /// Takes from each dependency what is more than its share: everybody's worst comes before anybody's second.
    pub(super) fn share_out(self, dependencies: &mut [DependencySurvey]) {
        let mut kept = vec![0; dependencies.len()];
        let mut left = self.most;
        for rank in 0..self.most {
            for (kept, dependency) in kept.iter_mut().zip(dependencies.iter()) {
                if left > 0 && dependency.tenants.len() > rank {
                    *kept += 1;
                    left -= 1;
                }
            }
            if left == 0 {
                break;
            }
        }
        for (kept, dependency) in kept.into_iter().zip(dependencies) {
            dependency.left_out += dependency.tenants.len().saturating_sub(kept);
            dependency.tenants.truncate(kept);
        }
    }
}

impl Worst {
    pub(super) fn new(series: TenantSeries) -> Self {
        Self {
            series,
            kept: BinaryHeap::new(),
            candidates: 0,
        }
    }

    /// Takes the tenant in, if it is down or turned away, and worse off than others.
    pub(super) fn offer(&mut self, circuit: &Circuit, reading: &Reading) {
        let is_shut = reading.state != CircuitState::Closed;
        let is_candidate = !reading.is_idle && (is_shut || reading.rejected_share > 0.0);
        if !is_candidate {
            return;
        }
        self.candidates += 1;
        let is_told = self.series.of_credentials || !is_of_credential(circuit.id());
        if !is_told || self.series.most == 0 {
            return;
        }
        let row = Row {
            is_shut,
            rejected_share: reading.rejected_share,
            shut_since: Reverse(reading.shut_since.unwrap_or(u64::MAX)),
            state: reading.state,
            circuit: circuit.clone(),
        };
        self.kept.push(Reverse(row));
        if self.kept.len() > self.series.most {
            self.kept.pop();
        }
    }

    /// The worst first, and how many there are beside them.
    pub(super) fn into_readings(self) -> (Vec<TenantReading>, usize) {
        let rows = self.kept.into_sorted_vec();
        let left_out = self.candidates - rows.len();
        let readings = rows.into_iter().filter_map(|Reverse(row)| {
            Some(TenantReading {
                tenant: row.circuit.tenant()?.to_owned(),
                state: row.state,
                rejected_share: row.rejected_share,
            })
        });
        (readings.collect(), left_out)
    }
}

/// Whether the id has the form of those that are made of credentials: 32 lower-case hexadecimal digits. Other ids of that
/// form are taken for such too.
fn is_of_credential(id: &[u8]) -> bool {
    let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    id.len() == 32 && id.iter().all(is_digit)
}

impl Row {
    fn key(&self) -> (bool, f64, Reverse<u64>) {
        (self.is_shut, self.rejected_share, self.shut_since)
    }
}

impl PartialEq for Row {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Row {}

impl PartialOrd for Row {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Row {
    /// The worse is the greater; of equals the one whose id comes first, so that the choice does not jump about.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let (is_shut, share, since) = self.key();
        let (other_shut, other_share, other_since) = other.key();
        is_shut
            .cmp(&other_shut)
            .then_with(|| share.total_cmp(&other_share))
            .then_with(|| since.cmp(&other_since))
            .then_with(|| other.circuit.id().cmp(self.circuit.id()))
    }
}
