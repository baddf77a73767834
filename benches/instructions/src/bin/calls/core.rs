//! `acquire` and `record`.

use std::hint::black_box;

use tower_tenant_breaker::Outcome;

use crate::load::{ALL, Load, quiet};
use crate::row::Rows;
use crate::state::State;
use crate::world::succeed;

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
}
