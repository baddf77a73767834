//! What a call can be: to a bare service, to the core, to the service in a layer, and to one that answers HTTP.

mod bare;
mod core;
mod drive;

use std::hint::black_box;

use http::{Response, StatusCode};
use tower::{BoxError, Layer};
use tower_tenant_breaker::http::HttpClassify;
use tower_tenant_breaker::{
    CircuitOpen, Dependency, ErrIsFailure, MissingReason, MissingTenant, Outcome, Tenant,
    TenantCircuitBreakerLayer, tenant_fn,
};

use self::bare::{bare_number, bare_page, hang, maybe_number, maybe_page, number, page};
use self::drive::{Call, Calls, drive, each, once};
use crate::setup::{State, Tenants};

/// One kind of call.
pub struct Kind {
    pub name: &'static str,
    pub state: State,
    /// Prepares its calls, by these tenants in turn.
    pub calls: fn(&Dependency, Tenants) -> Calls,
    /// Prepares the same calls without a circuit.
    pub bare: fn(Tenants) -> Calls,
    /// Whether it matters whose calls they are.
    pub has_tenant: bool,
}

/// Borrowed from the request.
fn by(call: &Call) -> Result<Tenant<'_>, MissingTenant> {
    Ok(call.tenant.into())
}

fn absent(_: &Call) -> Result<Tenant<'_>, MissingTenant> {
    Err(MissingReason::Absent.into())
}

/// Calls of a service in a layer: who calls, how it is judged and answered, what is within, and how a call ends.
macro_rules! layered {
    ($each:ident, $tenant:expr, [$($judged:tt)*], $inner:expr, $ended:pat) => {
        |search, tenants| {
            let layer = TenantCircuitBreakerLayer::new(search.clone(), tenant_fn($tenant)) $($judged)*;
            let mut service = layer.layer($inner);
            $each(tenants, move |tenant| {
                let ended = black_box(drive(&mut service, Call::of(tenant)));
                assert!(matches!(ended, $ended), "ended otherwise");
            })
        }
    };
}

/// Whatever came of it, so that the circuit stays as it is.
fn ignored(_: Result<&u32, &BoxError>) -> Outcome {
    Outcome::Ignored
}

fn unavailable(_: &CircuitOpen) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    response
}

const fn kind(
    name: &'static str,
    state: State,
    calls: fn(&Dependency, Tenants) -> Calls,
    bare: fn(Tenants) -> Calls,
) -> Kind {
    Kind {
        name,
        state,
        calls,
        bare,
        has_tenant: true,
    }
}

pub const CLOSED_CORE: Kind = kind("closed, core", State::Closed, core::closed, bare_number);

pub const CLOSED_SERVICE: Kind = kind(
    "closed, service",
    State::Closed,
    layered!(each, by, [.classify(ErrIsFailure)], number(), Some(Ok(_))),
    bare_number,
);

pub const CLOSED_HTTP: Kind = kind(
    "closed, HTTP",
    State::Closed,
    layered!(each, by, [], page(), Some(Ok(_))),
    bare_page,
);

pub const REJECTED_CORE: Kind = kind("rejected, core", State::Open, core::rejected, bare_number);

pub const REJECTED_RESPONSE: Kind = kind(
    "rejected, service with a response",
    State::Open,
    layered!(each, by, [.classify(ErrIsFailure).respond_with(|_: &CircuitOpen| 503)], number(), Some(Ok(503))),
    bare_number,
);

pub const HALF_OPEN_CORE: Kind = kind(
    "half-open, core",
    State::HalfOpen,
    core::half_open,
    bare_number,
);

/// In the order of the table.
pub const ALL: [Kind; 18] = [
    CLOSED_CORE,
    CLOSED_SERVICE,
    CLOSED_HTTP,
    REJECTED_CORE,
    kind(
        "rejected, service with an error",
        State::Open,
        layered!(each, by, [.classify(ErrIsFailure)], number(), Some(Err(_))),
        bare_number,
    ),
    REJECTED_RESPONSE,
    kind(
        "rejected, HTTP with a response",
        State::Open,
        layered!(each, by, [.respond_with(unavailable)], page(), Some(Ok(_))),
        bare_page,
    ),
    HALF_OPEN_CORE,
    kind(
        "half-open, service",
        State::HalfOpen,
        layered!(each, by, [.classify(ignored)], number(), Some(Ok(_))),
        bare_number,
    ),
    kind(
        "half-open, HTTP",
        State::HalfOpen,
        layered!(each, by, [.classify(HttpClassify::new().ignored_on(StatusCode::OK))], page(), Some(Ok(_))),
        bare_page,
    ),
    kind(
        "cancelled, core",
        State::Closed,
        core::cancelled,
        |tenants| hang(tenants, maybe_number()),
    ),
    kind(
        "cancelled, service",
        State::Closed,
        |search, tenants| {
            let layer = TenantCircuitBreakerLayer::new(search.clone(), tenant_fn(by));
            hang(tenants, layer.classify(ErrIsFailure).layer(maybe_number()))
        },
        |tenants| hang(tenants, maybe_number()),
    ),
    kind(
        "cancelled, HTTP",
        State::Closed,
        |search, tenants| {
            let layer = TenantCircuitBreakerLayer::new(search.clone(), tenant_fn(by));
            hang(tenants, layer.layer(maybe_page()))
        },
        |tenants| hang(tenants, maybe_page()),
    ),
    Kind {
        has_tenant: false,
        ..kind(
            "missing tenant, service",
            State::None,
            layered!(each, absent, [.classify(ErrIsFailure)], number(), Some(Ok(_))),
            bare_number,
        )
    },
    Kind {
        has_tenant: false,
        ..kind(
            "missing tenant, HTTP",
            State::None,
            layered!(each, absent, [], page(), Some(Ok(_))),
            bare_page,
        )
    },
    kind("new tenant, core", State::None, core::new, bare_number),
    kind(
        "new tenant, service",
        State::None,
        layered!(once, by, [.classify(ErrIsFailure)], number(), Some(Ok(_))),
        bare_number,
    ),
    kind(
        "new tenant, HTTP",
        State::None,
        layered!(once, by, [], page(), Some(Ok(_))),
        bare_page,
    ),
];

impl Kind {
    /// Whether each tenant calls once alone, and so each thread needs many.
    pub fn is_once(&self) -> bool {
        self.has_tenant && self.state == State::None
    }
}
