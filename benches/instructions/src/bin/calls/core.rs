//! `acquire` and `record`.

use std::hint::black_box;
use std::thread;

use gauge::callgrind;
use tower_tenant_breaker::{CircuitBreakerRegistry, Outcome};

use crate::load::{ALL, Load, ONE, quiet};
use crate::row::Rows;
use crate::state::{BEYOND_A_STRETCH, State};
use crate::world::{id, succeed};

/// The calls that are counted again while the circuits are watched.
pub fn count(rows: &Rows<'_>, loads: &[Load]) {
    let quiet = &quiet(loads);
    rows.row("closed", loads, State::Closed, |calls| {
        calls.each(|tenant| {
            let permit = calls.search.acquire(tenant).unwrap();
            permit.record(black_box(Outcome::Success));
        });
    });
    rows.row("rejected", quiet, State::Open, |calls| {
        calls.each(|tenant| {
            black_box(calls.search.acquire(tenant)).unwrap_err();
        });
    });
}

pub fn count_more(rows: &Rows<'_>) {
    let quiet = &quiet(ALL);
    rows.row("half-open", quiet, State::HalfOpen, |calls| {
        calls.each(|tenant| {
            let permit = calls.search.acquire(tenant).unwrap();
            permit.record(black_box(Outcome::Success));
        });
    });
    // After five in a row they would be failures.
    rows.row("cancelled", ALL, State::Cancelled, |calls| {
        calls.each_and_between(
            |tenant| drop(black_box(calls.search.acquire(tenant).unwrap())),
            |tenant| succeed(calls.search, tenant),
        );
    });
    rows.row(
        "closed, second latency rule",
        ALL,
        State::TwoRules,
        |calls| {
            calls.each(|tenant| {
                let permit = calls.search.acquire(tenant).unwrap();
                permit.record(black_box(Outcome::Success));
            });
        },
    );
    let first = "closed, first of a stretch of time";
    rows.row(first, &[ONE], State::ShortStretches, |calls| {
        calls.each_after(wait, |tenant| succeed(calls.search, tenant));
    });
    count_in_turn(rows, "closed, two dependencies in turn", 2);
    count_in_turn(rows, "closed, eight dependencies in turn", 8);
}

#[expect(
    clippy::disallowed_methods,
    reason = "what is waited for is the clock of the calls, which is that of the machine"
)]
fn wait() {
    thread::sleep(BEYOND_A_STRETCH);
}

/// The calls of one tenant to several dependencies, one after the other, as one thread of a gateway makes them.
fn count_in_turn(rows: &Rows<'_>, name: &str, dependencies: usize) {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let declare = |number| {
        let name = format!("search {number}");
        registry
            .dependency_with(&name, State::Closed.policy())
            .unwrap()
    };
    let all: Vec<_> = (0..dependencies).map(declare).collect();
    let tenant = &*id(0);
    for _ in 0..=ONE.warm {
        all.iter().for_each(|search| succeed(search, tenant));
    }
    for times in [1, 2] {
        let calls = ONE.calls * dependencies * times;
        callgrind::count(|| {
            for search in all.iter().cycle().take(calls) {
                succeed(search, black_box(tenant));
            }
        });
        rows.tell(name, ONE.name, calls);
    }
}
