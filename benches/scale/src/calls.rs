//! Every kind of call, to a bare service, on one thread and on two; and closed ones of many tenants.

use std::time::Duration;

use gauge::pairs::{Pairs, Spent, on_threads};

use crate::args::Part;
use crate::kinds::{ALL, CLOSED_CORE, CLOSED_HTTP, CLOSED_SERVICE, Kind};
use crate::report::Row;
use crate::setup::{Tenants, dependency, tenants};

/// How long a run lasts.
pub const RUN: Duration = Duration::from_millis(10);

/// More tenants than call for the first time in a run.
const NEWCOMERS: usize = 60_000;

/// More than one tenant: few enough for the processor's caches, and too many for them.
const MANY: [(usize, &str); 2] = [(1_000, "1,000 tenants"), (100_000, "100,000 tenants")];

/// Whose calls the threads make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// All of them those of the first so many tenants.
    Same(usize),
    /// Each those of so many tenants, which no other thread calls.
    Own(usize),
}

impl Whose {
    pub fn of(self, thread: usize) -> Tenants {
        match self {
            Self::Same(many) => tenants(0, many),
            Self::Own(many) => tenants(thread * many, many),
        }
    }

    fn all(self, threads: usize) -> Tenants {
        match self {
            Self::Same(many) => tenants(0, many),
            Self::Own(many) => tenants(0, threads * many),
        }
    }
}

/// A run of these calls. The circuits are new, and lie in other shards each time: their hashes have a random key.
pub fn run(kind: &Kind, threads: usize, whose: Whose, histograms: usize) -> Spent {
    let search = dependency(kind.state, whose.all(threads), histograms);
    on_threads(threads, RUN, |thread| {
        (kind.calls)(&search, whose.of(thread))
    })
}

fn bare(kind: &Kind, threads: usize, whose: Whose) -> Spent {
    on_threads(threads, RUN, |thread| (kind.bare)(whose.of(thread)))
}

pub fn measure(pairs: &Pairs) -> Vec<Row> {
    let mut rows = Vec::new();
    for kind in ALL {
        let each = if kind.is_once() { NEWCOMERS } else { 1 };
        compare(pairs, &kind, kind.name, each, &mut rows);
    }
    for (many, in_words) in MANY {
        for kind in [CLOSED_CORE, CLOSED_SERVICE, CLOSED_HTTP] {
            let name = format!("{}, {in_words}", kind.name);
            compare(pairs, &kind, &name, many, &mut rows);
        }
    }
    rows
}

/// Calls of so many tenants: on two threads both of all of them, or each of as many of its own. Of many, each has half: as
/// many circuits as one thread has, and so as many that are in no cache.
fn compare(pairs: &Pairs, kind: &Kind, name: &str, tenants: usize, rows: &mut Vec<Row>) {
    for (on, threads, whose) in [
        ("one thread", 1, Whose::Own(tenants)),
        ("two threads, same tenants", 2, Whose::Same(tenants)),
        (
            "two threads, own tenants",
            2,
            Whose::Own(tenants.div_ceil(2)),
        ),
    ] {
        // A tenant is new to one of two threads alone, and calls without one are nobody's.
        let means_something = match (threads, whose) {
            (1, _) => true,
            (_, Whose::Same(_)) => !kind.is_once(),
            (_, Whose::Own(_)) => kind.has_tenant,
        };
        if means_something {
            let compared = pairs.compare(
                threads,
                || bare(kind, threads, whose),
                || run(kind, threads, whose, 0),
            );
            rows.push(Row::new(Part::Calls, name, on, compared));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{MANY, Whose, run};
    use crate::kinds::{CLOSED_CORE, CLOSED_HTTP, CLOSED_SERVICE};

    #[test]
    fn calls_of_many_tenants_are_admitted_whosever_they_are() {
        for kind in [CLOSED_CORE, CLOSED_SERVICE, CLOSED_HTTP] {
            for (many, _) in MANY {
                for whose in [Whose::Same(many), Whose::Own(many)] {
                    assert!(
                        run(&kind, 2, whose, 0).calls > 0,
                        "{}, {whose:?}",
                        kind.name
                    );
                }
            }
        }
    }
}
