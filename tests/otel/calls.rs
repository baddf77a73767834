use tower_tenant_breaker::{CircuitBreakerRegistry, Outcome, Policy};

use crate::{call, observe, open, policy, recover, search};

const CALLS: &str = "circuit_breaker.calls";

#[tokio::test(start_paused = true)]
async fn each_call_is_in_one_series_by_how_it_ended() {
    let (observed, search) = search(policy());
    for _ in 0..3 {
        call(&search, "acme", Outcome::Success);
    }
    call(&search, "acme", Outcome::throttled());
    call(&search, "acme", Outcome::Ignored);
    drop(search.acquire("acme").unwrap());
    open(&search, "acme");
    for _ in 0..4 {
        search.acquire("acme").unwrap_err();
    }
    let seen = observed.reader.collect();
    let calls = |outcome| seen.of_search(CALLS, &[("outcome", outcome)]).unwrap();
    let outcomes = [
        "success",
        "failure",
        "throttled",
        "ignored",
        "cancelled",
        "rejected",
    ];
    assert_eq!(outcomes.map(calls), [3.0, 2.0, 1.0, 1.0, 1.0, 4.0]);
    assert_eq!(seen.of(CALLS).count(), outcomes.len());
    assert_eq!(
        seen.of_search("agent.tool_call.blocked", &[]),
        Some(4.0),
        "the rejected ones by their own name"
    );
}

#[tokio::test(start_paused = true)]
async fn circuits_that_open_and_recover_are_counted_and_so_are_their_probes() {
    let (observed, search) = search(policy());
    for tenant in ["acme", "globex"] {
        open(&search, tenant);
    }
    recover(&search, "acme").await;
    call(&search, "globex", Outcome::failure());
    let seen = observed.reader.collect();
    let count = |name| seen.of_search(name, &[]).unwrap();
    assert_eq!(count("agent.circuit_breaker.open"), 3.0);
    assert_eq!(count("agent.circuit_breaker.recovery"), 1.0);
    let probes = |outcome| {
        let of = [("outcome", outcome)];
        seen.of_search("circuit_breaker.probes", &of).unwrap()
    };
    assert_eq!(["success", "failure"].map(probes), [1.0, 1.0]);
}

#[tokio::test(start_paused = true)]
async fn changes_are_told_by_the_new_state_and_why() {
    let (observed, search) = search(policy());
    open(&search, "acme");
    open(&search, "globex");
    recover(&search, "acme").await;
    search.circuit("initech").open().unwrap();
    let seen = observed.reader.collect();
    let of = |state, reason| {
        let further = [("state", state), ("reason", reason)];
        seen.of_search("circuit_breaker.transitions", &further)
    };
    assert_eq!(of("open", "consecutive_failures"), Some(2.0));
    assert_eq!(of("half_open", "period_over"), Some(1.0));
    assert_eq!(of("closed", "recovered"), Some(1.0));
    assert_eq!(of("open", "by_hand"), Some(1.0));
    assert_eq!(of("open", "failure_rate"), Some(0.0), "known to come");
}

#[tokio::test(start_paused = true)]
async fn calls_without_room_for_a_circuit_are_counted() {
    let registry = CircuitBreakerRegistry::builder().max_tenants(1);
    let observed = observe(registry.build().unwrap(), 0);
    let search = observed
        .registry
        .dependency_with("search", Policy::default());
    let search = search.unwrap();
    let held = search.acquire("acme").unwrap();
    for _ in 0..3 {
        call(&search, "globex", Outcome::Success);
    }
    drop(held);
    let seen = observed.reader.collect();
    assert_eq!(seen.of_search("circuit_breaker.overflow", &[]), Some(3.0));
}
