//! Since when the dependency is unavailable to a tenant, as its rejections say.

use std::time::Duration;

use tokio::time::{Instant, advance};
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitOpen, CircuitState, Dependency, OutagePolicy, Outcome, Override,
    Policy, PolicyBuilder, Probing, Reason,
};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);

fn search(policy: PolicyBuilder) -> Dependency {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let policy = policy.consecutive_failures(1).build().unwrap();
    registry.dependency_with("search", policy).unwrap()
}

fn rejected(search: &Dependency, tenant: &str, probing: Probing) -> CircuitOpen {
    let rejection = search.acquire_barred(tenant, probing).unwrap_err();
    rejection.circuit_open().unwrap().clone()
}

#[tokio::test(start_paused = true)]
async fn a_circuit_that_opens_again_is_unavailable_since_it_first_opened() {
    let search = search(Policy::builder());
    advance(SECOND).await;
    let broke_at = Instant::now();
    search.acquire("acme").unwrap().record(Outcome::failure());
    assert_eq!(
        rejected(&search, "acme", Probing::Yes).since(),
        Some(broke_at)
    );

    advance(HOUR).await;
    search.acquire("acme").unwrap().record(Outcome::failure());
    let open = rejected(&search, "acme", Probing::Yes);
    assert_eq!(
        (open.reason(), open.since()),
        (Reason::ProbeFailed, Some(broke_at))
    );

    advance(HOUR).await;
    let barred = rejected(&search, "acme", Probing::No);
    assert_eq!(
        (barred.reason(), barred.since()),
        (Reason::Barred, Some(broke_at))
    );
    let probe = search.acquire("acme").unwrap();
    assert_eq!(
        rejected(&search, "acme", Probing::No).since(),
        Some(broke_at)
    );
    probe.record(Outcome::Success);
    search.acquire("acme").unwrap().record(Outcome::Success);
    assert_eq!(search.state("acme"), CircuitState::Closed);

    // Another time is another time; what was said before stays said.
    advance(SECOND).await;
    let broke_again = Instant::now();
    search.acquire("acme").unwrap().record(Outcome::failure());
    assert_eq!(
        rejected(&search, "acme", Probing::Yes).since(),
        Some(broke_again)
    );
    assert_eq!(open.since(), Some(broke_at));
}

#[tokio::test(start_paused = true)]
async fn under_an_override_it_is_since_that_was_set() {
    let search = search(Policy::builder());
    search.acquire("acme").unwrap().record(Outcome::failure());
    advance(SECOND).await;
    let forced_at = Instant::now();
    search.set_for(Override::ForcedOpen, HOUR);
    advance(SECOND).await;
    for tenant in ["acme", "a newcomer"] {
        let forced = rejected(&search, tenant, Probing::Yes);
        assert_eq!(
            (forced.reason(), forced.since()),
            (Reason::Forced, Some(forced_at))
        );
    }
}

#[tokio::test(start_paused = true)]
async fn in_an_outage_it_is_since_that_began() {
    let outage = OutagePolicy::default().min_tenants(2).newcomers(true);
    let search = search(Policy::builder().outage(outage));
    search.acquire("acme").unwrap().record(Outcome::failure());
    advance(SECOND).await;
    let began = Instant::now();
    search.acquire("globex").unwrap().record(Outcome::failure());
    assert!(search.outage().is_some());
    // A failed probe opens it again, which is no other outage.
    advance(HOUR).await;
    search.acquire("acme").unwrap().record(Outcome::failure());
    for tenant in ["acme", "globex", "a newcomer"] {
        let open = rejected(&search, tenant, Probing::Yes);
        assert_eq!(
            (open.reason(), open.since()),
            (Reason::Outage, Some(began)),
            "{tenant}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn of_calls_that_only_calls_in_the_air_stand_in_the_way_of_nobody_knows() {
    let search = search(Policy::builder().max_in_flight(1));
    let _permit = search.acquire("acme").unwrap();
    let saturated = rejected(&search, "acme", Probing::Yes);
    assert_eq!(
        (saturated.reason(), saturated.since()),
        (Reason::Saturated, None)
    );
}

#[tokio::test(start_paused = true)]
async fn a_circuit_that_begins_open_is_unavailable_since_it_began() {
    let search = search(Policy::builder().initial_state(CircuitState::Open));
    advance(SECOND).await;
    let began = Instant::now();
    for _ in 0..2 {
        let open = rejected(&search, "acme", Probing::Yes);
        assert_eq!(
            (open.reason(), open.since()),
            (Reason::Initial, Some(began))
        );
        advance(SECOND).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_circuit_that_begins_half_open_is_unavailable_since_it_first_opens() {
    let search = search(Policy::builder().initial_state(CircuitState::HalfOpen));
    let probe = search.acquire("acme").unwrap();
    let barred = rejected(&search, "acme", Probing::No);
    assert_eq!((barred.reason(), barred.since()), (Reason::Barred, None));
    advance(SECOND).await;
    let broke_at = Instant::now();
    probe.record(Outcome::failure());
    assert_eq!(
        rejected(&search, "acme", Probing::Yes).since(),
        Some(broke_at)
    );
}
