//! How many tenants call, and how often.

use std::hint::black_box;

use gauge::callgrind;
use tower_tenant_breaker::Dependency;

/// Tenants that call in turn. Each count is made of so many calls, and again of twice as many.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// The column of the table.
    pub name: &'static str,
    /// Who have a circuit.
    pub tenants: usize,
    /// Who of them call.
    pub callers: usize,
    /// Calls of each of these that come before.
    pub warm: usize,
    pub calls: usize,
}

// A circuit keeps a histogram from 100 calls in its window on. Fewer of them, the counted ones included, make a quiet
// tenant, more a busy one. At every tenth call it looks whether it is to: so each caller makes ten calls or a multiple of
// them, and the looks are in every column, each with its tenth.
pub const ONE: Load = Load {
    name: "1",
    tenants: 1,
    callers: 1,
    warm: 10,
    calls: 20,
};
pub const BUSY: Load = Load {
    name: "1 busy",
    warm: 1_000,
    calls: 1_000,
    ..ONE
};
pub const THOUSAND: Load = Load {
    name: "1,000",
    tenants: 1_000,
    callers: 1_000,
    warm: 10,
    calls: 10_000,
};
/// Each row has callers of its own: what calls of one row leave in a circuit is not what the next one counts.
pub const HUNDRED_THOUSAND: Load = Load {
    name: "100,000",
    tenants: 100_000,
    callers: 2_000,
    warm: 10,
    calls: 20_000,
};

pub const ALL: &[Load] = &[ONE, BUSY, THOUSAND, HUNDRED_THOUSAND];
/// While somebody watches, who would have to look at 100,000 tenants before each count.
pub const WATCHED: &[Load] = &[ONE, BUSY, THOUSAND];

/// Those of the loads where a histogram is not written to.
pub fn quiet(loads: &[Load]) -> Vec<Load> {
    let loads = loads.iter().copied();
    loads.filter(|load| load.name != BUSY.name).collect()
}

/// The calls that are to be counted now.
#[derive(Debug)]
pub struct Calls<'a> {
    pub search: &'a Dependency,
    pub callers: &'a [&'static str],
    pub calls: usize,
    /// Once as many, or twice.
    pub times: usize,
}

impl Calls<'_> {
    /// Counts the calls, the callers in turn.
    pub fn each(&self, mut call: impl FnMut(&'static str)) {
        let calls = self.calls * self.times;
        callgrind::count(|| {
            for tenant in self.callers.iter().cycle().take(calls) {
                call(black_box(tenant));
            }
        });
    }

    /// The same, where each call takes something with it that was made before, and gives it back.
    pub fn each_with<T>(&self, make: impl FnMut(&'static str) -> T, mut call: impl FnMut(T) -> T) {
        let made = self.callers.iter().copied().map(make);
        let mut made: Vec<Option<T>> = made.map(Some).collect();
        let turns = self.calls / self.callers.len() * self.times;
        callgrind::count(|| {
            for _ in 0..turns {
                for with in &mut made {
                    *with = with.take().map(|with| call(black_box(with)));
                }
            }
        });
    }

    /// The same, where something that is not counted comes before each call.
    pub fn each_after(&self, mut before: impl FnMut(), mut call: impl FnMut(&'static str)) {
        let mut callers = self.callers.iter().cycle();
        // Always as many counts, the last of them perhaps of nothing: to begin and to end one takes instructions, too.
        for number in 0..2 * self.calls {
            let caller = callers.next().filter(|_| number < self.calls * self.times);
            before();
            callgrind::count(|| {
                if let Some(tenant) = caller {
                    call(black_box(tenant));
                }
            });
        }
    }

    /// The same, where a circuit is to see one such call between others, or two in a row where they are twice as many:
    /// so what is counted is the second of two. What comes between them is not counted.
    pub fn each_and_between(
        &self,
        mut call: impl FnMut(&'static str),
        mut between: impl FnMut(&'static str),
    ) {
        let turn = self.callers.len();
        for _ in 0..self.calls / turn {
            callgrind::count(|| {
                for tenant in self.callers.iter().cycle().take(turn * self.times) {
                    call(black_box(tenant));
                }
            });
            self.callers.iter().for_each(|tenant| between(tenant));
        }
    }
}
