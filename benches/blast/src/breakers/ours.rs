//! Ours: a circuit for each tenant and dependency.

use axum::Router;
use axum::body::Body;
use axum::http::Response;
use tower::{BoxError, Layer};
use tower_tenant_breaker::http::{HeaderTenant, error_response, problem_response};
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitOpen, CircuitState, Event, EventKind, LatencyRule, OpenPeriod,
    Policy, PolicyBuilder, PolicyError, TenantCircuitBreakerLayer,
};

use crate::gateway::Proxy;
use crate::openings::Openings;
use crate::scenario::{
    DEPENDENCIES, HEADER, IN_A_ROW, MAX_IN_FLIGHT, MIN_CALLS, OPEN, PROBES, THRESHOLD, WINDOW,
    tenant,
};

pub(super) fn policy(share: f64) -> Result<Policy, PolicyError> {
    builder(share).build()
}

pub(super) fn bounded(share: f64) -> Result<Policy, PolicyError> {
    builder(share).max_in_flight(MAX_IN_FLIGHT).build()
}

fn builder(share: f64) -> PolicyBuilder {
    Policy::builder()
        .window(WINDOW)
        .failure_threshold(IN_A_ROW)
        .failure_rate(share)
        .min_calls(MIN_CALLS)
        .consecutive_failures(IN_A_ROW)
        // A tenth is slow where what nine of ten take is over the threshold.
        .latency(LatencyRule::quantile(1.0 - share, THRESHOLD).min_calls(MIN_CALLS))
        .open_for(OpenPeriod::fixed(OPEN))
        .half_open_max_calls(PROBES)
        .success_threshold(PROBES)
}

pub(super) fn guard(
    policy: Policy,
    proxy: &Proxy,
    openings: &Openings,
) -> Result<Router, BoxError> {
    let openings = openings.clone();
    let registry = CircuitBreakerRegistry::builder()
        .observer(move |event: &Event<'_>| note(event, &openings))
        .build()?;
    DEPENDENCIES
        .into_iter()
        .try_fold(Router::new(), |router, name| {
            let dependency = registry.dependency_with(name, policy.clone())?;
            let layer = TenantCircuitBreakerLayer::new(dependency, HeaderTenant::new(HEADER))
                .respond_with(rejected)
                .respond_to_error(error_response);
            Ok(router.route_service(&format!("/{name}"), layer.layer(proxy.clone())))
        })
}

fn rejected(open: &CircuitOpen) -> Response<Body> {
    problem_response(open)
}

fn note(event: &Event<'_>, openings: &Openings) {
    if let EventKind::Transition {
        to: CircuitState::Open,
        ..
    } = event.kind
    {
        openings.note(event.tenant.and_then(tenant));
    }
}
