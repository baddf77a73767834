//! DryRun: the automatic machine runs on in shadow.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_dry_run_admits_what_it_would_have_rejected_and_does_not_record_it() {
    for level in LEVELS {
        let levels = Levels::new();
        let search = &levels.search;
        levels.set(level, Override::DryRun);
        fail(search);
        assert_eq!(search.state("acme"), CircuitState::Open, "{level:?}");
        let seen = search.effective_state("acme");
        assert_eq!(seen, EffectiveState::DryRun(CircuitState::Open));
        let before = snapshot(search);
        for _ in 0..10 {
            assert!(search.circuit("acme").would_admit());
            acquire(search).record(Outcome::Success);
            fail(search);
            drop(acquire(search));
        }
        let mut totals = snapshot(search).totals;
        assert_eq!(totals.would_reject, 30);
        totals.would_reject = 0;
        assert_eq!(totals, before.totals);
        levels.clear(level);
        assert!(search.acquire("acme").is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_s_machine_runs_on_in_shadow() {
    let search = dependency();
    search.set(Override::DryRun);
    fail(&search);
    let would_be_rejected = acquire(&search);
    assert!(!would_be_rejected.is_probe());
    advance(PERIOD).await;
    let probe = acquire(&search);
    assert!(probe.is_probe());
    assert_eq!(search.state("acme"), CircuitState::HalfOpen);
    // Full, so it is admitted and not recorded.
    fail(&search);
    assert_eq!(search.state("acme"), CircuitState::HalfOpen);
    probe.record(Outcome::Success);
    assert_eq!(search.state("acme"), CircuitState::Closed);
    would_be_rejected.record(Outcome::failure());
    assert_eq!(search.state("acme"), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_tells_once_per_would_be_transition() {
    let (registry, told) = observed();
    let search = declare(&registry, policy());
    search.set(Override::DryRun);
    fail(&search);
    fail(&search);
    fail(&search);
    advance(PERIOD).await;
    acquire(&search).record(Outcome::Success);
    let told = told.lock().unwrap();
    assert!(told.iter().all(|(.., dry_run)| *dry_run));
    let transitions: Vec<_> = told
        .iter()
        .filter_map(|(kind, ..)| match kind {
            EventKind::Transition { from, to, .. } => Some((*from, *to)),
            _ => None,
        })
        .collect();
    use CircuitState::{Closed, HalfOpen, Open};
    let expected = [(Closed, Open), (Open, HalfOpen), (HalfOpen, Closed)];
    assert_eq!(transitions, expected);
    let rejections = told.iter().filter(|told| told.0 == EventKind::Rejection);
    assert_eq!(rejections.count(), 2);
}
