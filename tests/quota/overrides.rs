//! How it gets on with what people force.

use super::*;

/// Sets an override at each level.
fn at_each_level(kind: Override, then: impl Fn(&CircuitBreakerRegistry, &Dependency, Permit)) {
    let sets: [fn(&CircuitBreakerRegistry, &Dependency, Override); 4] = [
        |_, llm, kind| llm.circuit("acme").set(kind),
        |_, llm, kind| llm.set(kind),
        |registry, _, kind| registry.tenant("acme").set(kind),
        |registry, _, kind| registry.set(kind),
    ];
    for set in sets {
        let (registry, llm) = declare(policy());
        let permit = acquire(&llm);
        set(&registry, &llm, kind);
        then(&registry, &llm, permit);
    }
}

fn clear_all(registry: &CircuitBreakerRegistry, llm: &Dependency) {
    llm.clear();
    registry.tenant("acme").clear();
    registry.clear();
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_at_whatever_level_only_counts_it() {
    at_each_level(Override::DryRun, |registry, llm, permit| {
        permit.record(Outcome::QuotaExhausted);
        assert_eq!(snapshot(llm).totals.throttled, 1);
        record(llm, Outcome::QuotaExhausted);
        assert_eq!(snapshot(llm).totals.throttled, 2);
        clear_all(registry, llm);
        assert!(!is_held(llm));
        record(llm, Outcome::Success);
    });
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_that_another_override_beats_for_now_is_one_too() {
    let (registry, llm) = declare(policy());
    let permit = acquire(&llm);
    registry.set(Override::DryRun);
    llm.set_for(Override::ForcedOpen, SECOND);
    permit.record(Outcome::QuotaExhausted);
    advance(SECOND).await;
    record(&llm, Outcome::Success);
}

#[tokio::test(start_paused = true)]
async fn disabled_at_whatever_level_records_nothing_of_it() {
    at_each_level(Override::Disabled, |registry, llm, permit| {
        permit.record(Outcome::QuotaExhausted);
        record(llm, Outcome::QuotaExhausted);
        assert_eq!(snapshot(llm).totals.throttled, 0);
        clear_all(registry, llm);
        assert!(!is_held(llm));
    });
}

#[tokio::test(start_paused = true)]
async fn the_kill_switch_beats_it() {
    let (registry, llm) = declare(policy());
    exhaust(&llm);
    registry.set(Override::Disabled);
    record(&llm, Outcome::Success);
    registry.clear();
    assert_eq!(rejected(&llm).reason(), Reason::QuotaExhausted);
}

#[tokio::test(start_paused = true)]
async fn what_somebody_forced_on_the_circuit_stays() {
    let llm = llm();
    let (permit, acme) = (acquire(&llm), llm.circuit("acme"));
    acme.force_open("maintenance");
    permit.record(Outcome::QuotaExhausted);
    let open = rejected(&llm);
    assert_eq!(
        (open.reason(), open.note()),
        (Reason::Forced, Some("maintenance"))
    );
    assert_eq!(snapshot(&llm).totals.throttled, 1);
    acme.clear();
    record(&llm, Outcome::Success);
}

#[tokio::test(start_paused = true)]
async fn what_somebody_forced_on_the_circuit_and_has_ended_does_not_stay() {
    let llm = llm();
    let permit = acquire(&llm);
    llm.circuit("acme").set_for(Override::ForcedOpen, SECOND);
    advance(SECOND).await;
    permit.record(Outcome::QuotaExhausted);
    assert_eq!(rejected(&llm).reason(), Reason::QuotaExhausted);
    llm.circuit("acme").clear();
    record(&llm, Outcome::Success);
}

#[tokio::test(start_paused = true)]
async fn what_is_forced_on_the_circuit_later_takes_its_place() {
    let llm = llm();
    let acme = llm.circuit("acme");
    exhaust(&llm);
    acme.set_for(Override::Disabled, SECOND);
    record(&llm, Outcome::Success);
    advance(SECOND).await;
    // Nothing is left of it.
    record(&llm, Outcome::Success);
    exhaust(&llm);
    acme.force_open("by hand");
    assert_eq!(rejected(&llm).reason(), Reason::Forced);
    acme.clear();
    record(&llm, Outcome::Success);
}

#[tokio::test(start_paused = true)]
async fn beneath_what_is_forced_open_farther_away_it_is_held_all_the_same() {
    let (registry, llm) = declare(policy());
    let permit = acquire(&llm);
    llm.force_open("maintenance");
    registry.tenant("acme").force_open("unpaid");
    permit.record(Outcome::QuotaExhausted);
    // It is the nearest.
    assert_eq!(rejected(&llm).reason(), Reason::QuotaExhausted);
    clear_all(&registry, &llm);
    assert_eq!(rejected(&llm).reason(), Reason::QuotaExhausted);
    llm.circuit("acme").reset();
    record(&llm, Outcome::Success);
}
