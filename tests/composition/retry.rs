//! `Retry`: with a policy that retries nothing it changes nothing, on either side. What it does once it retries is in
//! `composition_retry.rs`.

use tower::ServiceBuilder;
use tower_tenant_breaker::retry::RespectCircuit;

use crate::layer;
use crate::stubborn::Stubborn;

mod inside {
    use super::*;

    promises! {
        all: |printer, inner| ServiceBuilder::new()
            .layer(layer(printer))
            .retry(Stubborn::new(0))
            .service(inner)
    }
}

mod outside {
    use super::*;

    promises! {
        all: |printer, inner| ServiceBuilder::new()
            .retry(RespectCircuit::new(Stubborn::new(0)))
            .layer(layer(printer))
            .service(inner)
    }
}
