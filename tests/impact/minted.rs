//! Ids that somebody makes up.

use super::*;

fn mint(search: &Dependency, ids: std::ops::Range<u32>) {
    ids.for_each(|id| fail(search, &format!("minted {id}"), 1));
}

fn known(search: &Dependency, tenant: &str) {
    succeed(search, tenant, 1);
    fail(search, tenant, 1);
}

fn of(registry: &CircuitBreakerRegistry, begin: &str) -> usize {
    let rows = listed(registry).into_iter();
    rows.filter(|row| row.1.starts_with(begin)).count()
}

#[tokio::test(start_paused = true)]
async fn minted_tenants_take_no_row_of_a_known_one() {
    let registry = registry(impact().max_rows(10));
    let search = declare(&registry, "search", patient());
    (0..6).for_each(|n| known(&search, &format!("known {n}")));
    pass(HOUR).await;
    // Not from an hour that has more rows, either.
    mint(&search, 0..100);
    assert_eq!((of(&registry, "known"), of(&registry, "minted")), (6, 4));
    assert_eq!(registry.impact().hours()[1].unlisted, 96);
}

#[tokio::test(start_paused = true)]
async fn a_known_tenant_takes_the_place_of_a_minted_one() {
    let registry = registry(impact().max_rows(10));
    let search = declare(&registry, "search", patient());
    mint(&search, 0..100);
    (0..7).for_each(|n| known(&search, &format!("known {n}")));
    assert_eq!((of(&registry, "known"), of(&registry, "minted")), (7, 3));
    (7..20).for_each(|n| known(&search, &format!("known {n}")));
    assert_eq!((of(&registry, "known"), of(&registry, "minted")), (10, 0));
}

#[tokio::test(start_paused = true)]
async fn minted_tenants_share_what_is_left_by_the_hour() {
    let registry = registry(impact().max_rows(10));
    let search = declare(&registry, "search", patient());
    mint(&search, 0..100);
    pass(HOUR).await;
    mint(&search, 0..100);
    let report = registry.impact();
    let rows: Vec<_> = report.hours().iter().map(|hour| hour.rows).collect();
    assert_eq!(rows, [5, 5]);
}

#[tokio::test(start_paused = true)]
async fn a_newcomer_whose_call_succeeds_is_known_from_then_on() {
    let registry = registry(impact().max_rows(2));
    let search = declare(&registry, "search", patient());
    fail(&search, "acme", 1);
    fail(&search, "globex", 1);
    known(&search, "acme");
    known(&search, "initech");
    let rows = listed(&registry).into_iter();
    let tenants: Vec<_> = rows.map(|row| row.1).collect();
    assert_eq!(tenants, ["acme", "initech"]);
    known(&search, "umbrella");
    assert_eq!(of(&registry, "umbrella"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_tenant_whose_circuit_has_made_room_is_a_newcomer_until_a_call_of_it_succeeds() {
    let registry = builder(impact().max_rows(10))
        .max_tenants(5)
        .build()
        .unwrap();
    let search = declare(&registry, "search", patient());
    succeed(&search, "acme", 1_000);
    for circuits in [0..5, 5..10] {
        // Those before are idle by then, and make room.
        pass(2 * WINDOW).await;
        mint(&search, circuits);
    }
    pass(2 * WINDOW).await;
    fail(&search, "acme", 20);
    assert_eq!(of(&registry, "acme"), 0);
    assert_eq!(
        registry.impact().hours()[0].unlisted,
        20,
        "the report says so"
    );
    known(&search, "acme");
    assert_eq!(of(&registry, "acme"), 1);
    // It has lost the failures before, but not the calls.
    let rows = listed(&registry);
    assert!(rows.contains(&(12, "acme".to_owned(), 22, 1)), "{rows:?}");
}
