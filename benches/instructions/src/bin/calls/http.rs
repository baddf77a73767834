//! The tower service whose answers are HTTP responses, judged by `DefaultClassify`.

use std::future::{Pending, pending};
use std::hint::black_box;

use http::{Request, Response, StatusCode};
use tower::{BoxError, Layer, service_fn};
use tower_tenant_breaker::http::{HeaderTenant, problem_response};
use tower_tenant_breaker::{
    CircuitOpen, MissingReason, OnMissingTenant, TenantCircuitBreakerLayer, tenant_fn,
};

use crate::drive::{Call, drive, give_up, http as driven};
use crate::load::{ALL, ONE, quiet};
use crate::row::Rows;
use crate::state::State;
use crate::world::succeed;

// As the requests of the other services, so that the difference is the judgement alone.
macro_rules! layer {
    ($search:expr) => {
        TenantCircuitBreakerLayer::new($search.clone(), tenant_fn(|call: &Call| Ok(call.0.into())))
    };
}
pub(crate) use layer;

fn with_status(status: StatusCode) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = status;
    response
}

fn unavailable(_: &CircuitOpen) -> Response<()> {
    with_status(StatusCode::SERVICE_UNAVAILABLE)
}

fn unauthorized(_: BoxError) -> Response<()> {
    with_status(StatusCode::UNAUTHORIZED)
}

pub fn count(rows: &Rows<'_>) {
    let quiet = &quiet(ALL);
    rows.row("closed", ALL, State::Closed, |calls| {
        let mut service = layer!(calls.search).layer(driven::inner());
        calls.each(|tenant| {
            black_box(drive(&mut service, Call(tenant))).unwrap();
        });
    });
    rows.row("closed, `HeaderTenant`", ALL, State::Closed, |calls| {
        let header = HeaderTenant::new(driven::TENANT);
        let layer = TenantCircuitBreakerLayer::new(calls.search.clone(), header);
        let mut service = layer.layer(driven::echo::<Request<()>>());
        calls.each_with(driven::request, |request| {
            black_box(drive(&mut service, request)).unwrap().into_body()
        });
    });
    rows.row("half-open", quiet, State::HalfOpen, |calls| {
        let mut service = layer!(calls.search).layer(driven::inner());
        calls.each(|tenant| {
            black_box(drive(&mut service, Call(tenant))).unwrap();
        });
    });
    rows.row("rejected, with a response", quiet, State::Open, |calls| {
        let mut service = layer!(calls.search)
            .respond_with(unavailable)
            .layer(driven::inner());
        calls.each(|tenant| {
            black_box(drive(&mut service, Call(tenant))).unwrap();
        });
    });
    rows.row(
        "rejected, with `problem_response`",
        quiet,
        State::Open,
        |calls| {
            let inner = tower::util::MapResponse::new(driven::inner(), |response: Response<()>| {
                response.map(|()| String::new())
            });
            let mut service = layer!(calls.search)
                .respond_with(problem_response::<String>)
                .layer(inner);
            calls.each(|tenant| {
                black_box(drive(&mut service, Call(tenant))).unwrap();
            });
        },
    );
    // Polled once, then dropped. After five in a row they would be failures.
    rows.row("cancelled", ALL, State::Cancelled, |calls| {
        let silent = service_fn(|_: Call| -> Pending<Result<Response<()>, BoxError>> { pending() });
        let mut service = layer!(calls.search).layer(silent);
        calls.each_and_between(
            |tenant| give_up(&mut service, tenant),
            |tenant| succeed(calls.search, tenant),
        );
    });
    count_missing(rows);
}

/// No circuit is looked for: how many there are makes no difference.
fn count_missing(rows: &Rows<'_>) {
    let missing = [
        ("missing tenant, unguarded", OnMissingTenant::RunUnguarded),
        (
            "missing tenant, shared circuit",
            OnMissingTenant::ShareCircuit,
        ),
        (
            "missing tenant, rejected with a response",
            OnMissingTenant::Reject,
        ),
    ];
    for (name, then) in missing {
        rows.row(name, &[ONE], State::Shared, |calls| {
            let nobody = tenant_fn(|_: &Call| Err(MissingReason::Absent.into()));
            let mut service = TenantCircuitBreakerLayer::new(calls.search.clone(), nobody)
                .on_missing_tenant(then)
                .respond_to_error(unauthorized)
                .layer(driven::inner());
            let is_ok = then != OnMissingTenant::Reject;
            calls.each(|tenant| {
                let response = black_box(drive(&mut service, Call(tenant))).unwrap();
                assert_eq!(response.status().is_success(), is_ok);
            });
        });
    }
}
