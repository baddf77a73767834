//! What the log says, at which level, and that no tenant can forge a line of it.

mod listen;

use std::fmt::{self, Write as _};
use std::future::ready;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use listen::listen;
use tokio::time::advance;
use tower::{BoxError, Layer, Service, service_fn};
use tower_tenant_breaker::{
    CircuitBreakerRegistry, Dependency, EffectiveState, ErrIsFailure, Event, MissingReason,
    OpenPeriod, Outcome, Override, Policy, Probing, TenantCircuitBreakerLayer, tenant_fn,
};
use tracing::field::{Field, Visit};
use tracing::subscriber::{DefaultGuard, Interest};
use tracing::{Level, Metadata, Subscriber, span};

const WINDOW: Duration = Duration::from_secs(10);
const PERIOD: Duration = Duration::from_secs(4);

/// The smallest log: a level and a line for each event.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<(Level, String)>>>);

/// A log that is out of order.
struct Broken;

/// A log whose filter is out of order.
struct BrokenFilter;

/// A log that takes every lock there is.
struct CallsBack(Dependency, CircuitBreakerRegistry);

struct Line(String);

impl Visit for Line {
    /// As the simplest of logs write strings: as they are.
    fn record_str(&mut self, field: &Field, value: &str) {
        let _ = write!(self.0, "{field}={value} ");
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = write!(self.0, "{field}={value:?} ");
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("tower_tenant_breaker")
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        let level = *event.metadata().level();
        self.0.lock().unwrap().push((level, line.0));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

impl Subscriber for Broken {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("tower_tenant_breaker")
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {
        panic!("the log's own");
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

impl Subscriber for BrokenFilter {
    // Asked for every event, rather than once as it is registered, under a lock of all logs.
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, _: &Metadata<'_>) -> bool {
        panic!("the filter's own");
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {}

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

impl Subscriber for CallsBack {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("tower_tenant_breaker")
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {
        let Self(search, registry) = self;
        registry.dependency("of the log").unwrap();
        search.circuit("of the log").force_open("by the log");
        search
            .circuit("of the log")
            .set_policy(Policy::default())
            .unwrap();
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

impl Log {
    /// Takes in what this thread logs.
    fn begin() -> (Self, DefaultGuard) {
        let log = Self::default();
        let guard = listen(log.clone());
        (log, guard)
    }

    fn take_all(&self) -> Vec<(Level, String)> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    /// What was said, apart from how each call and each probe ended.
    fn take(&self) -> Vec<(Level, String)> {
        let mut lines = self.take_all();
        lines.retain(|(_, line)| {
            !line.contains("circuit_breaker.call_ended") && !line.contains("circuit_breaker.probe")
        });
        lines
    }

    fn one(&self) -> (Level, String) {
        let lines = self.take();
        assert_eq!(lines.len(), 1, "{lines:?}");
        lines.into_iter().next().unwrap()
    }
}

fn dependency(name: &str, max_tenants: usize) -> Dependency {
    let policy = Policy::builder()
        .window(WINDOW)
        .consecutive_failures(3)
        .open_for(OpenPeriod::fixed(PERIOD).jitter(0.0))
        .build()
        .unwrap();
    let registry = CircuitBreakerRegistry::builder();
    let registry = registry.max_tenants(max_tenants).build().unwrap();
    registry.dependency_with(name, policy).unwrap()
}

fn record(dependency: &Dependency, tenant: &str, outcome: Outcome) {
    dependency.acquire(tenant).unwrap().record(outcome);
}

fn trip(dependency: &Dependency, tenant: &str) {
    for _ in 0..3 {
        record(dependency, tenant, Outcome::failure());
    }
}

fn assert_says(line: &str, words: &[&str]) {
    for word in words {
        assert!(line.contains(word), "{word} is not in: {line}");
    }
}

#[tokio::test(start_paused = true)]
async fn opening_and_closing_are_news_and_half_open_is_for_the_curious() {
    let (log, _guard) = Log::begin();
    let search = dependency("search", 10);
    record(&search, "acme", Outcome::Success);
    assert!(log.take().is_empty());
    trip(&search, "acme");
    let (level, line) = log.one();
    assert_eq!(level, Level::INFO);
    assert_says(
        &line,
        &[
            "message=circuit_breaker.transition",
            "dependency=search",
            "tenant.id=acme",
            "from=closed",
            "state=open",
            "reason=consecutive_failures",
            "generation=1",
            "failures: 3",
            "dry_run=false",
        ],
    );
    advance(PERIOD).await;
    record(&search, "acme", Outcome::Success);
    let (level, line) = log.one();
    assert_eq!(level, Level::DEBUG);
    assert_says(&line, &["state=half_open", "reason=period_over"]);
    record(&search, "acme", Outcome::Success);
    let (level, line) = log.one();
    assert_eq!(level, Level::INFO);
    assert_says(
        &line,
        &["from=half_open", "state=closed", "reason=recovered"],
    );
}

#[tokio::test(start_paused = true)]
async fn how_each_call_ended_is_traced() {
    let (log, _guard) = Log::begin();
    let search = dependency("search", 10);
    let permit = search.acquire("acme").unwrap();
    advance(Duration::from_millis(25)).await;
    permit.record(Outcome::throttled());
    let mut lines = log.take_all();
    let (level, line) = lines.pop().unwrap();
    assert_eq!((level, lines.len()), (Level::TRACE, 0));
    assert_says(
        &line,
        &[
            "circuit_breaker.call_ended",
            "search",
            "acme",
            "throttled",
            "25ms",
        ],
    );
    drop(search.acquire("acme").unwrap());
    let (level, line) = log.take_all().pop().unwrap();
    assert_eq!(level, Level::TRACE);
    assert_says(&line, &["cancelled"]);
}

#[tokio::test(start_paused = true)]
async fn rejections_are_traced() {
    let (log, _guard) = Log::begin();
    let search = dependency("search", 10);
    trip(&search, "acme");
    log.take();
    search.acquire("acme").unwrap_err();
    let (level, line) = log.one();
    assert_eq!(level, Level::TRACE);
    assert_says(
        &line,
        &[
            "circuit_breaker.rejection",
            "state=open",
            "tenant.id=acme",
            "consecutive_failures",
        ],
    );
    search.set(Override::DryRun);
    log.take();
    record(&search, "acme", Outcome::Success);
    let (level, line) = log.one();
    assert_eq!(level, Level::TRACE);
    assert_says(&line, &["dry_run=true"]);
}

#[tokio::test(start_paused = true)]
async fn a_lack_of_room_is_warned_of_once_and_traced_each_time() {
    let (log, _guard) = Log::begin();
    let search = dependency("search", 1);
    let _room = search.acquire("acme").unwrap();
    for n in 0..5 {
        record(&search, &format!("newcomer {n}"), Outcome::Success);
    }
    let lines = log.take();
    let of = |wanted| lines.iter().filter(move |(level, _)| *level == wanted);
    assert_eq!((of(Level::WARN).count(), of(Level::TRACE).count()), (1, 5));
    let (_, warning) = of(Level::WARN).next().unwrap();
    assert_says(warning, &["search", "no room", "circuits=1"]);
}

#[tokio::test(start_paused = true)]
async fn a_call_without_a_tenant_is_warned_of_once() {
    let (log, _guard) = Log::begin();
    let search = dependency("search", 1);
    let nobody = tenant_fn(|_: &()| Err(MissingReason::Absent.into()));
    let layer = TenantCircuitBreakerLayer::new(search.clone(), nobody).classify(ErrIsFailure);
    let mut service = layer.layer(service_fn(|()| ready(Ok::<_, BoxError>(()))));
    for _ in 0..3 {
        service.call(()).await.unwrap();
    }
    assert_eq!(search.snapshot().missing_tenant, 3);
    let (level, warning) = log.one();
    assert_eq!(level, Level::WARN);
    assert_says(&warning, &["search", "without a tenant runs unguarded"]);
}

#[tokio::test(start_paused = true)]
async fn an_override_is_news_with_what_was_said_of_it() {
    let (log, _guard) = Log::begin();
    let search = dependency("search", 10);
    search.force_open("the vendor says so");
    let (level, line) = log.one();
    assert_eq!(level, Level::INFO);
    assert_says(
        &line,
        &[
            "circuit_breaker.override",
            "of=dependency",
            "dependency=search",
            "set=forced_open",
            "note=the vendor says so",
        ],
    );
    search.circuit("acme").set_for(Override::DryRun, PERIOD);
    let (level, line) = log.one();
    assert_eq!(level, Level::INFO);
    assert_says(&line, &["tenant.id=acme", "set=dry_run", "lasts=4s"]);
    search.clear();
    let (level, line) = log.one();
    assert_eq!(level, Level::INFO);
    assert!(!line.contains("set="), "{line}");
}

#[tokio::test(start_paused = true)]
async fn a_quota_that_is_used_up_is_news_and_so_is_its_reset() {
    let (log, _guard) = Log::begin();
    let search = dependency("search", 10);
    record(&search, "acme", Outcome::QuotaExhausted);
    let (level, line) = log.one();
    assert_eq!(level, Level::INFO);
    assert_says(
        &line,
        &[
            "circuit_breaker.override",
            "of=circuit",
            "tenant.id=acme",
            "set=forced_open",
            "reason=quota_exhausted",
        ],
    );
    search.circuit("acme").reset();
    let (level, line) = log.one();
    assert_eq!(level, Level::INFO);
    assert_says(&line, &["circuit_breaker.override", "tenant.id=acme"]);
    assert!(
        !line.contains("set=") && !line.contains("reason="),
        "{line}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_is_replaced_is_news_where_it_differs() {
    let (log, _guard) = Log::begin();
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let search = registry.dependency("search").unwrap();
    let acme = search.circuit("acme");
    let policy = |failures| Policy::builder().consecutive_failures(failures).build();
    let policy = |failures| policy(failures).unwrap();
    let replaced = |of: &[&str], not: &str| {
        let (level, line) = log.one();
        assert_eq!(level, Level::INFO);
        assert_says(&line, of);
        assert!(!line.contains(not), "{line}");
    };
    let of_all = ["message=policy replaced", "dependency=search"];
    let of_one = [&of_all[..], &["tenant.id=acme"]].concat();

    search.set_policy(policy(3));
    replaced(&of_all, "tenant.id=");
    acme.set_policy(policy(4)).unwrap();
    replaced(&of_one, "default");
    registry.set_default_policy(policy(6));
    replaced(&["message=default policy replaced"], "search");
    // It is the same.
    search.set_policy(policy(3));
    acme.set_policy(policy(4)).unwrap();
    registry.set_default_policy(policy(6));
    search.circuit("globex").set_policy(policy(3)).unwrap();
    search.circuit("globex").clear_policy();
    search.circuit("initech").clear_policy();
    assert_eq!(log.take(), []);

    acme.clear_policy();
    replaced(&of_one, "default");
    search.clear_policy();
    replaced(&of_all, "tenant.id=");
    search.clear_policy();
    assert_eq!(log.take(), []);
    registry.clear_default_policy();
    replaced(&["message=default policy replaced"], "search");
}

#[test]
fn a_log_that_hears_of_a_policy_may_change_things_in_turn() {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let search = registry.dependency("search").unwrap();
    let (done, is_done) = std::sync::mpsc::channel();
    let log = CallsBack(search.clone(), registry.clone());
    std::thread::spawn(move || {
        let _guard = listen(log);
        let policy = || Policy::low_traffic().build().unwrap();
        registry.set_default_policy(policy());
        registry.clear_default_policy();
        search.set_policy(policy());
        search
            .circuit("acme")
            .set_policy(Policy::default())
            .unwrap();
        search.circuit("acme").clear_policy();
        search.clear_policy();
        done.send(search.circuit("of the log").effective_state())
    });
    let state = is_done.recv_timeout(Duration::from_secs(60));
    assert_eq!(
        state,
        Ok(EffectiveState::ForcedOpen),
        "it hangs, or panicked"
    );
}

#[tokio::test(start_paused = true)]
async fn how_a_probe_ended_is_traced() {
    let (log, _guard) = Log::begin();
    let search = dependency("search", 10);
    trip(&search, "acme");
    advance(PERIOD).await;
    log.take_all();
    record(&search, "acme", Outcome::throttled());
    let lines = log.take_all();
    let mut ended = lines
        .iter()
        .filter(|(_, line)| line.contains("circuit_breaker.probe"));
    let (level, line) = ended.next().unwrap();
    assert_eq!((*level, ended.count()), (Level::TRACE, 0));
    assert_says(
        line,
        &["acme", "outcome=throttled", "slow=false", "generation=2"],
    );
}

#[tokio::test(start_paused = true)]
async fn an_evicted_circuit_is_for_the_curious() {
    let (log, _guard) = Log::begin();
    let search = dependency("search", 1);
    record(&search, "acme", Outcome::Success);
    advance(WINDOW).await;
    log.take();
    record(&search, "globex", Outcome::Success);
    let (level, line) = log.one();
    assert_eq!(level, Level::DEBUG);
    assert_says(&line, &["circuit_breaker.evicted", "tenant.id=acme"]);
}

#[tokio::test(start_paused = true)]
async fn a_forgotten_circuit_is_for_the_curious() {
    let (log, _guard) = Log::begin();
    let search = dependency("search", 1);
    trip(&search, "acme");
    advance(PERIOD + WINDOW + PERIOD).await;
    log.take();
    record(&search, "globex", Outcome::Success);
    let (level, line) = log.one();
    assert_eq!(level, Level::DEBUG);
    assert_says(&line, &["circuit_breaker.forgotten", "tenant.id=acme"]);
}

#[tokio::test(start_paused = true)]
async fn no_id_and_no_name_can_forge_a_line() {
    let (log, _guard) = Log::begin();
    let forged =
        "acme\n2026-11-22 INFO circuit_breaker.transition tenant.id=globex\r\u{1b}[2J\u{2028}";
    let search = dependency(forged, 1);
    trip(&search, forged);
    search.acquire(forged).unwrap_err();
    record(&search, &forged[1..], Outcome::Success);
    advance(3 * PERIOD).await;
    for _ in 0..2 {
        search.acquire_barred(forged, Probing::No).unwrap_err();
    }
    record(&search, forged, Outcome::Success);
    record(&search, forged, Outcome::Success);
    search.circuit(forged).open().unwrap();
    advance(PERIOD + WINDOW + PERIOD).await;
    record(&search, "globex", Outcome::Success);
    advance(WINDOW).await;
    search.circuit(forged).force_open(forged);
    search.acquire(forged).unwrap_err();
    search
        .circuit(forged)
        .set_policy(Policy::default())
        .unwrap();
    let lines = log.take_all();
    assert!(lines.len() >= 16, "{lines:#?}");
    for level in [Level::TRACE, Level::DEBUG, Level::INFO, Level::WARN] {
        assert!(lines.iter().any(|(of, _)| *of == level), "{level}");
    }
    for (_, line) in lines {
        assert!(!line.contains(char::is_control), "{line:?}");
        assert!(!line.contains('\u{2028}'), "{line:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_observer_that_panics_is_logged_as_an_error() {
    let (log, _guard) = Log::begin();
    let registry = CircuitBreakerRegistry::builder()
        .observer(|_: &Event<'_>| panic!("the observer's own"))
        .build()
        .unwrap();
    let search = registry.dependency("search").unwrap();
    search.circuit("acme").open().unwrap();
    let levels: Vec<_> = log.take().into_iter().map(|(level, _)| level).collect();
    assert_eq!(levels, [Level::INFO, Level::ERROR]);
}

#[tokio::test(start_paused = true)]
async fn a_log_that_panics_harms_no_call() {
    let _guard = listen(Broken);
    let search = dependency("search", 1);
    trip(&search, "acme");
    search.acquire("acme").unwrap_err();
    advance(PERIOD).await;
    let permit = search.acquire("acme").unwrap();
    // Dropped by a panic: a second one on the way would end the process.
    let unwound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _permit = permit;
        panic!("the call's own");
    }));
    let panic = unwound.unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"the call's own"));
    assert_eq!(search.snapshot().totals.cancelled, 1);
}

#[tokio::test(start_paused = true)]
async fn a_log_whose_filter_panics_harms_no_call() {
    let _guard = listen(BrokenFilter);
    let search = dependency("search", 1);
    trip(&search, "acme");
    search.acquire("acme").unwrap_err();
    advance(PERIOD).await;
    drop(search.acquire("acme").unwrap());
    assert_eq!(search.snapshot().totals.cancelled, 1);
    drop(search.acquire("without room").unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_log_that_panics_at_a_warning_keeps_no_place_of_a_call() {
    let policy = Policy::builder()
        .consecutive_failures(1)
        .open_for(OpenPeriod::fixed(PERIOD).jitter(0.0))
        .max_in_flight(1)
        .build()
        .unwrap();
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let search = registry.dependency_with("search", policy).unwrap();
    record(&search, "acme", Outcome::failure());
    advance(4 * PERIOD).await;

    let _guard = listen(Broken);
    let permit = search.acquire_barred("acme", Probing::IfNoneElse).unwrap();
    permit.record(Outcome::Success);
    let snapshot = search.circuit("acme").snapshot().unwrap();
    assert_eq!(snapshot.in_flight, Some(0));
    search.acquire("acme").unwrap().record(Outcome::Success);
}

#[tokio::test(start_paused = true)]
async fn each_good_call_is_told_to_who_listens_from_then_on() {
    let search = dependency("search", 10);
    let succeed = |calls| {
        for _ in 0..calls {
            search.acquire("acme").unwrap().record(Outcome::Success);
        }
    };
    succeed(3);
    let (log, _guard) = Log::begin();
    succeed(5);
    let ends = log.take_all();
    assert_eq!(ends.len(), 5, "{ends:?}");
}
