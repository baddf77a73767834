//! Files of policies: an error that names what is wrong, or the policies that it says, which hold, and are read again as
//! they were.

mod said;

use serde_json::{Map, Value, json};
use tower_tenant_breaker::{
    CircuitBreakerRegistry, Override, Policies, PoliciesError, Policy, PolicyBuilder,
};

/// One text, as TOML and as JSON.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(deserializer) = toml::Deserializer::parse(text) {
        let table: Option<Value> = toml::from_str(text).ok();
        judge(text, Policies::from_deserializer(deserializer), table);
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let read = Policies::from_deserializer(&mut json);
    judge(text, read, serde_json::from_str(text).ok());
    of_one_policy(text);
}

fn judge(text: &str, read: Result<Policies, PoliciesError>, said: Option<Value>) {
    match read {
        Ok(policies) => {
            // What comes after the end of a JSON text is the program's business.
            let Some(said) = said else { return };
            is_what_the_file_says(&policies, &said);
            is_read_again_as_it_was(&policies, &said);
            holds_once_applied(&policies, &said);
        }
        Err(error) => names_what_is_wrong(text, &error, said.as_ref()),
    }
}

fn names_what_is_wrong(text: &str, error: &PoliciesError, said: Option<&Value>) {
    let (shown, path) = (error.to_string(), error.path());
    assert!(!error.message().trim().is_empty(), "{error:?}");
    assert!(shown.starts_with(path) && shown.ends_with(error.message()));
    // An excerpt of the file with what is wrong in it, and the list of all fields.
    assert!(
        shown.len() < 2_000 + 20 * text.len(),
        "{} bytes",
        shown.len()
    );
    // In what is well-formed, it is something that the file has.
    if let Some(Value::Object(fields)) = said {
        let is_in_the_file = fields.keys().any(|field| {
            path.starts_with(field.as_str()) || path.starts_with(&format!("{field:?}"))
        });
        assert!(is_in_the_file, "{shown}");
    }
}

/// The names of a dependency's tenants, which policies do not list.
fn tenants<'a>(said: &'a Value, dependency: &str) -> impl Iterator<Item = &'a String> {
    let tenants = said["dependencies"][dependency]["tenants"].as_object();
    tenants.into_iter().flat_map(Map::keys)
}

/// Each of them is the one that a builder makes of what is written, onto what is written above it.
fn is_what_the_file_says(policies: &Policies, said: &Value) {
    let onto = |table: &Value, above: &PolicyBuilder| {
        let builder = said::onto(table, above.clone());
        let policy = builder.clone().build();
        (builder, policy.expect("it was found to be good"))
    };
    let nothing = Value::Object(Map::new());
    let table = said.get("default");
    let (above, default) = onto(table.unwrap_or(&nothing), &Policy::builder());
    assert_eq!(
        policies.default_policy(),
        table.is_some().then_some(&default)
    );
    let named = said.get("dependencies").and_then(Value::as_object);
    let mut names: Vec<_> = named.into_iter().flat_map(Map::keys).collect();
    names.sort();
    assert!(policies.dependencies().eq(names));
    for (name, table) in named.into_iter().flatten() {
        let (above, policy) = onto(table, &above);
        assert_eq!(policies.dependency(name), Some(&policy), "{table}");
        assert_eq!(
            policies.is_dry_run(name),
            table.get("mode").is_some_and(|mode| mode == "dry_run")
        );
        let own = table.get("tenants").and_then(Value::as_object);
        for (tenant, table) in own.into_iter().flatten() {
            let (_, policy) = onto(table, &above);
            assert_eq!(policies.tenant(name, tenant), Some(&policy), "{table}");
        }
    }
}

fn written(policy: &Policy) -> Value {
    serde_json::to_value(policy).expect("a policy is written")
}

fn is_read_again_as_it_was(policies: &Policies, said: &Value) {
    let mut file = json!({"dependencies": {}});
    if let Some(policy) = policies.default_policy() {
        file["default"] = written(policy);
    }
    for name in policies.dependencies() {
        let mut table = written(policies.dependency(name).expect("it is named"));
        if policies.is_dry_run(name) {
            table["mode"] = "dry_run".into();
        }
        let mut own = Map::new();
        for tenant in tenants(said, name) {
            let mut policy = written(policies.tenant(name, tenant).expect("it is named"));
            let fields = policy.as_object_mut().expect("a table");
            for of_dependency in ["outage", "overflow"] {
                fields.remove(of_dependency);
            }
            // These a tenant cannot name, but a base of its own has them as they are without a policy.
            if said["dependencies"][name]["tenants"][tenant]
                .get("base")
                .is_some()
            {
                fields.insert("base".to_owned(), "standard".into());
            }
            own.insert(tenant.clone(), policy);
        }
        table["tenants"] = own.into();
        file["dependencies"][name] = table;
    }
    let again = Policies::from_deserializer(&file);
    assert_eq!(again.as_ref(), Ok(policies), "{file}");
    let text = toml::to_string(&file).expect("TOML has all that is in it");
    let deserializer = toml::Deserializer::parse(&text).expect("it was written just now");
    let again = Policies::from_deserializer(deserializer);
    assert_eq!(again.as_ref(), Ok(policies), "{text}");
}

fn holds_once_applied(policies: &Policies, said: &Value) {
    let registry = CircuitBreakerRegistry::builder()
        .build()
        .expect("a registry");
    let first = registry.default_policy();
    let applied = policies.apply(&registry);
    for change in applied.changes() {
        let line = change.to_string();
        assert!(
            !line.is_empty() && !line.contains(char::is_control),
            "{line:?}"
        );
    }
    if let Some(policy) = policies.default_policy() {
        assert_eq!(*registry.default_policy(), *policy);
    }
    for name in policies.dependencies() {
        let dependency = registry.get(name).expect("it was declared");
        assert_eq!(Some(&*dependency.policy()), policies.dependency(name));
        let overridden = dependency.override_in_force().map(|over| over.kind);
        assert_eq!(
            overridden,
            policies.is_dry_run(name).then_some(Override::DryRun)
        );
        for tenant in tenants(said, name) {
            let own = dependency.circuit(tenant).policy();
            assert_eq!(Some(&*own), policies.tenant(name, tenant));
        }
    }
    assert!(policies.apply(&registry).is_empty(), "it holds already");
    assert!(policies.apply_after(policies, &registry).is_empty());

    // Taken back, nothing is left of it.
    Policies::default().apply_after(policies, &registry);
    assert_eq!(*registry.default_policy(), *first);
    for name in policies.dependencies() {
        let dependency = registry.get(name).expect("it was declared");
        assert_eq!(*dependency.policy(), *first);
        assert!(dependency.override_in_force().is_none());
        for tenant in tenants(said, name) {
            assert_eq!(*dependency.circuit(tenant).policy(), *first);
        }
    }
}

fn of_one_policy(text: &str) {
    let Ok(policy) = toml::from_str::<Policy>(text) else {
        return;
    };
    let said: Value = toml::from_str(text).expect("it was read just now");
    let built = said::onto(&said, Policy::builder()).build();
    assert_eq!(built.as_ref(), Ok(&policy), "{said}");
    let again: Policy = serde_json::from_value(written(&policy)).expect("it was written");
    assert_eq!(again, policy);
    assert_eq!(policy.to_builder().build().as_ref(), Ok(&policy));
    assert_eq!(written(&again), written(&policy));
}
