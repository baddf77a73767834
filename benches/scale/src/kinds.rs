//! What a call can be: to a bare service, to the core, to the service in a layer, and to one that answers HTTP.

use std::future::{Ready, ready};
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use http::{Response, StatusCode};
use tower::{BoxError, Layer, Service, service_fn};
use tower_tenant_breaker::http::HttpClassify;
use tower_tenant_breaker::{
    CircuitOpen, Dependency, ErrIsFailure, MissingReason, MissingTenant, Outcome, Tenant,
    TenantCircuitBreakerLayer, tenant_fn,
};

use crate::setup::{State, Tenants};

/// Makes some calls, and says how many; none where none are left.
pub type Calls = Box<dyn FnMut() -> u64>;

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

/// A request that is nothing but its tenant, and whether it is answered at all.
struct Call {
    tenant: &'static str,
    hangs: bool,
}

impl Call {
    fn of(tenant: &'static str) -> Self {
        Self {
            tenant,
            hangs: false,
        }
    }
}

/// Whether a call hangs and is cancelled: two of three do. A success ends the run of cancelled ones, which would count as
/// failures from the fifth on, whoever of two threads cancels them.
#[derive(Default)]
struct TwoOfThree(u8);

impl TwoOfThree {
    fn hangs(&mut self) -> bool {
        self.0 = if self.0 == 2 { 0 } else { self.0 + 1 };
        self.0 != 0
    }
}

/// How many calls are made between two looks at the time.
const AT_ONCE: usize = 60;

/// By each tenant in turn, over and over.
fn each(tenants: Tenants, mut call: impl FnMut(&'static str) + 'static) -> Calls {
    let mut next = 0;
    Box::new(move || {
        for _ in 0..AT_ONCE {
            call(black_box(tenants[next]));
            next = if next + 1 == tenants.len() {
                0
            } else {
                next + 1
            };
        }
        AT_ONCE as u64
    })
}

/// By each tenant once.
fn once(tenants: Tenants, mut call: impl FnMut(&'static str) + 'static) -> Calls {
    let mut left = tenants.iter();
    Box::new(move || {
        let some = left.len().min(AT_ONCE);
        left.by_ref()
            .take(some)
            .for_each(|tenant| call(black_box(tenant)));
        some as u64
    })
}

/// One call as an executor drives it, to the end. None where there is something to wait for; then the call is dropped.
fn drive<S: Service<Call>>(service: &mut S, call: Call) -> Option<Result<S::Response, S::Error>> {
    let mut task = Context::from_waker(Waker::noop());
    let Poll::Ready(Ok(())) = service.poll_ready(&mut task) else {
        panic!("the service is always ready");
    };
    match pin!(service.call(call)).poll(&mut task) {
        Poll::Ready(result) => Some(result),
        Poll::Pending => None,
    }
}

type Answer<T> = Ready<Result<T, BoxError>>;

fn number() -> impl Service<Call, Response = u32, Error = BoxError, Future = Answer<u32>> + Clone {
    service_fn(|_: Call| ready(Ok(black_box(200))))
}

fn page()
-> impl Service<Call, Response = Response<()>, Error = BoxError, Future = Answer<Response<()>>> + Clone
{
    service_fn(|_: Call| ready(Ok(Response::new(()))))
}

fn bare_number(tenants: Tenants) -> Calls {
    let mut service = number();
    each(tenants, move |tenant| {
        drop(black_box(drive(&mut service, Call::of(tenant))))
    })
}

fn bare_page(tenants: Tenants) -> Calls {
    let mut service = page();
    each(tenants, move |tenant| {
        drop(black_box(drive(&mut service, Call::of(tenant))))
    })
}

/// Answers, or hangs.
#[derive(Clone)]
struct Maybe<T>(Option<T>);

impl<T: Unpin> Future for Maybe<T> {
    type Output = Result<T, BoxError>;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        self.0
            .take()
            .map_or(Poll::Pending, |answer| Poll::Ready(Ok(answer)))
    }
}

fn maybe_number()
-> impl Service<Call, Response = u32, Error = BoxError, Future = Maybe<u32>> + Clone {
    service_fn(|call: Call| Maybe((!call.hangs).then(|| black_box(200))))
}

fn maybe_page()
-> impl Service<Call, Response = Response<()>, Error = BoxError, Future = Maybe<Response<()>>> + Clone
{
    service_fn(|call: Call| Maybe((!call.hangs).then(|| Response::new(()))))
}

/// Two of three hang, and are dropped.
fn hang<S: Service<Call> + 'static>(tenants: Tenants, mut service: S) -> Calls {
    let mut turn = TwoOfThree::default();
    each(tenants, move |tenant| {
        let hangs = turn.hangs();
        let ended = black_box(drive(&mut service, Call { tenant, hangs }));
        assert!(matches!(ended, Some(Ok(_))) != hangs, "ended otherwise");
    })
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

const ADMITTED: &str = "the circuit admits";

/// Recorded as a success.
fn core_closed(search: &Dependency, tenants: Tenants) -> Calls {
    let search = search.clone();
    each(tenants, move |tenant| {
        search
            .acquire(tenant)
            .expect(ADMITTED)
            .record(black_box(Outcome::Success))
    })
}

fn core_rejected(search: &Dependency, tenants: Tenants) -> Calls {
    let search = search.clone();
    each(tenants, move |tenant| {
        drop(black_box(search.acquire(tenant)).expect_err("it is open"))
    })
}

/// Recorded as ignored: the place is given back, and the circuit stays as it is.
fn core_half_open(search: &Dependency, tenants: Tenants) -> Calls {
    let search = search.clone();
    each(tenants, move |tenant| {
        let permit = search.acquire(tenant).expect(ADMITTED);
        assert!(permit.is_probe(), "half-open");
        permit.record(black_box(Outcome::Ignored));
    })
}

fn core_cancelled(search: &Dependency, tenants: Tenants) -> Calls {
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

fn core_new(search: &Dependency, tenants: Tenants) -> Calls {
    let search = search.clone();
    once(tenants, move |tenant| {
        search
            .acquire(tenant)
            .expect(ADMITTED)
            .record(black_box(Outcome::Success))
    })
}

/// What is judged a success of a number, and of a page.
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

pub const CLOSED_CORE: Kind = kind("closed, core", State::Closed, core_closed, bare_number);

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

pub const REJECTED_CORE: Kind = kind("rejected, core", State::Open, core_rejected, bare_number);

pub const REJECTED_RESPONSE: Kind = kind(
    "rejected, service with a response",
    State::Open,
    layered!(each, by, [.classify(ErrIsFailure).respond_with(|_: &CircuitOpen| 503)], number(), Some(Ok(503))),
    bare_number,
);

pub const HALF_OPEN_CORE: Kind = kind(
    "half-open, core",
    State::HalfOpen,
    core_half_open,
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
        core_cancelled,
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
    kind("new tenant, core", State::None, core_new, bare_number),
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
