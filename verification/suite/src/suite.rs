//! The tests of the core that need neither sockets nor an allocator of their own, as one program.
//!
//! A mutant changes the library, and whatever is linked against it is linked anew: one program here rather than fifty.

#![allow(
    clippy::duplicate_mod,
    reason = "each was a program of its own, with what it shares in it"
)]

#[path = "../../../tests/barred.rs"]
mod barred;
#[path = "../../../tests/by_hand.rs"]
mod by_hand;
#[path = "../../../tests/cancelled.rs"]
mod cancelled;
#[path = "../../../tests/clock.rs"]
mod clock;
#[path = "../../../tests/concurrency.rs"]
mod concurrency;
#[path = "../../../tests/default_policy.rs"]
mod default_policy;
#[path = "../../../tests/events/main.rs"]
mod events;
#[path = "../../../tests/eviction.rs"]
mod eviction;
#[path = "../../../tests/fallback.rs"]
mod fallback;
#[path = "../../../tests/half_open.rs"]
mod half_open;
#[path = "../../../tests/hints.rs"]
mod hints;
#[path = "../../../tests/impact/main.rs"]
mod impact;
#[path = "../../../tests/isolation.rs"]
mod isolation;
#[path = "../../../tests/latency.rs"]
mod latency;
#[path = "../../../tests/live_policy.rs"]
mod live_policy;
#[path = "../../../tests/max_in_flight.rs"]
mod max_in_flight;
#[path = "../../../tests/middleware.rs"]
mod middleware;
#[path = "../../../tests/observer.rs"]
mod observer;
#[path = "../../../tests/open.rs"]
mod open;
#[path = "../../../tests/outage/main.rs"]
mod outage;
#[path = "../../../tests/overflow.rs"]
mod overflow;
#[path = "../../../tests/overrides/main.rs"]
mod overrides;
#[path = "../../../tests/panics.rs"]
mod panics;
#[path = "../../../tests/percentiles.rs"]
mod percentiles;
#[path = "../../../tests/plain_calls/main.rs"]
mod plain_calls;
#[path = "../../../tests/policies/main.rs"]
mod policies;
#[path = "../../../tests/policy.rs"]
mod policy;
#[path = "../../../tests/quota/main.rs"]
mod quota;
#[path = "../../../tests/ramp.rs"]
mod ramp;
#[path = "../../../tests/reference_model.rs"]
mod reference_model;
#[path = "../../../tests/registry.rs"]
mod registry;
#[path = "../../../tests/respond.rs"]
mod respond;
#[path = "../../../tests/seeing/main.rs"]
mod seeing;
#[path = "../../../tests/since.rs"]
mod since;
#[path = "../../../tests/snapshot.rs"]
mod snapshot;
#[path = "../../../tests/stragglers.rs"]
mod stragglers;
#[path = "../../../tests/tenant_extractors.rs"]
mod tenant_extractors;
#[path = "../../../tests/to_builder.rs"]
mod to_builder;
#[path = "../../../tests/totals.rs"]
mod totals;
#[path = "../../../tests/transition_durations.rs"]
mod transition_durations;
#[path = "../../../tests/tripping.rs"]
mod tripping;
#[path = "../../../tests/unruly_observer.rs"]
mod unruly_observer;
#[path = "../../../tests/window.rs"]
mod window;
