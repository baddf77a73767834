//! tower-resilience's circuit breaker, which knows of no keys: one service per tenant in a map that grows.
//!
//! Ours is the map. One layer makes all services, and so they share its settings; each `layer_fn` has a circuit of its
//! own. A service is cloned out of the map, as tower's `call` wants it for itself and a shard's lock must not be held while
//! calls wait.

use std::sync::Arc;

use dashmap::DashMap;
use tower::Service;
use tower_resilience_circuitbreaker::{
    CircuitBreaker, CircuitBreakerError, CircuitBreakerLayer, DefaultClassifier,
};

use super::About;
use crate::breaker::{Breaker, Trips};
use crate::call::{Answer, Call, Failed, Inner, ready};

pub(super) const ABOUT: About = About {
    name: "DashMap {} + tower-resilience-circuitbreaker {}",
    packages: &["dashmap", "tower-resilience-circuitbreaker"],
    percentile: "as a share of slow calls, off by default",
};

#[derive(Clone)]
pub(super) struct InDashMap {
    by_tenant: Arc<DashMap<String, CircuitBreaker<Inner, DefaultClassifier>>>,
    layer: CircuitBreakerLayer,
}

pub(super) fn make(trips: Trips) -> InDashMap {
    let layer = CircuitBreakerLayer::builder();
    let layer = match trips {
        Trips::ByDefault => layer,
        Trips::AtOnce(period) => layer
            .sliding_window_size(1)
            .minimum_number_of_calls(1)
            .wait_duration_in_open(period),
    };
    InDashMap {
        by_tenant: Arc::default(),
        layer: layer.build().expect("within bounds"),
    }
}

impl Breaker for InDashMap {
    type Error = CircuitBreakerError<Failed>;

    fn call(
        &mut self,
        tenant: &'static str,
        answer: Answer,
    ) -> impl Future<Output = Result<u32, Self::Error>> {
        let known = self.by_tenant.get(tenant).map(|service| service.clone());
        let mut service = known.unwrap_or_else(|| {
            let vacant = self.by_tenant.entry(tenant.to_owned());
            vacant.or_insert_with(|| self.layer.layer_fn(Inner)).clone()
        });
        ready(&mut service);
        service.call(Call { tenant, answer })
    }

    fn is_rejected(result: &Result<u32, Self::Error>) -> bool {
        matches!(result, Err(CircuitBreakerError::OpenCircuit))
    }
}
