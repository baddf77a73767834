//! tower-resilience's circuit breaker, which knows of no keys: one service in front of everything, or one on each route.
//!
//! By time, since its window by count never slides. Each `layer_fn` has a circuit of its own; its clones share it.

use std::convert::Infallible;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use tower::util::BoxCloneSyncService;
use tower::{BoxError, ServiceExt, service_fn};
use tower_resilience_circuitbreaker::{
    CircuitBreakerError, CircuitBreakerLayer, CircuitState, FailureClassifier, SlidingWindowType,
};

use crate::gateway::{Proxy, own, to_error};
use crate::openings::Openings;
use crate::scenario::{DEPENDENCIES, MIN_CALLS_OF_ALL, OPEN, PROBES, THRESHOLD, WINDOW};

type Answer = Response<Body>;

pub(super) fn shared(share: f64, proxy: Proxy, openings: &Openings) -> Result<Router, BoxError> {
    Ok(Router::new().fallback_service(circuit(share, proxy, openings)?))
}

pub(super) fn per_dependency(
    share: f64,
    proxy: &Proxy,
    openings: &Openings,
) -> Result<Router, BoxError> {
    DEPENDENCIES
        .into_iter()
        .try_fold(Router::new(), |router, name| {
            let circuit = circuit(share, proxy.clone(), openings)?;
            Ok(router.route_service(&format!("/{name}"), circuit))
        })
}

fn circuit(
    share: f64,
    proxy: Proxy,
    openings: &Openings,
) -> Result<BoxCloneSyncService<Request<Body>, Answer, Infallible>, BoxError> {
    let openings = openings.clone();
    let layer = CircuitBreakerLayer::builder()
        .sliding_window_type(SlidingWindowType::TimeBased)
        .sliding_window_duration(WINDOW)
        .minimum_number_of_calls(MIN_CALLS_OF_ALL)
        .failure_rate_threshold(share)
        .slow_call_duration_threshold(THRESHOLD)
        .slow_call_rate_threshold(share)
        .wait_duration_in_open(OPEN)
        .permitted_calls_in_half_open(PROBES as usize)
        .failure_classifier_type(ByStatus)
        .on_state_transition(move |_, to| {
            if to == CircuitState::Open {
                openings.note(None);
            }
        })
        .build()?;
    // Boxed before it is called: the future of what is behind it names a box of its own.
    let guarded: BoxCloneSyncService<_, _, CircuitBreakerError<BoxError>> =
        BoxCloneSyncService::new(layer.layer_fn(proxy));
    let answering = service_fn(move |request| {
        let answered = guarded.clone().oneshot(request);
        async move {
            Ok(answered.await.unwrap_or_else(|error| match error {
                CircuitBreakerError::OpenCircuit => own(StatusCode::SERVICE_UNAVAILABLE),
                CircuitBreakerError::Inner(error) => to_error(&error),
            }))
        }
    });
    Ok(BoxCloneSyncService::new(answering))
}

/// Generic in the error: one that names a box is refused as "not general enough" where its future is to be sent.
#[derive(Clone)]
struct ByStatus;

impl<E> FailureClassifier<Answer, E> for ByStatus {
    fn classify(&self, result: &Result<Answer, E>) -> bool {
        let status = result.as_ref().map(Response::status);
        status.map_or(true, |status| status.is_server_error())
    }
}
