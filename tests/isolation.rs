//! Tenants are told apart by their whole ids, and by nothing else (law 18).

use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitState, Dependency, Outcome, Overflow, Override, Policy, Probing,
    Rejection,
};

/// Names that mean something elsewhere, or might.
fn special() -> Vec<String> {
    let mut names: Vec<String> = [
        "default",
        "overflow",
        "shared",
        "missing",
        "none",
        "null",
        "anonymous",
        "unknown",
        "*",
        " ",
        "\"\"",
        "''",
        "\u{0}",
        "\u{0}\u{0}",
        "\n",
        "\u{feff}",
        "\u{200b}",
        "search",
        "without_tenant",
        "0",
        "-",
        "/",
        "..",
        "%00",
    ]
    .map(str::to_owned)
    .to_vec();
    names.push("x".repeat(255));
    names.push("x".repeat(256));
    names.push("\u{0}".repeat(256));
    names
}

fn policy() -> Policy {
    Policy::builder()
        .consecutive_failures(2)
        .overflow(Overflow::Shared)
        .build()
        .unwrap()
}

fn dependency(max_tenants: usize) -> Dependency {
    let registry = CircuitBreakerRegistry::builder();
    let registry = registry.max_tenants(max_tenants).build().unwrap();
    registry.dependency_with("search", policy()).unwrap()
}

fn trip(dependency: &Dependency, tenant: &str) {
    for _ in 0..2 {
        dependency
            .acquire(tenant)
            .unwrap()
            .record(Outcome::failure());
    }
    assert!(dependency.acquire(tenant).is_err(), "{tenant:?}");
}

#[tokio::test(start_paused = true)]
async fn no_tenant_shares_the_circuit_of_calls_without_a_tenant() {
    let search = dependency(1000);
    for _ in 0..2 {
        let permit = search.acquire_shared(Probing::Yes).unwrap();
        permit.record(Outcome::failure());
    }
    assert!(search.acquire_shared(Probing::Yes).is_err());
    for tenant in special() {
        search.acquire(&tenant).unwrap().record(Outcome::Success);
        assert_eq!(search.state(&tenant), CircuitState::Closed, "{tenant:?}");
    }
    assert_eq!(search.len(), special().len());
}

#[tokio::test(start_paused = true)]
async fn no_tenant_opens_the_circuit_of_calls_without_a_tenant() {
    let search = dependency(1000);
    for tenant in special() {
        trip(&search, &tenant);
        let permit = search.acquire_shared(Probing::Yes).unwrap();
        permit.record(Outcome::Ignored);
    }
}

#[tokio::test(start_paused = true)]
async fn no_tenant_shares_the_overflow_circuit_by_its_name() {
    let names = special();
    let search = dependency(names.len() + 1);
    let permits: Vec<_> = names
        .iter()
        .map(|tenant| search.acquire(tenant).unwrap())
        .collect();
    let _room = search.acquire("last").unwrap();
    trip(&search, "no room");
    for tenant in &names {
        assert_eq!(search.state(tenant), CircuitState::Closed, "{tenant:?}");
        search.acquire(tenant).unwrap().record(Outcome::Ignored);
    }
    drop(permits);
}

#[tokio::test(start_paused = true)]
async fn overrides_of_a_tenant_never_reach_the_circuits_that_several_share() {
    let registry = CircuitBreakerRegistry::builder();
    let registry = registry.max_tenants(1).build().unwrap();
    let search = registry.dependency_with("search", policy()).unwrap();
    let _room = search.acquire("resident").unwrap();
    for tenant in [""].into_iter().chain(special().iter().map(String::as_str)) {
        search.circuit(tenant).force_open("unpaid");
        registry.tenant(tenant).set(Override::ForcedOpen);
        let shared = search.acquire_shared(Probing::Yes).unwrap();
        shared.record(Outcome::Ignored);
        let overflow = search.acquire("no room").unwrap();
        overflow.record(Outcome::Ignored);
    }
}

#[tokio::test(start_paused = true)]
async fn ids_that_differ_in_one_byte_or_in_length_never_share_a_circuit() {
    let search = dependency(10_000);
    let long = "x".repeat(256);
    trip(&search, &long);
    for at in 0..256 {
        let mut other = long.clone();
        other.replace_range(at..=at, "y");
        search.acquire(&other).unwrap().record(Outcome::Success);
        if at > 0 {
            search
                .acquire(&long[..at])
                .unwrap()
                .record(Outcome::Success);
        }
    }
    assert_eq!(search.len(), 1 + 256 + 255);
    assert_eq!(search.open_circuits(), [long]);
}

#[tokio::test(start_paused = true)]
async fn ids_that_differ_in_their_last_bytes_never_share_a_circuit() {
    // So many, of one length that is no multiple of what is compared at a time, that some have the same mark in the map.
    let ids = |n: usize| format!("the same for all of them: {n:04}");
    let search = dependency(10_000);
    trip(&search, &ids(0));
    for n in 1..2_000 {
        search.acquire(&ids(n)).unwrap().record(Outcome::Success);
    }
    assert_eq!(search.len(), 2_000);
    assert_eq!(search.open_circuits(), [ids(0)]);
}

#[tokio::test(start_paused = true)]
async fn ids_are_compared_as_bytes_and_not_as_people_read_them() {
    let search = dependency(100);
    trip(&search, "caf\u{e9}");
    let alike = [
        "cafe\u{301}",
        "CAF\u{c9}",
        "caf\u{e9} ",
        " caf\u{e9}",
        "caf\u{e9}\u{0}",
    ];
    for other in alike {
        search.acquire(other).unwrap().record(Outcome::Success);
    }
    assert_eq!(search.len(), 1 + alike.len());
}

#[tokio::test(start_paused = true)]
async fn an_id_must_have_from_1_to_256_bytes() {
    let search = dependency(100);
    for (tenant, bytes) in [
        ("", 0),
        (&*"x".repeat(257), 257),
        (&*"\u{e9}".repeat(129), 258),
    ] {
        let rejection = search.acquire(tenant).unwrap_err();
        let Rejection::InvalidTenant(invalid) = rejection else {
            panic!("{rejection:?}");
        };
        assert_eq!((invalid.len(), invalid.is_empty()), (bytes, bytes == 0));
    }
    assert!(search.is_empty());
    search
        .acquire(&"\u{e9}".repeat(128))
        .unwrap()
        .record(Outcome::Success);
    assert_eq!(search.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_tenant_is_a_different_one_in_each_dependency() {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let search = registry.dependency_with("search", policy()).unwrap();
    let pay = registry.dependency_with("pay", policy()).unwrap();
    trip(&search, "acme");
    pay.acquire("acme").unwrap().record(Outcome::Success);
    assert_eq!(pay.state("acme"), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn minted_ids_cannot_get_another_tenant_rejected() {
    let registry = CircuitBreakerRegistry::builder()
        .max_tenants(50)
        .build()
        .unwrap();
    let policy = Policy::builder().consecutive_failures(2).build().unwrap();
    let search = registry.dependency_with("search", policy).unwrap();
    search.acquire("resident").unwrap().record(Outcome::Success);
    for n in 0..5_000 {
        let minted = format!("minted {n}");
        for _ in 0..4 {
            if let Ok(permit) = search.acquire(&minted) {
                permit.record(Outcome::failure());
            }
        }
        search.acquire("resident").unwrap().record(Outcome::Success);
        // An honest newcomer, too late for a circuit of its own.
        let newcomer = format!("newcomer {n}");
        search.acquire(&newcomer).unwrap().record(Outcome::Success);
    }
    assert_eq!(search.len(), 50);
    assert_eq!(search.state("resident"), CircuitState::Closed);
}
