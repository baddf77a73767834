//! Since when, of signals that belong to no tools: by the system's clock.

use std::time::{Duration, SystemTime};

use tower_tenant_breaker::agent::{DegradationSignal, Tool, Tools};

use crate::registry;

#[test]
fn without_tools_too_a_signal_says_since_the_same_moment() {
    let search = registry().dependency("search").unwrap();
    search.force_open("maintenance");
    let rejection = search.acquire("acme").unwrap_err();
    let signal = DegradationSignal::from(rejection.circuit_open().unwrap());
    let since = signal.since().unwrap();
    for _ in 0..10_000 {
        assert_eq!(signal.since(), Some(since));
    }
    let now = SystemTime::now();
    let apart = now
        .duration_since(since)
        .unwrap_or_else(|error| error.duration());
    assert!(apart < Duration::from_secs(600));
}

#[test]
fn tools_that_are_declared_twice_end_at_one_moment() {
    let registry = registry();
    let declare = || Tools::builder(&registry).tool(Tool::new("search")).build();
    let before = declare().unwrap();
    let search = registry.get("search").unwrap();
    search.force_open_for("maintenance", Duration::from_secs(3_600));
    for _ in 0..1_000 {
        let after = declare().unwrap();
        assert_eq!(after.unavailable("acme"), before.unavailable("acme"));
    }
}
