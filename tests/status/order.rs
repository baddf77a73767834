//! The order of the dependencies, and how many are told.

use super::*;

#[tokio::test(start_paused = true)]
async fn the_worst_dependencies_come_first_and_the_rest_is_counted() {
    let registry = registry();
    for n in 0..205 {
        declare(&registry, &format!("tool {n:03}"), policy());
    }
    let get = |n: usize| registry.get(&format!("tool {n:03}")).unwrap();
    get(203).force_open("maintenance");
    for (n, healthy) in [(150, 1), (201, 3)] {
        trip(&get(n), "acme");
        for tenant in 0..healthy {
            succeed(&get(n), &format!("tenant {tenant}"));
        }
    }
    // Admits everybody: that is no harm.
    get(204).set(tower_tenant_breaker::Override::Disabled);
    let status = StatusService::new(registry);
    let seen = Reader::of(&status).await.wait_for("overview").await;
    let rows = seen["dependencies"].as_array().unwrap();
    let names: Vec<_> = rows
        .iter()
        .map(|row| row["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names[..5],
        ["tool 203", "tool 150", "tool 201", "tool 000", "tool 001"]
    );
    assert_eq!((names.len(), &seen["left_out"]), (200, &5.into()));
    assert!(!names.contains(&"tool 204"));
}
