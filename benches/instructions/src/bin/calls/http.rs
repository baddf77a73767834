//! The tower service whose answers are HTTP responses, judged by `DefaultClassify`.

use std::hint::black_box;

use http::{Request, Response, StatusCode};
use tower::Layer;
use tower_tenant_breaker::http::{HeaderTenant, problem_response};
use tower_tenant_breaker::{CircuitOpen, TenantCircuitBreakerLayer, tenant_fn};

use crate::drive::{Call, drive, http as driven};
use crate::load::{ALL, quiet};
use crate::row::Rows;
use crate::state::State;

// As the requests of the other services, so that the difference is the judgement alone.
macro_rules! layer {
    ($search:expr) => {
        TenantCircuitBreakerLayer::new($search.clone(), tenant_fn(|call: &Call| Ok(call.0.into())))
    };
}

fn unavailable(_: &CircuitOpen) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    response
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
}
