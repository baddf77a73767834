//! Who watches is told of everything, and harms no call.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use tokio::time::{Instant, advance};
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitState, Dependency, Event, EventKind, Figures, Observer,
    OpenPeriod, Origin, Outcome, Overflow, Override, Policy, Probing, Reason, RegistryBuilder,
};

const WINDOW: Duration = Duration::from_secs(10);
const PERIOD: Duration = Duration::from_secs(4);

/// An event that outlives the call.
#[derive(Clone, Debug)]
struct Told {
    kind: EventKind,
    dependency: String,
    tenant: Option<String>,
    generation: u64,
    at: Instant,
    origin: Origin,
    reason: Option<Reason>,
    figures: Option<Figures>,
    dry_run: bool,
}

#[derive(Clone, Debug, Default)]
struct Diary(Arc<Mutex<Vec<Told>>>);

impl Observer for Diary {
    fn on_event(&self, event: &Event<'_>) {
        self.0.lock().unwrap().push(Told {
            kind: event.kind,
            dependency: event.dependency.to_owned(),
            tenant: event.tenant.map(str::to_owned),
            generation: event.generation,
            at: event.at,
            origin: event.origin,
            reason: event.reason,
            figures: event.figures,
            dry_run: event.dry_run,
        });
    }
}

impl Diary {
    fn take(&self) -> Vec<Told> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    /// The only event since the last look.
    fn one(&self) -> Told {
        let told = self.take();
        assert_eq!(told.len(), 1, "{told:?}");
        told.into_iter().next().unwrap()
    }
}

impl Told {
    fn transition(&self) -> (CircuitState, CircuitState) {
        match self.kind {
            EventKind::Transition { from, to, .. } => (from, to),
            other => panic!("{other:?}"),
        }
    }

    fn origin_and_reason(&self) -> (Origin, Option<Reason>) {
        (self.origin, self.reason)
    }
}

fn policy() -> Policy {
    Policy::builder()
        .window(WINDOW)
        .consecutive_failures(3)
        .abandoned_run(3)
        .open_for(OpenPeriod::fixed(PERIOD).jitter(0.0))
        .build()
        .unwrap()
}

fn declare(builder: RegistryBuilder) -> (CircuitBreakerRegistry, Dependency) {
    let registry = builder.build().unwrap();
    let search = registry.dependency_with("search", policy()).unwrap();
    (registry, search)
}

fn watched() -> (CircuitBreakerRegistry, Dependency, Diary) {
    let diary = Diary::default();
    let builder = CircuitBreakerRegistry::builder().max_tenants(1);
    let (registry, search) = declare(builder.observer(diary.clone()));
    (registry, search, diary)
}

fn record(dependency: &Dependency, outcome: Outcome) {
    dependency.acquire("acme").unwrap().record(outcome);
}

fn trip(dependency: &Dependency) {
    for _ in 0..3 {
        record(dependency, Outcome::failure());
    }
}

use CircuitState::{Closed, HalfOpen, Open};

#[tokio::test(start_paused = true)]
async fn a_trip_is_told_with_every_field() {
    let created = Instant::now();
    let (_registry, search, diary) = watched();
    record(&search, Outcome::Success);
    advance(Duration::from_millis(1_234)).await;
    assert!(diary.take().is_empty());
    trip(&search);
    let told = diary.one();
    assert_eq!(told.transition(), (Closed, Open));
    assert_eq!(
        (&*told.dependency, told.tenant.as_deref()),
        ("search", Some("acme"))
    );
    assert_eq!((told.generation, told.dry_run), (1, false));
    assert_eq!(told.at, created + Duration::from_millis(1_234));
    let why = (Origin::Automatic, Some(Reason::ConsecutiveFailures));
    assert_eq!(told.origin_and_reason(), why);
    let figures = told.figures.unwrap();
    assert_eq!(
        (
            figures.calls,
            figures.failures,
            figures.consecutive_failures
        ),
        (4, 3, 3)
    );
}

#[tokio::test(start_paused = true)]
async fn every_step_of_a_recovery_is_told() {
    let (_registry, search, diary) = watched();
    trip(&search);
    diary.take();
    advance(PERIOD).await;
    record(&search, Outcome::failure());
    let told = diary.take();
    let steps: Vec<_> = told.iter().map(Told::transition).collect();
    assert_eq!(steps, [(Open, HalfOpen), (HalfOpen, Open)]);
    let why: Vec<_> = told.iter().map(Told::origin_and_reason).collect();
    let automatic = |reason| (Origin::Automatic, Some(reason));
    assert_eq!(
        why,
        [
            automatic(Reason::PeriodOver),
            automatic(Reason::ProbeFailed)
        ]
    );
    let generations: Vec<_> = told.iter().map(|told| told.generation).collect();
    assert_eq!(generations, [2, 3]);
    assert!(told.iter().all(|told| told.figures.is_none()));

    advance(PERIOD).await;
    record(&search, Outcome::Success);
    record(&search, Outcome::Success);
    let told = diary.take();
    assert_eq!(told[1].transition(), (HalfOpen, Closed));
    assert_eq!(told[1].origin_and_reason(), automatic(Reason::Recovered));
    assert_eq!((told.len(), told[1].generation), (2, 5));
}

#[tokio::test(start_paused = true)]
async fn changes_by_hand_are_told_as_such_and_what_changes_nothing_is_not_told() {
    let (_registry, search, diary) = watched();
    let acme = search.circuit("acme");
    let by_hand = (Origin::ByHand, Some(Reason::ByHand));
    acme.reset();
    acme.half_open().unwrap_err();
    record(&search, Outcome::Success);
    acme.reset();
    assert!(diary.take().is_empty());

    acme.open().unwrap();
    acme.half_open().unwrap();
    acme.reset();
    acme.open_for(WINDOW).unwrap();
    acme.open_for(WINDOW).unwrap();
    let told = diary.take();
    assert!(told.iter().all(|told| told.origin_and_reason() == by_hand));
    let steps: Vec<_> = told.iter().map(Told::transition).collect();
    assert_eq!(
        steps,
        [
            (Closed, Open),
            (Open, HalfOpen),
            (HalfOpen, Closed),
            (Closed, Open),
            (Open, Open)
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn each_rejection_is_told_with_the_reason_for_which_the_circuit_opened() {
    let (_registry, search, diary) = watched();
    trip(&search);
    diary.take();
    advance(Duration::from_secs(1)).await;
    for _ in 0..2 {
        assert!(search.acquire("acme").is_err());
    }
    let told = diary.take();
    assert_eq!(told.len(), 2);
    for told in told {
        assert_eq!(told.kind, EventKind::Rejection);
        assert_eq!(
            (&*told.dependency, told.tenant.as_deref()),
            ("search", Some("acme"))
        );
        assert_eq!((told.generation, told.dry_run), (1, false));
        assert_eq!((told.at, told.figures), (Instant::now(), None));
        let why = (Origin::Automatic, Some(Reason::ConsecutiveFailures));
        assert_eq!(told.origin_and_reason(), why);
    }
    advance(PERIOD).await;
    assert!(search.acquire_barred("acme", Probing::No).is_err());
    assert_eq!(diary.one().reason, Some(Reason::Barred));
    search.circuit("acme").open().unwrap();
    diary.take();
    assert!(search.acquire("acme").is_err());
    assert_eq!(
        diary.one().origin_and_reason(),
        (Origin::ByHand, Some(Reason::ByHand))
    );
}

#[tokio::test(start_paused = true)]
async fn an_override_is_no_transition_and_its_rejections_are_told_as_its_own() {
    let (registry, search, diary) = watched();
    record(&search, Outcome::Success);
    let forced = (Origin::Override, Some(Reason::Forced));
    search.circuit("acme").force_open("by hand");
    search.circuit("acme").clear();
    registry.tenant("acme").force_open("unpaid");
    assert!(diary.take().is_empty());
    assert!(search.acquire("acme").is_err());
    let told = diary.one();
    assert_eq!(
        (told.kind, told.origin_and_reason()),
        (EventKind::Rejection, forced)
    );
    // Of a tenant without a circuit too.
    search.force_open("maintenance");
    assert!(search.acquire("globex").is_err());
    let told = diary.one();
    assert_eq!(
        (told.kind, told.origin_and_reason()),
        (EventKind::Rejection, forced)
    );
    assert_eq!(
        (told.tenant.as_deref(), told.generation),
        (Some("globex"), 0)
    );
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_tells_what_would_have_happened_and_says_that_it_did_not() {
    let (_registry, search, diary) = watched();
    search.set(Override::DryRun);
    trip(&search);
    let told = diary.one();
    assert_eq!((told.transition(), told.dry_run), ((Closed, Open), true));
    record(&search, Outcome::failure());
    let told = diary.one();
    assert_eq!((told.kind, told.dry_run), (EventKind::Rejection, true));
    assert_eq!(told.reason, Some(Reason::ConsecutiveFailures));
}

#[tokio::test(start_paused = true)]
async fn each_call_of_a_tenant_without_room_is_told() {
    let (_registry, search, diary) = watched();
    let _room = search.acquire("acme").unwrap();
    for n in 0..3 {
        let newcomer = format!("newcomer {n}");
        drop(search.acquire(&newcomer).unwrap());
        let told = diary.one();
        assert_eq!(told.kind, EventKind::Overflow);
        assert_eq!(told.dependency, "search");
        assert_eq!((&told.tenant, told.generation), (&Some(newcomer), 0));
        assert_eq!((told.at, told.dry_run), (Instant::now(), false));
        assert_eq!(told.origin_and_reason(), (Origin::Automatic, None));
    }
}

#[tokio::test(start_paused = true)]
async fn a_forgotten_circuit_is_told_whoever_makes_it_go() {
    for by_hand in [false, true] {
        let (_registry, search, diary) = watched();
        trip(&search);
        advance(PERIOD + WINDOW + PERIOD).await;
        diary.take();
        if by_hand {
            search.circuit("globex").open().unwrap();
        } else {
            drop(search.acquire("globex").unwrap());
        }
        let told = diary.take();
        assert_eq!(told[0].kind, EventKind::Forgotten);
        assert_eq!(
            (&*told[0].dependency, told[0].tenant.as_deref()),
            ("search", Some("acme"))
        );
        assert_eq!(
            (told[0].at, told[0].origin),
            (Instant::now(), Origin::Automatic)
        );
        assert_eq!(told.len(), 1 + usize::from(by_hand));
        assert_eq!(search.snapshot().forgotten, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_circuit_that_goes_as_if_new_is_no_news() {
    let (_registry, search, diary) = watched();
    record(&search, Outcome::Success);
    advance(WINDOW).await;
    search.acquire("globex").unwrap().record(Outcome::Success);
    assert!(diary.take().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_circuit_that_several_share_is_told_without_a_tenant() {
    let (_registry, search, diary) = watched();
    for _ in 0..3 {
        let permit = search.acquire_shared(Probing::Yes).unwrap();
        permit.record(Outcome::failure());
    }
    let told = diary.one();
    assert_eq!((told.transition(), told.tenant), ((Closed, Open), None));
}

#[tokio::test(start_paused = true)]
async fn a_closure_observes() {
    let events = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&events);
    let (_registry, search) = declare(CircuitBreakerRegistry::builder().observer(
        move |event: &Event<'_>| {
            assert_eq!(event.dependency, "search");
            counted.fetch_add(1, Relaxed);
        },
    ));
    trip(&search);
    assert_eq!(events.load(Relaxed), 1);
}

/// Calls everything there is from within an event.
fn call_back(registry: &CircuitBreakerRegistry, event: &Event<'_>) {
    let search = registry.get(event.dependency).unwrap();
    let tenant = event.tenant.unwrap_or("another");
    registry.dependency("made on first use").unwrap();
    registry.snapshot();
    registry.open_circuits();
    registry.tenant(tenant).snapshot();
    registry.tenant(tenant).set(Override::DryRun);
    registry.tenant(tenant).clear();
    registry.set(Override::DryRun);
    registry.clear();
    search.set(Override::DryRun);
    search.clear();
    for tenant in [tenant, "another"] {
        let circuit = search.circuit(tenant);
        circuit.set(Override::DryRun);
        circuit.clear();
        let _ = circuit.open();
        let _ = circuit.half_open();
        circuit.snapshot();
        circuit.would_admit();
        circuit.reset();
        let permit = search.acquire(tenant);
        drop(search.acquire_shared(Probing::Yes));
        if let Ok(permit) = permit {
            permit.record(Outcome::failure());
        }
    }
    search.circuit_snapshots();
    if matches!(event.kind, EventKind::Transition { .. }) {
        search.reset();
        registry.reset();
    }
}

#[test]
fn an_observer_that_calls_back_into_the_registry_does_not_deadlock() {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let within: Arc<OnceLock<CircuitBreakerRegistry>> = Arc::default();
        let (registry, depth) = (Arc::clone(&within), AtomicUsize::new(0));
        let kinds = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&kinds);
        let observer = move |event: &Event<'_>| {
            // Stays open until it is forgotten.
            let is_transition = matches!(event.kind, EventKind::Transition { .. });
            let is_left_alone = is_transition && event.tenant == Some("sick");
            if depth.fetch_add(1, Relaxed) == 0 && !is_left_alone {
                call_back(registry.get().unwrap(), event);
                seen.lock().unwrap().push(event.kind);
            }
            depth.fetch_sub(1, Relaxed);
        };
        let policy = Policy::builder()
            .window(Duration::from_millis(10))
            .consecutive_failures(1)
            .open_for(OpenPeriod::fixed(Duration::from_nanos(1)).jitter(0.0))
            .overflow(Overflow::Shared)
            .build();
        let builder = CircuitBreakerRegistry::builder().max_tenants(2);
        let registry = builder.observer(observer).build().unwrap();
        within.set(registry.clone()).unwrap();
        let search = registry.dependency_with("search", policy.unwrap()).unwrap();

        // Transitions, as a permit is recorded and as one is dropped.
        let record = |outcome| search.acquire("acme").unwrap().record(outcome);
        record(Outcome::failure());
        drop(search.acquire("acme").unwrap());
        // And as a person changes the circuit.
        search.circuit("acme").open().unwrap();
        search.circuit("acme").open().unwrap();
        search.circuit("acme").half_open().unwrap_err();
        // A rejection with a circuit, and one without.
        search.circuit("acme").force_open("");
        search.circuit("stranger").force_open("");
        search.acquire("acme").unwrap_err();
        search.acquire("stranger").unwrap_err();
        search.circuit("acme").clear();
        let mut newcomers = 0;
        while !kinds.lock().unwrap().contains(&EventKind::Forgotten) {
            if search.state("sick") == Closed {
                let _ = search.circuit("sick").open();
            }
            newcomers += 1;
            if let Ok(permit) = search.acquire(&format!("newcomer {newcomers}")) {
                permit.record(Outcome::Success);
            }
        }
        let kinds = kinds.lock().unwrap().clone();
        tell.send(kinds).unwrap();
    });
    // Not a wait for time to pass: a deadlock would never end.
    let kinds = told
        .recv_timeout(Duration::from_secs(60))
        .expect("a deadlock");
    assert!(
        kinds
            .iter()
            .any(|kind| matches!(kind, EventKind::Transition { .. }))
    );
    for kind in [
        EventKind::Rejection,
        EventKind::Overflow,
        EventKind::Forgotten,
    ] {
        assert!(kinds.contains(&kind), "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_observer_that_panics_harms_no_call() {
    let events = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&events);
    let builder = CircuitBreakerRegistry::builder().max_tenants(1);
    let (_registry, search) = declare(builder.observer(move |_: &Event<'_>| {
        counted.fetch_add(1, Relaxed);
        panic!("the observer's own");
    }));
    trip(&search);
    assert_eq!((search.state("acme"), events.load(Relaxed)), (Open, 1));
    assert!(search.acquire("acme").is_err());
    drop(search.acquire("without room").unwrap());
    assert_eq!(events.load(Relaxed), 3);

    search.circuit("acme").reset();
    // The third one dropped trips the circuit.
    for _ in 0..3 {
        drop(search.acquire("acme").unwrap());
    }
    assert_eq!((search.state("acme"), events.load(Relaxed)), (Open, 5));
    assert!(search.acquire("acme").is_err());
    advance(PERIOD).await;
    record(&search, Outcome::Success);
    record(&search, Outcome::Success);
    assert_eq!((search.state("acme"), events.load(Relaxed)), (Closed, 8));
}

#[tokio::test(start_paused = true)]
async fn an_observer_that_panics_while_a_panic_unwinds_does_not_abort() {
    let builder = CircuitBreakerRegistry::builder();
    let (_registry, search) = declare(builder.observer(|_: &Event<'_>| {
        panic!("the observer's own");
    }));
    for _ in 0..2 {
        drop(search.acquire("acme").unwrap());
    }
    let permit = search.acquire("acme").unwrap();
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        let _permit = permit;
        panic!("the call's own");
    }));
    let panic = unwound.unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"the call's own"));
    assert_eq!(search.state("acme"), Open);
}
