//! The policy of dependencies that have none of their own, which may change while calls go on.

use tower_tenant_breaker::{CircuitBreakerRegistry, CircuitState, Outcome, Policy};

fn policy(failures: u32) -> Policy {
    Policy::builder()
        .consecutive_failures(failures)
        .build()
        .unwrap()
}

fn registry() -> CircuitBreakerRegistry {
    let builder = CircuitBreakerRegistry::builder();
    builder.default_policy(policy(7)).build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn it_holds_for_dependencies_that_there_are_and_for_those_to_come() {
    let registry = registry();
    let search = registry.dependency("search").unwrap();
    assert_eq!(*search.policy(), policy(7));
    registry.set_default_policy(policy(2));
    assert_eq!(*search.policy(), policy(2));
    assert_eq!(*registry.dependency("mail").unwrap().policy(), policy(2));
    for _ in 0..2 {
        search.acquire("acme").unwrap().record(Outcome::failure());
    }
    assert_eq!(search.state("acme"), CircuitState::Open);
    registry.clear_default_policy();
    assert_eq!(*registry.default_policy(), policy(7));
    assert_eq!(*search.policy(), policy(7));
}

#[tokio::test(start_paused = true)]
async fn not_for_those_that_have_a_policy_of_their_own_until_they_go_back_to_it() {
    let registry = registry();
    let declared = registry.dependency_with("declared", policy(5)).unwrap();
    let replaced = registry.dependency("replaced").unwrap();
    replaced.set_policy(policy(4));
    registry.set_default_policy(policy(2));
    assert_eq!(*declared.policy(), policy(5));
    assert_eq!(*replaced.policy(), policy(4));
    replaced.clear_policy();
    assert_eq!(*replaced.policy(), policy(2));
    registry.set_default_policy(policy(3));
    assert_eq!(*replaced.policy(), policy(3));
}

#[tokio::test(start_paused = true)]
async fn who_declares_a_dependency_with_the_policy_that_it_has_keeps_that() {
    let registry = registry();
    let search = registry.dependency("search").unwrap();
    registry.dependency_with("search", policy(7)).unwrap();
    registry.set_default_policy(policy(2));
    assert_eq!(*search.policy(), policy(7));
}

#[tokio::test(start_paused = true)]
async fn a_declared_dependency_goes_back_to_what_it_was_declared_with() {
    let registry = registry();
    let search = registry.dependency_with("search", policy(5)).unwrap();
    search.set_policy(policy(4));
    search.clear_policy();
    assert_eq!(*search.policy(), policy(5));
    registry.set_default_policy(policy(2));
    assert_eq!(*search.policy(), policy(5));
}

#[tokio::test(start_paused = true)]
async fn one_that_is_declared_after_its_first_use_goes_back_to_its_declaration() {
    let registry = registry();
    registry.dependency("search").unwrap();
    let search = registry.dependency_with("search", policy(7)).unwrap();
    search.set_policy(policy(3));
    registry.set_default_policy(policy(2));
    search.clear_policy();
    assert_eq!(*search.policy(), policy(7));
}

#[tokio::test(start_paused = true)]
async fn who_declares_what_was_the_default_once_is_told_of_the_other() {
    let registry = registry();
    registry.dependency("search").unwrap();
    registry.set_default_policy(policy(3));
    assert!(registry.dependency_with("search", policy(7)).is_err());
    assert!(registry.dependency_with("search", policy(3)).is_ok());
}

#[tokio::test(start_paused = true)]
async fn who_declares_again_with_what_holds_leaves_the_first_declaration() {
    let registry = registry();
    let search = registry.dependency_with("search", policy(1)).unwrap();
    search.set_policy(policy(2));
    registry.dependency_with("search", policy(2)).unwrap();
    search.set_policy(policy(3));
    registry.dependency_with("search", policy(1)).unwrap();
    search.clear_policy();
    assert_eq!(*search.policy(), policy(1));
}
