//! The tower service, with an extractor that borrows a field.

use std::future::{Pending, pending};
use std::hint::black_box;

use tower::{BoxError, Layer, service_fn};
use tower_tenant_breaker::{
    CircuitOpen, ErrIsFailure, MissingReason, OnMissingTenant, TenantCircuitBreakerLayer, tenant_fn,
};

use crate::drive::{Call, drive, give_up, inner};
use crate::load::{ALL, Load, ONE, quiet};
use crate::row::Rows;
use crate::state::State;
use crate::world::succeed;

// A macro, since a function could not name its type.
macro_rules! layer {
    ($search:expr) => {
        TenantCircuitBreakerLayer::new($search.clone(), tenant_fn(|call: &Call| Ok(call.0.into())))
            .classify(ErrIsFailure)
    };
}
pub(crate) use layer;

/// The calls that are counted again while the circuits are watched.
pub fn count(rows: &Rows<'_>, loads: &[Load]) {
    let quiet = &quiet(loads);
    rows.row("closed", loads, State::Closed, |calls| {
        let mut service = layer!(calls.search).layer(inner());
        calls.each(|tenant| {
            black_box(drive(&mut service, Call(tenant))).unwrap();
        });
    });
    rows.row("rejected, with a response", quiet, State::Open, |calls| {
        let mut service = layer!(calls.search)
            .respond_with(|_: &CircuitOpen| 503)
            .layer(inner());
        calls.each(|tenant| {
            black_box(drive(&mut service, Call(tenant))).unwrap();
        });
    });
    rows.row("rejected, with an error", quiet, State::Open, |calls| {
        let mut service = layer!(calls.search).layer(inner());
        calls.each(|tenant| {
            black_box(drive(&mut service, Call(tenant))).unwrap_err();
        });
    });
}

pub fn count_more(rows: &Rows<'_>) {
    let quiet = &quiet(ALL);
    rows.row("half-open", quiet, State::HalfOpen, |calls| {
        let mut service = layer!(calls.search).layer(inner());
        calls.each(|tenant| {
            black_box(drive(&mut service, Call(tenant))).unwrap();
        });
    });
    // Polled once, then dropped. After five in a row they would be failures.
    rows.row("cancelled", ALL, State::Cancelled, |calls| {
        let silent = service_fn(|_: Call| -> Pending<Result<u32, BoxError>> { pending() });
        let mut service = layer!(calls.search).layer(silent);
        calls.each_and_between(
            |tenant| give_up(&mut service, tenant),
            |tenant| succeed(calls.search, tenant),
        );
    });

    // No circuit is looked for: how many there are makes no difference.
    let missing = [
        ("missing tenant, unguarded", OnMissingTenant::RunUnguarded),
        (
            "missing tenant, shared circuit",
            OnMissingTenant::ShareCircuit,
        ),
        (
            "missing tenant, rejected with an error",
            OnMissingTenant::Reject,
        ),
    ];
    for (name, then) in missing {
        rows.row(name, &[ONE], State::Shared, |calls| {
            let nobody = tenant_fn(|_: &Call| Err(MissingReason::Absent.into()));
            let mut service = TenantCircuitBreakerLayer::new(calls.search.clone(), nobody)
                .classify(ErrIsFailure)
                .on_missing_tenant(then)
                .layer(inner());
            let is_ok = then != OnMissingTenant::Reject;
            calls.each(|tenant| {
                let result = black_box(drive(&mut service, Call(tenant)));
                assert_eq!(result.is_ok(), is_ok);
            });
        });
    }
}
