//! Which circuits a prober takes on at one look.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use tokio::task::yield_now;

use crate::Dependency;
use crate::circuit::{Circuit, OutageDemand, Wanted};

/// A circuit by how much it is wanted.
struct Candidate {
    wanted: Wanted,
    circuit: Circuit,
}

/// The circuits that are most wanted, those first that are so most, and `most` of them at most.
///
/// Lets other tasks run between two shards: the circuits may be many.
pub(super) async fn most_wanted(
    dependency: &Dependency,
    most: usize,
    outage: Option<OutageDemand>,
) -> Vec<Circuit> {
    let now = dependency.context().now();
    let mut best = Best::new(most);
    let mut look = |circuit: &Circuit| {
        let wanted = match outage {
            Some(outage) => circuit.wanted_in_outage(now, outage),
            None => circuit.wanted(now),
        };
        if let Some(wanted) = wanted {
            best.offer(wanted, circuit);
        }
    };
    dependency.shared_circuits().for_each(&mut look);
    let circuits = &dependency.inner.circuits;
    for shard in 0..circuits.shards() {
        circuits.for_each_in(shard, |circuit| circuit.may_be_wanted(outage), &mut look);
        yield_now().await;
    }
    best.into_circuits()
}

/// The best so far, the least of them on top.
struct Best {
    heap: BinaryHeap<Reverse<Candidate>>,
    most: usize,
}

impl Best {
    fn new(most: usize) -> Self {
        Self {
            heap: BinaryHeap::with_capacity(most),
            most,
        }
    }

    fn offer(&mut self, wanted: Wanted, circuit: &Circuit) {
        if self.heap.len() >= self.most {
            match self.heap.peek() {
                Some(Reverse(least)) if least.wanted < wanted => _ = self.heap.pop(),
                _ => return,
            }
        }
        let circuit = circuit.clone();
        self.heap.push(Reverse(Candidate { wanted, circuit }));
    }

    fn into_circuits(self) -> Vec<Circuit> {
        let sorted = self.heap.into_sorted_vec().into_iter();
        sorted.map(|Reverse(candidate)| candidate.circuit).collect()
    }
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        self.wanted.cmp(&other.wanted)
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.wanted == other.wanted
    }
}

impl Eq for Candidate {}
