//! Law 15: a clock that stands still or steps back never panics, reopens or un-expires anything.
//!
//! The paused clock of a tokio runtime cannot be set back. But each runtime has its own, so a program that
//! goes from one runtime to another is told another time.

use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::time::advance;
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitState, Dependency, EffectiveState, LatencyRule, OpenPeriod,
    Outcome, Override, Permit, Policy, PolicyBuilder, Probing, Reason,
};

/// A clock that stands still at this many seconds. Made one after another, clocks of the same second are
/// a few microseconds apart.
struct Clock(Runtime);

impl Clock {
    fn at(seconds: u64) -> Self {
        let runtime = Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(advance(Duration::from_secs(seconds)));
        Self(runtime)
    }

    /// What happens while this clock is the one in force.
    fn then<T>(&self, happens: impl FnOnce() -> T) -> T {
        let _in_force = self.0.enter();
        happens()
    }
}

/// One failure opens for ten seconds, one success closes.
fn policy() -> PolicyBuilder {
    Policy::builder()
        .window(Duration::from_secs(60))
        .consecutive_failures(1)
        .open_for(OpenPeriod::fixed(Duration::from_secs(10)).jitter(0.0))
        .success_threshold(1)
        .half_open_max_calls(1)
}

fn dependency(policy: PolicyBuilder) -> Dependency {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let policy = policy.build().unwrap();
    registry.dependency_with("search", policy).unwrap()
}

fn acquire(search: &Dependency) -> Permit {
    search.acquire("acme").unwrap()
}

fn fail(search: &Dependency, times: usize) {
    for _ in 0..times {
        acquire(search).record(Outcome::failure());
    }
}

#[test]
fn the_clock_of_this_file_does_step_back() {
    let (early, late) = (Clock::at(0), Clock::at(100));
    let now = tokio::time::Instant::now;
    let before = late.then(now);
    let gap = before.saturating_duration_since(early.then(now));
    assert!(gap >= Duration::from_secs(100));
}

#[test]
fn a_clock_that_stands_still_lets_a_circuit_trip_and_recover_by_hand() {
    let clock = Clock::at(0);
    clock.then(|| {
        let search = dependency(policy());
        fail(&search, 1);
        assert_eq!(search.state("acme"), CircuitState::Open);
        for _ in 0..100 {
            assert!(search.acquire("acme").is_err());
        }
        search.circuit("acme").half_open().unwrap();
        acquire(&search).record(Outcome::Success);
        assert_eq!(search.state("acme"), CircuitState::Closed);
        let snapshot = search.circuit("acme").snapshot().unwrap();
        assert_eq!(snapshot.totals.time_open, Duration::ZERO);
    });
}

#[test]
fn a_step_behind_the_registry_s_creation_panics_nowhere() {
    let (early, created, late) = (Clock::at(0), Clock::at(50_000), Clock::at(100_000));
    for state in [
        CircuitState::Closed,
        CircuitState::Open,
        CircuitState::HalfOpen,
    ] {
        let policy = policy().max_in_flight(9).initial_state(state);
        let search = created.then(|| dependency(policy));
        let permits = late.then(|| [search.acquire("acme"), search.acquire("acme")]);
        early.then(|| {
            drop(permits);
            for probing in [Probing::Yes, Probing::No, Probing::IfNoneElse] {
                drop(search.acquire_barred("acme", probing));
            }
            for outcome in [
                Outcome::Success,
                Outcome::throttled().with_retry_after(Duration::from_secs(1)),
                Outcome::failure().with_retry_after(Duration::MAX),
                Outcome::Ignored,
            ] {
                if let Ok(permit) = search.acquire("acme") {
                    permit.record(outcome);
                }
                let acme = search.circuit("acme");
                let _ = (acme.snapshot(), acme.would_admit(), acme.effective_state());
                acme.open().unwrap();
                acme.half_open().unwrap();
                acme.reset();
                acme.set_for(Override::Disabled, Duration::MAX);
                acme.clear();
            }
            let _ = (search.snapshot(), search.circuit_snapshots());
        });
    }
}

#[test]
fn a_call_that_ends_before_it_began_took_no_time() {
    let (early, late) = (Clock::at(0), Clock::at(100));
    let rule = LatencyRule::p50(Duration::from_secs(1)).min_calls(1);
    let search = early.then(|| dependency(policy().latency(rule)));
    let permit = late.then(|| acquire(&search));
    early.then(|| permit.record(Outcome::Success));
    let snapshot = early.then(|| search.circuit("acme").snapshot().unwrap());
    assert_eq!((snapshot.window.calls, snapshot.window.slow[0]), (1, 0));
}

#[test]
fn busy_circuits_with_histograms_survive_steps_in_both_directions() {
    let clocks = [0, 500, 3, 1_000_000, 499, 0].map(Clock::at);
    let search = clocks[2].then(|| dependency(policy().without_latency()));
    for clock in &clocks {
        clock.then(|| {
            for _ in 0..300 {
                acquire(&search).record(Outcome::Success);
            }
            let _ = search.circuit("acme").snapshot().unwrap();
        });
    }
    assert_eq!(search.snapshot().totals.calls, 1_800);
}

#[test]
fn a_step_back_does_not_reopen_a_half_open_circuit() {
    let clock = Clock::at(0);
    let later = Clock::at(20);
    let search = clock.then(|| dependency(policy().half_open_max_calls(2)));
    clock.then(|| fail(&search, 1));
    let probe = later.then(|| acquire(&search));
    assert!(probe.is_probe());
    clock.then(|| {
        assert_eq!(search.state("acme"), CircuitState::HalfOpen);
        assert!(acquire(&search).is_probe());
        probe.record(Outcome::Success);
        assert_eq!(search.state("acme"), CircuitState::Closed);
    });
}

#[test]
fn a_step_back_does_not_reopen_a_closed_circuit() {
    let clock = Clock::at(0);
    let later = Clock::at(20);
    let search = clock.then(|| dependency(policy()));
    clock.then(|| fail(&search, 1));
    later.then(|| acquire(&search).record(Outcome::Success));
    clock.then(|| {
        assert_eq!(search.state("acme"), CircuitState::Closed);
        acquire(&search).record(Outcome::Success);
        assert_eq!(search.state("acme"), CircuitState::Closed);
    });
}

#[test]
fn a_step_back_does_not_bring_an_open_period_back_that_a_call_has_seen_over() {
    let clock = Clock::at(0);
    let later = Clock::at(20);
    let search = clock.then(|| dependency(policy()));
    clock.then(|| fail(&search, 1));
    let barred = later.then(|| search.acquire_barred("acme", Probing::No));
    let barred = barred.unwrap_err();
    assert_eq!(barred.circuit_open().unwrap().reason(), Reason::Barred);
    assert!(clock.then(|| acquire(&search)).is_probe());
}

#[test]
fn a_step_back_does_not_bring_samples_back_into_the_window() {
    let clock = Clock::at(0);
    let (later, between) = (Clock::at(65), Clock::at(30));
    let rules = policy()
        .without_consecutive_failures()
        .failure_threshold(5)
        .failure_rate(0.5)
        .min_calls(5);
    let search = clock.then(|| dependency(rules));
    clock.then(|| fail(&search, 4));
    later.then(|| fail(&search, 1));
    between.then(|| fail(&search, 3));
    // Four within the window: those of the beginning are gone.
    assert_eq!(search.state("acme"), CircuitState::Closed);
    let snapshot = between.then(|| search.circuit("acme").snapshot().unwrap());
    assert_eq!((snapshot.window.calls, snapshot.window.failures), (4, 4));
    between.then(|| fail(&search, 1));
    assert_eq!(search.state("acme"), CircuitState::Open);
}

#[test]
fn a_step_back_does_not_bring_back_a_run_that_an_idle_window_ended() {
    let clock = Clock::at(0);
    let (later, between) = (Clock::at(65), Clock::at(30));
    let rules = policy().consecutive_failures(3).abandoned_run(3);
    let search = clock.then(|| dependency(rules));
    clock.then(|| fail(&search, 2));
    later.then(|| fail(&search, 1));
    between.then(|| fail(&search, 1));
    assert_eq!(search.state("acme"), CircuitState::Closed);

    search.reset();
    let cancel = || drop(acquire(&search));
    clock.then(cancel);
    clock.then(cancel);
    later.then(cancel);
    between.then(cancel);
    assert_eq!(search.state("acme"), CircuitState::Closed);
}

#[test]
fn a_step_back_does_not_bring_back_the_lease_of_a_probe() {
    let clock = Clock::at(0);
    let (later, after_lease) = (Clock::at(20), Clock::at(100));
    let search = clock.then(|| dependency(policy()));
    clock.then(|| fail(&search, 1));
    let overdue = later.then(|| acquire(&search));
    let second = after_lease.then(|| acquire(&search));
    later.then(|| {
        // The first has no place any more, so it cannot free the second's.
        overdue.record(Outcome::Ignored);
        assert!(search.acquire("acme").is_err());
        second.record(Outcome::Ignored);
        assert!(acquire(&search).is_probe());
    });
}

#[test]
fn a_step_back_does_not_bring_back_an_override_that_has_ended() {
    let clock = Clock::at(0);
    let later = Clock::at(20);
    let period = Duration::from_secs(10);
    for level in 0..4 {
        let registry = CircuitBreakerRegistry::builder();
        let registry = clock.then(|| registry.build().unwrap());
        let search = clock.then(|| registry.dependency("search").unwrap());
        clock.then(|| {
            drop(acquire(&search));
            match level {
                0 => search.circuit("acme").set_for(Override::ForcedOpen, period),
                1 => search.set_for(Override::ForcedOpen, period),
                2 => registry
                    .tenant("acme")
                    .set_for(Override::ForcedOpen, period),
                _ => registry.set_for(Override::ForcedOpen, period),
            }
            assert!(search.acquire("acme").is_err());
        });
        later.then(|| drop(acquire(&search)));
        clock.then(|| {
            drop(acquire(&search));
            let effective = search.effective_state("acme");
            assert_eq!(effective, EffectiveState::Automatic(CircuitState::Closed));
            // Neither does another override, which makes all levels be looked at again.
            match level {
                0 => registry.tenant("acme").set(Override::DryRun),
                1 => registry.set(Override::DryRun),
                2 => search.circuit("acme").set(Override::DryRun),
                _ => search.set(Override::DryRun),
            }
            drop(acquire(&search));
            let effective = search.effective_state("acme");
            assert_eq!(effective, EffectiveState::DryRun(CircuitState::Closed));
        });
    }
}

#[test]
fn a_step_back_does_not_bring_back_an_override_of_a_tenant_without_a_circuit() {
    let clock = Clock::at(0);
    let later = Clock::at(20);
    let search = clock.then(|| dependency(policy()));
    let acme = search.circuit("acme");
    clock.then(|| {
        acme.set_for(Override::ForcedOpen, Duration::from_secs(10));
        assert!(!acme.would_admit());
    });
    assert!(later.then(|| acme.would_admit()));
    assert!(clock.then(|| acme.would_admit()));
    assert!(clock.then(|| search.acquire("acme")).is_ok());
}

#[test]
fn a_step_back_lengthens_no_stretch_of_openings_into_the_past() {
    let clock = Clock::at(0);
    let (tripped, back) = (Clock::at(1_000), Clock::at(500));
    let period = OpenPeriod::exponential(Duration::from_secs(10), Duration::from_secs(80));
    let search = clock.then(|| dependency(policy().open_for(period.jitter(0.0))));
    tripped.then(|| {
        fail(&search, 1);
        search.circuit("acme").half_open().unwrap();
        acquire(&search).record(Outcome::Success);
    });
    // Closed for no time at all by this clock: the growth goes on.
    back.then(|| {
        fail(&search, 1);
        let snapshot = search.circuit("acme").snapshot().unwrap();
        assert_eq!(snapshot.retry_after, Some(Duration::from_secs(20)));
        assert_eq!(snapshot.totals.time_open, Duration::ZERO);
    });
}
