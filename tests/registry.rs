//! The registry: declaring, finding and listing dependencies, and a tenant across them.

use std::time::Duration;

use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitState, DeclareError, Dependency, Outcome, Override, Policy,
};

fn registry() -> CircuitBreakerRegistry {
    CircuitBreakerRegistry::builder().build().unwrap()
}

fn names(dependencies: &[Dependency]) -> Vec<&str> {
    dependencies.iter().map(Dependency::name).collect()
}

fn trip(dependency: &Dependency, tenant: &str) {
    for _ in 0..5 {
        dependency
            .acquire(tenant)
            .unwrap()
            .record(Outcome::failure());
    }
}

#[test]
fn max_tenants_of_zero_is_refused_and_the_error_says_so() {
    let error = CircuitBreakerRegistry::builder()
        .max_tenants(0)
        .build()
        .unwrap_err();
    assert_eq!(error.field(), "max_tenants");
    let text = error.to_string();
    assert!(text.contains("max_tenants") && text.contains('0') && text.contains("at least 1"));
    assert!(
        CircuitBreakerRegistry::builder()
            .max_tenants(1)
            .build()
            .is_ok()
    );
}

#[test]
fn a_dependency_declared_twice_with_one_policy_is_the_same() {
    let registry = registry();
    let first = registry
        .dependency_with("search", Policy::default())
        .unwrap();
    trip(&first, "acme");
    let second = registry
        .dependency_with("search", Policy::default())
        .unwrap();
    assert_eq!(second.state("acme"), CircuitState::Open);
    assert_eq!(registry.dependencies().len(), 1);
}

#[test]
fn a_dependency_declared_again_with_another_policy_is_an_error() {
    let registry = registry();
    registry
        .dependency_with("search", Policy::default())
        .unwrap();
    let other = Policy::builder().window(Duration::from_secs(61)).build();
    let error = registry.dependency_with("search", other.unwrap());
    let error = error.unwrap_err();
    assert_eq!(error, DeclareError::OtherPolicy("search".into()));
    assert!(error.to_string().contains("\"search\""));
    let kept = registry.get("search").unwrap();
    assert_eq!(*kept.policy(), Policy::default());
}

#[test]
fn a_dependency_that_was_made_on_first_use_counts_as_declared_with_the_default_policy() {
    let policy = Policy::builder().consecutive_failures(2).build().unwrap();
    let registry = CircuitBreakerRegistry::builder()
        .default_policy(policy.clone())
        .build()
        .unwrap();
    assert_eq!(*registry.dependency("search").unwrap().policy(), policy);
    assert!(registry.dependency_with("search", policy).is_ok());
    assert!(
        registry
            .dependency_with("search", Policy::default())
            .is_err()
    );
}

#[test]
fn dependencies_are_made_on_first_use_up_to_the_bound() {
    let registry = CircuitBreakerRegistry::builder()
        .max_dependencies(2)
        .build()
        .unwrap();
    registry
        .dependency_with("declared", Policy::default())
        .unwrap();
    let a = registry.dependency("a").unwrap();
    trip(&a, "acme");
    assert_eq!(
        registry.dependency("a").unwrap().state("acme"),
        CircuitState::Open
    );
    registry.dependency("declared").unwrap();
    registry.dependency("b").unwrap();

    let unknown = registry.dependency("c").unwrap_err();
    assert_eq!(unknown.name(), "c");
    assert_eq!(unknown.known(), ["a", "b", "declared"]);
    assert_eq!(
        unknown.to_string(),
        r#"unknown dependency "c", known are ["a", "b", "declared"]"#
    );
    // Those that are declared have no bound, and those that are known stay known.
    registry.dependency_with("c", Policy::default()).unwrap();
    registry.dependency("c").unwrap();
    registry.dependency("a").unwrap();
}

#[test]
fn sixty_four_dependencies_are_made_on_first_use_by_default_and_none_where_the_bound_is_zero() {
    let registry = registry();
    for n in 0..64 {
        registry.dependency(&format!("{n}")).unwrap();
    }
    assert!(registry.dependency("64").is_err());

    let closed = CircuitBreakerRegistry::builder().max_dependencies(0);
    let closed = closed.build().unwrap();
    let unknown = closed.dependency("search").unwrap_err();
    assert_eq!(unknown.known(), [""; 0]);
}

#[test]
fn a_name_has_from_1_to_256_bytes() {
    let registry = registry();
    let longest = "\u{e9}".repeat(128);
    registry
        .dependency_with(&longest, Policy::default())
        .unwrap();
    registry.dependency(&"x".repeat(256)).unwrap();

    for (name, bytes) in [("", 0), (&*"x".repeat(257), 257)] {
        let error = registry
            .dependency_with(name, Policy::default())
            .unwrap_err();
        assert_eq!(error, DeclareError::InvalidName(bytes));
        assert!(error.to_string().contains(&bytes.to_string()));
        let unknown = registry.dependency(name).unwrap_err();
        assert_eq!(unknown.name(), &name[..bytes.min(256)]);
    }
    assert_eq!(registry.dependencies().len(), 2);
}

#[test]
fn a_name_that_is_too_long_is_cut_between_characters() {
    let registry = registry();
    // The 256th byte is in the middle of a character.
    let name = format!("x{}", "\u{e9}".repeat(10_000));
    let unknown = registry.dependency(&name).unwrap_err();
    assert_eq!(unknown.name(), &name[..255]);
}

#[test]
fn refused_names_use_up_no_place() {
    let builder = CircuitBreakerRegistry::builder().max_dependencies(1);
    let registry = builder.build().unwrap();
    for _ in 0..10 {
        registry.dependency("").unwrap_err();
    }
    registry.dependency("search").unwrap();
}

#[test]
fn hostile_names_are_names_like_any_other_and_errors_show_them_escaped() {
    let registry = registry();
    let hostile = [
        "a\nb",
        "\u{0}",
        "\"",
        "\\",
        "../../etc",
        "\u{1b}[31m",
        " ",
        "\u{202e}",
    ];
    for name in hostile {
        registry.dependency_with(name, Policy::default()).unwrap();
        assert_eq!(registry.get(name).unwrap().name(), name);
        let other = Policy::low_traffic().build().unwrap();
        let error = registry.dependency_with(name, other).unwrap_err();
        assert!(!error.to_string().contains(char::is_control), "{error}");
        let dependency = registry.get(name).unwrap();
        dependency.force_open("");
        let rejection = dependency.acquire("acme").unwrap_err();
        let open = rejection.circuit_open().unwrap();
        assert_eq!(open.dependency(), name);
        assert!(!open.to_string().contains(char::is_control), "{open}");
    }
    assert_eq!(registry.dependencies().len(), hostile.len());
    let builder = CircuitBreakerRegistry::builder().max_dependencies(0);
    let unknown = builder.build().unwrap().dependency("a\nb").unwrap_err();
    assert!(!unknown.to_string().contains('\n'));
}

#[test]
fn get_finds_and_never_makes_a_dependency() {
    let registry = registry();
    assert!(registry.get("search").is_none());
    assert!(registry.dependencies().is_empty());
    registry.dependency("search").unwrap();
    assert_eq!(registry.get("search").unwrap().name(), "search");
}

#[test]
fn dependencies_are_listed_by_name_whatever_order_they_came_in() {
    let registry = registry();
    let mut expected: Vec<_> = (0..200).rev().map(|n| format!("{n}")).collect();
    for name in &expected {
        registry.dependency_with(name, Policy::default()).unwrap();
    }
    expected.sort();
    assert_eq!(names(&registry.dependencies()), expected);
    let snapshots = registry.snapshot().dependencies;
    let listed: Vec<_> = snapshots.into_iter().map(|of| of.name).collect();
    assert_eq!(listed, expected);
}

#[test]
fn open_circuits_are_listed_by_dependency_and_tenant() {
    let registry = registry();
    for dependency in ["search", "pay"] {
        let dependency = registry.dependency(dependency).unwrap();
        for tenant in ["globex", "acme"] {
            trip(&dependency, tenant);
        }
        dependency
            .acquire("healthy")
            .unwrap()
            .record(Outcome::Success);
        dependency.circuit("probed").open().unwrap();
        dependency.circuit("probed").half_open().unwrap();
        assert_eq!(dependency.open_circuits(), ["acme", "globex", "probed"]);
    }
    let open = registry.open_circuits();
    let open: Vec<_> = open.iter().map(|(d, t)| (d.as_str(), t.as_str())).collect();
    assert_eq!(
        open,
        [
            ("pay", "acme"),
            ("pay", "globex"),
            ("pay", "probed"),
            ("search", "acme"),
            ("search", "globex"),
            ("search", "probed"),
        ]
    );
    registry.reset();
    assert!(registry.open_circuits().is_empty());
}

#[test]
fn a_tenant_is_shown_in_the_dependencies_that_know_it() {
    let registry = registry();
    for name in ["search", "pay", "mail"] {
        registry.dependency(name).unwrap();
    }
    trip(&registry.get("search").unwrap(), "acme");
    trip(&registry.get("mail").unwrap(), "acme");
    trip(&registry.get("pay").unwrap(), "globex");
    let acme = registry.tenant("acme").snapshot();
    assert_eq!(acme.tenant, "acme");
    let shown: Vec<_> = acme
        .circuits
        .iter()
        .map(|of| {
            let dependency = of.dependency.as_str();
            (dependency, of.tenant.as_deref(), of.totals.failures)
        })
        .collect();
    assert_eq!(
        shown,
        [("mail", Some("acme"), 5), ("search", Some("acme"), 5)]
    );
    assert!(registry.tenant("nobody").snapshot().circuits.is_empty());
}

#[test]
fn a_tenant_is_reset_in_every_dependency_and_no_other_tenant_is() {
    let registry = registry();
    let [search, pay] = ["search", "pay"].map(|name| registry.dependency(name).unwrap());
    for dependency in [&search, &pay] {
        trip(dependency, "acme");
        trip(dependency, "globex");
    }
    registry.tenant("acme").reset();
    registry.tenant("nobody").reset();
    for dependency in [&search, &pay] {
        assert_eq!(dependency.state("acme"), CircuitState::Closed);
        assert_eq!(dependency.state("globex"), CircuitState::Open);
        assert_eq!(dependency.len(), 2);
    }
}

#[test]
fn a_tenants_override_holds_in_dependencies_that_come_later_too() {
    let registry = registry();
    registry.tenant("acme").force_open("unpaid");
    let search = registry.dependency("search").unwrap();
    let rejection = search.acquire("acme").unwrap_err();
    assert_eq!(rejection.circuit_open().unwrap().note(), Some("unpaid"));
    assert!(
        search.is_empty(),
        "a rejection by an override makes no circuit"
    );
    search.acquire("globex").unwrap().record(Outcome::Success);
    assert!(!search.is_empty());
    registry.tenant("acme").clear();
    search.acquire("acme").unwrap().record(Outcome::Success);
}

#[test]
fn a_registrys_override_holds_in_dependencies_that_come_later_too() {
    let registry = registry();
    registry.force_open("maintenance");
    let search = registry.dependency("search").unwrap();
    assert!(search.acquire("acme").is_err());
    registry.set(Override::Disabled);
    let pay = registry.dependency("pay").unwrap();
    trip(&pay, "acme");
    assert!(pay.acquire("acme").is_ok());
}

#[test]
fn reset_closes_every_circuit_and_lifts_no_override() {
    let registry = registry();
    let search = registry.dependency("search").unwrap();
    let pay = registry.dependency("pay").unwrap();
    trip(&search, "acme");
    trip(&pay, "acme");
    search.circuit("globex").force_open("unpaid");
    registry.reset();
    assert_eq!(search.state("acme"), CircuitState::Closed);
    assert_eq!(pay.state("acme"), CircuitState::Closed);
    assert!(search.acquire("globex").is_err());
}

#[test]
fn clones_of_a_registry_are_handles_of_the_same_one() {
    let registry = registry();
    let search = registry.clone().dependency("search").unwrap();
    trip(&search, "acme");
    assert_eq!(registry.open_circuits().len(), 1);
}
