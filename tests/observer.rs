//! Who watches is told of everything.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::{Instant, advance};
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitState, Dependency, Event, EventKind, Figures, Observer,
    OpenPeriod, Origin, Outcome, Override, Policy, Probing, Reason, RegistryBuilder,
};

const WINDOW: Duration = Duration::from_secs(10);
const PERIOD: Duration = Duration::from_secs(4);

/// An event that outlives the call.
#[derive(Clone, Debug)]
struct Told {
    kind: EventKind,
    dependency: Option<String>,
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
            dependency: event.dependency.map(str::to_owned),
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
    fn take_all(&self) -> Vec<Told> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    /// What was told, apart from how probes ended and what people forced: `tests/events` has that.
    fn take(&self) -> Vec<Told> {
        let mut told = self.take_all();
        let is_elsewhere =
            |kind| matches!(kind, EventKind::Probe { .. } | EventKind::Override { .. });
        told.retain(|told| !is_elsewhere(told.kind));
        told
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
        (told.dependency.as_deref(), told.tenant.as_deref()),
        (Some("search"), Some("acme"))
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
            (told.dependency.as_deref(), told.tenant.as_deref()),
            (Some("search"), Some("acme"))
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
    let told = diary.take_all();
    let is_override = |told: &Told| matches!(told.kind, EventKind::Override { .. });
    assert!(told.len() == 3 && told.iter().all(is_override), "{told:?}");
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
        assert_eq!(told.dependency.as_deref(), Some("search"));
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
            (told[0].dependency.as_deref(), told[0].tenant.as_deref()),
            (Some("search"), Some("acme"))
        );
        assert_eq!(told[0].generation, 1);
        assert_eq!(
            (told[0].at, told[0].origin),
            (Instant::now(), Origin::Automatic)
        );
        assert_eq!(told.len(), 1 + usize::from(by_hand));
        assert_eq!(search.snapshot().forgotten, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_circuit_that_goes_as_if_new_is_told_as_evicted() {
    let (_registry, search, diary) = watched();
    record(&search, Outcome::Success);
    advance(WINDOW).await;
    search.acquire("globex").unwrap().record(Outcome::Success);
    let told = diary.one();
    assert_eq!(told.kind, EventKind::Evicted);
    assert_eq!(told.tenant.as_deref(), Some("acme"));
    assert_eq!(search.snapshot().forgotten, 0);
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
            assert_eq!(event.dependency, Some("search"));
            counted.fetch_add(1, Relaxed);
        },
    ));
    trip(&search);
    assert_eq!(events.load(Relaxed), 1);
}
