use super::*;

/// A map with room for one circuit.
fn cramped() -> (CircuitBreakerRegistry, Dependency) {
    let registry = builder(impact()).max_tenants(1).build().unwrap();
    let search = declare(&registry, "search", patient());
    (registry, search)
}

#[tokio::test(start_paused = true)]
async fn a_circuit_that_makes_room_leaves_its_calls() {
    let (registry, search) = cramped();
    succeed(&search, "acme", 10);
    fail(&search, "acme", 1);
    succeed(&search, "acme", 10);
    pass(2 * WINDOW).await;
    succeed(&search, "globex", 50);
    assert!(search.circuit("acme").snapshot().is_none(), "it went");
    assert_eq!(listed(&registry), [(12, "acme".to_owned(), 21, 1)]);
}

#[tokio::test(start_paused = true)]
async fn the_next_circuit_of_a_tenant_goes_on_in_its_row() {
    let (registry, search) = cramped();
    fail(&search, "acme", 1);
    succeed(&search, "acme", 4);
    for _ in 0..3 {
        pass(2 * WINDOW).await;
        succeed(&search, "globex", 1);
        pass(2 * WINDOW).await;
        succeed(&search, "acme", 5);
        fail(&search, "acme", 1);
    }
    assert_eq!(listed(&registry), [(12, "acme".to_owned(), 23, 4)]);
}

#[tokio::test(start_paused = true)]
async fn a_circuit_that_goes_hours_later_leaves_its_calls_to_their_hour() {
    let (registry, search) = cramped();
    fail(&search, "acme", 1);
    succeed(&search, "acme", 4);
    pass(3 * HOUR).await;
    succeed(&search, "globex", 1);
    fail(&search, "globex", 1);
    let rows = listed(&registry);
    assert_eq!(
        rows,
        [
            (12, "acme".to_owned(), 5, 1),
            (15, "globex".to_owned(), 2, 1)
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_forgotten_circuit_leaves_its_calls_too() {
    let registry = builder(impact()).max_tenants(1).build().unwrap();
    let search = declare(&registry, "search", strict());
    succeed(&search, "acme", 4);
    fail(&search, "acme", 3);
    pass(20 * MINUTE).await;
    succeed(&search, "globex", 1);
    assert_eq!(search.snapshot().forgotten, 1);
    assert_eq!(listed(&registry), [(12, "acme".to_owned(), 7, 3)]);
}
