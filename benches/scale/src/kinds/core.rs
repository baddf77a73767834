//! Calls of the core.

use std::hint::black_box;

use tower_tenant_breaker::{Dependency, Outcome};

use super::drive::{Calls, TwoOfThree, each, once};
use crate::setup::Tenants;

const ADMITTED: &str = "the circuit admits";

/// Recorded as a success.
pub(super) fn closed(search: &Dependency, tenants: Tenants) -> Calls {
    let search = search.clone();
    each(tenants, move |tenant| {
        search
            .acquire(tenant)
            .expect(ADMITTED)
            .record(black_box(Outcome::Success))
    })
}

pub(super) fn rejected(search: &Dependency, tenants: Tenants) -> Calls {
    let search = search.clone();
    each(tenants, move |tenant| {
        drop(black_box(search.acquire(tenant)).expect_err("it is open"))
    })
}

/// Recorded as ignored: the place is given back, and the circuit stays as it is.
pub(super) fn half_open(search: &Dependency, tenants: Tenants) -> Calls {
    let search = search.clone();
    each(tenants, move |tenant| {
        let permit = search.acquire(tenant).expect(ADMITTED);
        assert!(permit.is_probe(), "half-open");
        permit.record(black_box(Outcome::Ignored));
    })
}

pub(super) fn cancelled(search: &Dependency, tenants: Tenants) -> Calls {
    let search = search.clone();
    let mut turn = TwoOfThree::default();
    each(tenants, move |tenant| {
        let permit = search.acquire(tenant).expect(ADMITTED);
        if turn.hangs() {
            drop(black_box(permit));
        } else {
            permit.record(black_box(Outcome::Success));
        }
    })
}

pub(super) fn new(search: &Dependency, tenants: Tenants) -> Calls {
    let search = search.clone();
    once(tenants, move |tenant| {
        search
            .acquire(tenant)
            .expect(ADMITTED)
            .record(black_box(Outcome::Success))
    })
}
