//! Law 23: a prober outlives neither its handle nor its dependency.

use std::sync::Weak;

use tokio::task::yield_now;
use tokio::time::timeout;
use tower_tenant_breaker::{Event, ProberError};

use super::*;

/// What the scheduler needs to drop what was aborted.
async fn settle() {
    for _ in 0..10 {
        yield_now().await;
    }
}

async fn ended(prober: &mut RecoveryProber) {
    timeout(100 * SECOND, prober.stopped()).await.unwrap();
}

/// A registry with a prober whose probe of `acme` is in the air; what its observer and its closure hold is told.
async fn probing() -> (
    CircuitBreakerRegistry,
    Dependency,
    RecoveryProber,
    Upstream,
    [Weak<()>; 2],
) {
    let held = [Arc::new(()), Arc::new(())];
    let weak = held.each_ref().map(Arc::downgrade);
    let [by_observer, by_closure] = held;
    let registry = CircuitBreakerRegistry::builder()
        .observer(move |_: &Event<'_>| _ = &by_observer)
        .build()
        .unwrap();
    let policy = policy().build().unwrap();
    let search = registry.dependency_with("search", policy).unwrap();
    let upstream = Upstream::up().hanging();
    let asked = upstream.clone();
    let prober = prober(&search)
        .spawn(move |target| {
            let _ = &by_closure;
            asked.ask(&target)
        })
        .unwrap();
    want(&search, "acme", 1);
    pass(PERIOD + HALF).await;
    assert_eq!(upstream.in_the_air(), 1);
    (registry, search, prober, upstream, weak)
}

#[tokio::test(start_paused = true)]
async fn dropped_it_stops_and_its_probes_are_cancelled_with_their_places_free() {
    let (_registry, search, prober, upstream, held) = probing().await;
    drop(prober);
    settle().await;
    assert_eq!(upstream.in_the_air(), 0);
    assert!(held[1].upgrade().is_none(), "the closure");
    assert_eq!(search.state("acme"), CircuitState::HalfOpen);
    let totals = search.snapshot().totals;
    assert_eq!((totals.cancelled, totals.probe_failures), (1, 0));
    // Both places.
    let live = [search.acquire("acme"), search.acquire("acme")];
    assert!(live.iter().all(Result::is_ok));
    pass(100 * SECOND).await;
    assert_eq!(upstream.asked(), ["acme"]);
}

#[tokio::test(start_paused = true)]
async fn stopped_it_has_nothing_left() {
    let (_registry, search, prober, upstream, held) = probing().await;
    timeout(100 * SECOND, prober.stop()).await.unwrap();
    assert_eq!(upstream.in_the_air(), 0);
    assert!(held[1].upgrade().is_none(), "the closure");
    assert_eq!(search.snapshot().totals.cancelled, 1);
}

/// As [`probing`], in the midst of a look at which `globex` is wanted too.
async fn looking() -> (CircuitBreakerRegistry, Dependency, RecoveryProber, Upstream) {
    let (registry, search, prober, upstream, _) = probing().await;
    want(&search, "globex", 1);
    pass(PERIOD + HALF).await;
    // It lets others run after each shard, of which there are 16 at least.
    for _ in 0..3 {
        yield_now().await;
    }
    assert_eq!(search.state("globex"), CircuitState::Open);
    (registry, search, prober, upstream)
}

#[tokio::test(start_paused = true)]
async fn in_the_midst_of_a_look_nobody_is_asked_yet() {
    let (_registry, search, _prober, upstream) = looking().await;
    let before = tokio::time::Instant::now();
    // It has 127 shards at most.
    for _ in 0..20 {
        settle().await;
    }
    assert_eq!(tokio::time::Instant::now(), before, "not at the next look");
    assert_eq!(search.state("globex"), CircuitState::HalfOpen);
    assert_eq!(upstream.asked(), ["acme", "globex"]);
}

#[tokio::test(start_paused = true)]
async fn dropped_in_the_midst_of_a_look_it_looks_no_further() {
    let (_registry, search, prober, upstream) = looking().await;
    drop(prober);
    settle().await;
    assert_eq!(upstream.in_the_air(), 0, "before the look would have ended");
    pass(100 * SECOND).await;
    assert_eq!(search.state("globex"), CircuitState::Open);
    assert_eq!(upstream.asked(), ["acme"]);
}

#[tokio::test(start_paused = true)]
async fn stopped_in_the_midst_of_a_look_it_takes_on_none_of_what_it_finds() {
    let (_registry, search, prober, upstream) = looking().await;
    timeout(100 * SECOND, prober.stop()).await.unwrap();
    assert_eq!(search.state("globex"), CircuitState::Open);
    assert_eq!(search.snapshot().totals.probes, 1, "of acme");
    assert_eq!(upstream.asked(), ["acme"]);
}

#[tokio::test(start_paused = true)]
async fn a_dependency_that_goes_in_the_midst_of_a_look_has_none_of_its_circuits_taken_on() {
    let (registry, search, mut prober, _upstream) = looking().await;
    let mut events = registry.subscribe();
    drop((registry, search));
    ended(&mut prober).await;
    let told = std::iter::from_fn(|| events.try_recv().ok().flatten());
    let of: Vec<_> = told.filter_map(|event| event.tenant).collect();
    assert!(of.iter().all(|tenant| &**tenant == "acme"), "{of:?}");
}

#[tokio::test(start_paused = true)]
async fn it_ends_at_once_when_the_dependency_is_gone_and_frees_all() {
    let (registry, search, mut prober, upstream, held) = probing().await;
    drop(search);
    settle().await;
    assert!(!prober.is_stopped(), "the registry holds the dependency");
    let before = tokio::time::Instant::now();
    drop(registry);
    ended(&mut prober).await;
    assert_eq!(tokio::time::Instant::now(), before, "not at the next look");
    ended(&mut prober).await;
    assert!(prober.is_stopped());
    assert_eq!(upstream.in_the_air(), 0);
    assert!(held.iter().all(|held| held.upgrade().is_none()), "{held:?}");
    assert_eq!(prober.dependency(), "search");
}

#[tokio::test(start_paused = true)]
async fn it_keeps_no_dependency_alive_while_nothing_is_open() {
    let search = declare(policy());
    let mut prober = Upstream::up().spawn(prober(&search));
    pass(10 * SECOND).await;
    drop(search);
    ended(&mut prober).await;
}

#[tokio::test(start_paused = true)]
async fn a_dependency_has_one_prober_at_a_time() {
    let search = declare(policy());
    let upstream = Upstream::up();
    let first = upstream.spawn(prober(&search));
    let second = prober(&search).spawn(async |_| Outcome::Success);
    assert_eq!(
        second.unwrap_err(),
        ProberError::AlreadyProbed("search".to_owned())
    );
    drop(first);
    // At once, before the first one's task has run again.
    let second = upstream.spawn(prober(&search));
    settle().await;
    let third = prober(&search).spawn(async |_| Outcome::Success);
    assert!(
        third.is_err(),
        "the end of the first one's task frees nothing"
    );
    want(&search, "acme", 1);
    pass(PERIOD + SECOND).await;
    assert_eq!(search.state("acme"), CircuitState::Closed);
    drop(second);
}

#[tokio::test(start_paused = true)]
async fn one_that_follows_another_probes_no_circuit_twice_at_once() {
    let (_registry, search, prober, upstream, _) = probing().await;
    // Its task has not run again when the next one looks.
    drop(prober);
    let _next = upstream.spawn(super::prober(&search));
    reject(&search, "acme", 1);
    pass(2 * SECOND).await;
    assert_eq!(upstream.most(), (1, 1));
    assert_eq!(upstream.asked(), ["acme", "acme"]);
}

#[test]
fn a_runtime_that_ends_takes_it_along() {
    let search = declare(policy());
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap()
    };
    let first = runtime();
    let prober = first.block_on(async { Upstream::up().spawn(prober(&search)) });
    drop(first);
    assert!(prober.is_stopped());
    // Its place is free, though the handle is there.
    let _next = runtime().block_on(async { Upstream::up().spawn(super::prober(&search)) });
    drop(prober);
}
