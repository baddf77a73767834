//! What a file changes where it is applied, alone or in the place of another.

use std::sync::Arc;

use tower_tenant_breaker::{Applied, Change, CircuitState, Policies, Policy};

use super::{built, fail, policies, registry};

fn policy(failures: u32) -> Policy {
    built(Policy::builder().consecutive_failures(failures))
}

/// A file in which these dependencies trip at so many failures in a row.
fn file(dependencies: &[(&str, u32)]) -> Policies {
    let table = |(name, failures): &(&str, u32)| {
        format!("[dependencies.{name}]\nconsecutive_failures = {failures}\n")
    };
    policies(&dependencies.iter().map(table).collect::<String>())
}

fn with_tenants(tenants: &[(&str, u32)]) -> Policies {
    let table = |(tenant, failures): &(&str, u32)| {
        format!("[dependencies.search.tenants.{tenant}]\nconsecutive_failures = {failures}\n")
    };
    policies(&format!(
        "[dependencies.search]\n{}",
        tenants.iter().map(table).collect::<String>()
    ))
}

fn log(applied: &Applied) -> Vec<String> {
    applied.changes().iter().map(ToString::to_string).collect()
}

#[tokio::test(start_paused = true)]
async fn dependencies_that_are_new_are_declared_and_policies_that_differ_are_set() {
    let registry = registry();
    let mail = registry.dependency_with("mail", Policy::default()).unwrap();
    let other = registry.dependency_with("other", policy(7)).unwrap();
    let applied = file(&[("search", 3), ("mail", 4)]).apply(&registry);
    assert_eq!(*registry.get("search").unwrap().policy(), policy(3));
    assert_eq!(*mail.policy(), policy(4));
    assert_eq!(
        *other.policy(),
        policy(7),
        "a file that does not name it leaves it alone"
    );
    assert_eq!(
        log(&applied),
        [
            "\"mail\": consecutive_failures: 5 -> 4",
            "\"search\" declared",
            "\"search\": consecutive_failures: 5 -> 3",
        ]
    );
    let Change::Policy { dependency, fields } = &applied.changes()[0] else {
        panic!("{applied:?}");
    };
    assert_eq!((dependency.as_str(), fields.len()), ("mail", 1));
    assert_eq!(
        (fields[0].name, &*fields[0].from, &*fields[0].to),
        ("consecutive_failures", "5", "4")
    );
}

#[tokio::test(start_paused = true)]
async fn a_dependency_of_a_file_takes_no_place_of_those_created_on_first_use() {
    let builder = tower_tenant_breaker::CircuitBreakerRegistry::builder().max_dependencies(0);
    let registry = builder.build().unwrap();
    file(&[("search", 3), ("mail", 3)]).apply(&registry);
    assert!(registry.dependency("search").is_ok());
    assert!(registry.dependency("other").is_err());
    registry.dependency_with("search", policy(3)).unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_holds_already_is_not_touched_and_nothing_is_said_of_it() {
    let registry = registry();
    let before = policies(
        "[default]\nwindow = '5m'\n[dependencies.search]\nconsecutive_failures = 5\nmode = 'enforce'\n\
         [dependencies.search.tenants.acme]\nconsecutive_failures = 4",
    );
    assert!(!before.apply(&registry).is_empty());
    let search = registry.get("search").unwrap();
    let (held, own) = (search.policy(), search.circuit("acme").policy());
    fail(&search, "acme", 3);
    fail(&search, "globex", 4);
    assert!(before.clone().apply_after(&before, &registry).is_empty());
    assert!(Arc::ptr_eq(&held, &search.policy()));
    assert!(Arc::ptr_eq(&own, &search.circuit("acme").policy()));
    fail(&search, "acme", 1);
    fail(&search, "globex", 1);
    assert_eq!(search.state("acme"), CircuitState::Open);
    assert_eq!(search.state("globex"), CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn a_change_keeps_states_and_restarts_only_what_counts_otherwise() {
    let registry = registry();
    let before = file(&[("search", 3), ("mail", 3)]);
    before.apply(&registry);
    let (search, mail) = (
        registry.get("search").unwrap(),
        registry.get("mail").unwrap(),
    );
    fail(&search, "acme", 3);
    fail(&search, "globex", 2);
    fail(&mail, "globex", 2);
    file(&[("search", 4), ("mail", 3)]).apply_after(&before, &registry);
    assert_eq!(search.state("acme"), CircuitState::Open);
    fail(&search, "globex", 3);
    assert_eq!(search.state("globex"), CircuitState::Closed);
    fail(&search, "globex", 1);
    assert_eq!(search.state("globex"), CircuitState::Open);
    fail(&mail, "globex", 1);
    assert_eq!(mail.state("globex"), CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn a_dependency_that_is_no_longer_named_goes_back_to_what_the_program_declared() {
    let registry = registry();
    let mail = registry.dependency_with("mail", policy(7)).unwrap();
    let first_use = registry.dependency("first_use").unwrap();
    let before = file(&[("mail", 3), ("first_use", 3), ("search", 3)]);
    before.apply(&registry);
    let search = registry.get("search").unwrap();
    let applied = policies("[default]\nconsecutive_failures = 9").apply_after(&before, &registry);
    assert_eq!(*mail.policy(), policy(7));
    assert_eq!(*first_use.policy(), policy(9));
    assert_eq!(*search.policy(), policy(9));
    assert_eq!(
        log(&applied),
        [
            "the default policy: consecutive_failures: 5 -> 9",
            "\"first_use\": consecutive_failures: 3 -> 9",
            "\"mail\": consecutive_failures: 3 -> 7",
            "\"search\": consecutive_failures: 3 -> 9",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn tenants_get_a_policy_of_their_own_and_lose_it_when_no_longer_named() {
    let registry = registry();
    let before = with_tenants(&[("acme", 2), ("globex", 2)]);
    before.apply(&registry);
    let search = registry.get("search").unwrap();
    fail(&search, "acme", 2);
    assert_eq!(search.state("acme"), CircuitState::Open);
    let now = with_tenants(&[("globex", 3)]);
    let applied = now.apply_after(&before, &registry);
    assert_eq!(*search.circuit("acme").policy(), Policy::default());
    assert_eq!(*search.circuit("globex").policy(), policy(3));
    assert_eq!(
        log(&applied),
        [
            "tenant \"globex\" of \"search\" has its own policy: consecutive_failures: 2 -> 3",
            "tenant \"acme\" of \"search\" has the dependency's policy: consecutive_failures: 2 -> 5",
        ]
    );
    policies("").apply_after(&now, &registry);
    assert_eq!(*search.circuit("globex").policy(), Policy::default());
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_was_set_by_hand_is_not_cleared() {
    let registry = registry();
    let before = with_tenants(&[("acme", 2)]);
    before.apply(&registry);
    let search = registry.get("search").unwrap();
    search.circuit("by hand").set_policy(policy(8)).unwrap();
    search.circuit("acme").set_policy(policy(8)).unwrap();
    let now = with_tenants(&[]);
    now.apply_after(&before, &registry);
    assert_eq!(*search.circuit("by hand").policy(), policy(8));
    assert_eq!(
        *search.circuit("acme").policy(),
        policy(8),
        "changed since the file said it"
    );
    search.set_policy(policy(7));
    policies("").apply_after(&now, &registry);
    assert_eq!(
        *search.policy(),
        policy(7),
        "changed since the file said it"
    );
}

#[tokio::test(start_paused = true)]
async fn what_the_file_names_is_what_the_file_says_whatever_was_set_by_hand() {
    let registry = registry();
    let file = with_tenants(&[("acme", 2)]);
    file.apply(&registry);
    let search = registry.get("search").unwrap();
    search.circuit("acme").set_policy(policy(8)).unwrap();
    search.set_policy(policy(7));
    file.apply_after(&file, &registry);
    assert_eq!(*search.circuit("acme").policy(), policy(2));
    assert_eq!(*search.policy(), Policy::default());
}

#[tokio::test(start_paused = true)]
async fn the_default_policy_is_live_and_goes_back_to_that_of_the_builder() {
    let builder = tower_tenant_breaker::CircuitBreakerRegistry::builder();
    let registry = builder.default_policy(policy(7)).build().unwrap();
    let there = registry.dependency("there").unwrap();
    let before = policies("[default]\nconsecutive_failures = 2\n[dependencies.named]");
    before.apply(&registry);
    assert_eq!(*there.policy(), policy(2));
    assert_eq!(*registry.dependency("to come").unwrap().policy(), policy(2));
    assert_eq!(*registry.get("named").unwrap().policy(), policy(2));
    let applied = policies("").apply_after(&before, &registry);
    assert_eq!(*registry.default_policy(), policy(7));
    assert_eq!(*there.policy(), policy(7));
    assert_eq!(*registry.get("named").unwrap().policy(), policy(7));
    assert_eq!(
        log(&applied)[0],
        "the default policy: consecutive_failures: 2 -> 7"
    );
}

#[tokio::test(start_paused = true)]
async fn a_default_policy_that_was_set_by_hand_is_not_cleared() {
    let registry = registry();
    let before = policies("[default]\nconsecutive_failures = 2");
    before.apply(&registry);
    registry.set_default_policy(policy(8));
    assert!(policies("").apply_after(&before, &registry).is_empty());
    assert_eq!(*registry.default_policy(), policy(8));
}

#[tokio::test(start_paused = true)]
async fn a_named_dependency_does_not_follow_the_default_though_it_is_the_same() {
    let registry = registry();
    let search = registry.dependency("search").unwrap();
    policies("[dependencies.search]").apply(&registry);
    registry.set_default_policy(policy(8));
    assert_eq!(*search.policy(), Policy::default());
}

#[tokio::test(start_paused = true)]
async fn names_are_escaped_in_the_lines_of_a_log() {
    let registry = registry();
    let file = policies("[dependencies.\"a\\nb\".tenants.\"c\\nd\"]\nwindow = '5m'");
    let lines = log(&file.apply(&registry));
    assert_eq!(
        lines,
        [
            "\"a\\nb\" declared",
            "tenant \"c\\nd\" of \"a\\nb\" has its own policy: window: 1m -> 5m",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_default_that_changes_leaves_the_counts_of_a_dependency_that_is_named() {
    let registry = registry();
    let search = registry.dependency("search").unwrap();
    fail(&search, "acme", 4);
    let file = "[default]\nwindow = '2m'\n[dependencies.search]\nbase = 'standard'";
    policies(file).apply(&registry);
    fail(&search, "acme", 1);
    assert_eq!(search.state("acme"), CircuitState::Open);
    assert_eq!(*search.policy(), Policy::default());
}

#[tokio::test(start_paused = true)]
async fn what_is_declared_after_a_file_is_what_it_goes_back_to() {
    let registry = registry();
    let first = policies("[dependencies.search]\nconsecutive_failures = 3");
    first.apply(&registry);
    let three = built(Policy::builder().consecutive_failures(3));
    let search = registry.dependency_with("search", three.clone()).unwrap();
    policies("").apply_after(&first, &registry);
    assert_eq!(*search.policy(), three);
}
