//! What people force is told, once, with what they said.

use std::sync::mpsc;

use super::*;

/// Level, dependency, tenant, and what is set.
type Said<'a> = (
    OverrideLevel,
    Option<&'a str>,
    Option<&'a str>,
    Option<Override>,
);

fn said(event: &OwnedEvent) -> Said<'_> {
    match event.kind {
        EventKind::Override { level, set, .. } => {
            let (dependency, tenant) = (event.dependency.as_deref(), event.tenant.as_deref());
            (level, dependency, tenant, set)
        }
        other => panic!("{other:?}"),
    }
}

fn until(event: &OwnedEvent) -> Option<Instant> {
    match event.kind {
        EventKind::Override { until, .. } => until,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn each_level_says_whose_it_is() {
    let (registry, search, mut events) = subscribed();
    let (circuit, tenant) = (search.circuit("acme"), registry.tenant("acme"));
    circuit.set(Override::DryRun);
    search.set(Override::ForcedOpen);
    tenant.set(Override::Disabled);
    registry.set(Override::DryRun);
    circuit.clear();
    search.clear();
    tenant.clear();
    registry.clear();
    let told = take(&mut events);
    let whose = [
        (OverrideLevel::Circuit, Some("search"), Some("acme")),
        (OverrideLevel::Dependency, Some("search"), None),
        (OverrideLevel::Tenant, None, Some("acme")),
        (OverrideLevel::Registry, None, None),
    ];
    let set = [
        Override::DryRun,
        Override::ForcedOpen,
        Override::Disabled,
        Override::DryRun,
    ];
    let of = |at: usize, set| (whose[at].0, whose[at].1, whose[at].2, set);
    let set = (0..4).map(|at| of(at, Some(set[at])));
    let expected: Vec<_> = set.chain((0..4).map(|at| of(at, None))).collect();
    assert_eq!(told.iter().map(said).collect::<Vec<_>>(), expected);
    for event in &told {
        assert_eq!((event.origin, event.reason), (Origin::ByHand, None));
        assert_eq!((event.at, event.dry_run), (Instant::now(), false));
        assert_eq!((until(event), event.note.as_deref()), (None, None));
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_said_is_in_the_override_and_in_the_rejections_by_it() {
    let (registry, search, mut events) = subscribed();
    record(&search, Outcome::Success);
    let note = |events: &mut Events| one(events).note.as_deref().map(str::to_owned);
    search.circuit("acme").force_open("of the circuit");
    assert_eq!(note(&mut events).as_deref(), Some("of the circuit"));
    search.acquire("acme").unwrap_err();
    assert_eq!(note(&mut events).as_deref(), Some("of the circuit"));
    search.force_open("of the dependency");
    assert_eq!(note(&mut events).as_deref(), Some("of the dependency"));
    // A tenant without a circuit.
    search.acquire("globex").unwrap_err();
    assert_eq!(note(&mut events).as_deref(), Some("of the dependency"));
    registry.tenant("acme").force_open("of the tenant");
    assert_eq!(note(&mut events).as_deref(), Some("of the tenant"));
    registry.force_open("of the registry");
    assert_eq!(note(&mut events).as_deref(), Some("of the registry"));
    registry.clear();
    assert_eq!(note(&mut events), None);
}

#[tokio::test(start_paused = true)]
async fn one_with_an_end_says_when_that_is() {
    let (registry, search, mut events) = subscribed();
    search.set_for(Override::ForcedOpen, PERIOD);
    assert_eq!(until(&one(&mut events)), Some(Instant::now() + PERIOD));
    registry.set_for(Override::ForcedOpen, Duration::MAX);
    assert_eq!(until(&one(&mut events)), None);
}

#[tokio::test(start_paused = true)]
async fn to_clear_what_is_not_in_force_is_no_news() {
    let (registry, search, mut events) = subscribed();
    let clear_all = || {
        search.circuit("acme").clear();
        search.clear();
        registry.tenant("acme").clear();
        registry.clear();
    };
    clear_all();
    assert_eq!(kinds(&mut events), [""; 0]);
    search.circuit("acme").set_for(Override::DryRun, PERIOD);
    search.set_for(Override::DryRun, PERIOD);
    registry.tenant("acme").set_for(Override::DryRun, PERIOD);
    registry.set_for(Override::DryRun, PERIOD);
    take(&mut events);
    advance(PERIOD).await;
    clear_all();
    assert_eq!(kinds(&mut events), [""; 0]);
    // What takes the place of another is news, though it be the same.
    search.set(Override::DryRun);
    search.set(Override::DryRun);
    assert_eq!(kinds(&mut events), ["override", "override"]);
    clear_all();
    clear_all();
    assert_eq!(kinds(&mut events), ["override"]);
}

#[tokio::test(start_paused = true)]
async fn that_of_a_circuit_has_its_generation() {
    let (registry, search, mut events) = subscribed();
    search.circuit("acme").set(Override::DryRun);
    search.circuit("acme").clear();
    assert_eq!(generations(&take(&mut events)), [0, 0]);
    trip(&search);
    take(&mut events);
    search.circuit("acme").set(Override::DryRun);
    search.circuit("globex").set(Override::DryRun);
    search.set(Override::DryRun);
    registry.tenant("acme").set(Override::DryRun);
    assert_eq!(generations(&take(&mut events)), [1, 0, 0, 0]);
}

#[test]
fn an_observer_may_call_back_from_each_level_and_finds_the_override_in_force() {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let own: Arc<Mutex<Option<CircuitBreakerRegistry>>> = Arc::default();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (within, write) = (Arc::clone(&own), Arc::clone(&seen));
        let builder = CircuitBreakerRegistry::builder();
        let (registry, search) = declare(builder.observer(move |event: &Event<'_>| {
            let Some(registry) = within.lock().unwrap().take() else {
                return;
            };
            // Takes every lock that was held for the change.
            let search = registry.get("search").unwrap();
            let is_admitted = search.acquire("acme").is_ok();
            search.circuit("initech").set(Override::DryRun);
            registry.tenant("initech").set(Override::DryRun);
            drop(search.acquire("newcomer"));
            search.set(Override::DryRun);
            registry.set(Override::DryRun);
            search.clear();
            registry.clear();
            write.lock().unwrap().push((event.kind, is_admitted));
            *within.lock().unwrap() = Some(registry);
        }));
        *own.lock().unwrap() = Some(registry.clone());
        search.circuit("acme").force_open("");
        search.circuit("acme").clear();
        search.force_open("");
        registry.tenant("acme").force_open("");
        registry.tenant("acme").clear();
        registry.force_open("");
        *own.lock().unwrap() = None;
        tell.send(seen.lock().unwrap().clone()).unwrap();
    });
    // Not a wait for time to pass: a deadlock would never end.
    let seen = told
        .recv_timeout(Duration::from_secs(60))
        .expect("a deadlock");
    let forced_open = |kind| {
        let EventKind::Override { set, .. } = kind else {
            panic!("{kind:?}")
        };
        set == Some(Override::ForcedOpen)
    };
    assert_eq!(seen.len(), 6, "{seen:?}");
    for (kind, is_admitted) in seen {
        assert_eq!(is_admitted, !forced_open(kind), "{kind:?}");
    }
}
