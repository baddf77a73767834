//! What lifts it.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_reset_of_whatever_reach_lifts_it() {
    let resets: [fn(&CircuitBreakerRegistry, &Dependency); 4] = [
        |_, llm| llm.circuit("acme").reset(),
        |_, llm| llm.reset(),
        |registry, _| registry.tenant("acme").reset(),
        |registry, _| registry.reset(),
    ];
    for reset in resets {
        let (registry, llm) = declare(policy());
        exhaust(&llm);
        reset(&registry, &llm);
        assert_eq!(llm.circuit("acme").override_in_force(), None);
        assert_eq!(
            llm.effective_state("acme"),
            EffectiveState::Automatic(CircuitState::Closed)
        );
        record(&llm, Outcome::Success);
        exhaust(&llm);
        assert!(is_held(&llm), "it is held again");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reset_lifts_no_override_that_somebody_set() {
    let (registry, llm) = declare(policy());
    exhaust(&llm);
    let acme = llm.circuit("acme");
    for kind in [
        Override::ForcedOpen,
        Override::Disabled,
        Override::DryRun,
        Override::ForcedOpen,
    ] {
        acme.set(kind);
        acme.reset();
        llm.reset();
        registry.tenant("acme").reset();
        let standing = acme.override_in_force().unwrap();
        assert_eq!((standing.kind, standing.reason), (kind, Reason::Forced));
    }
}

#[tokio::test(start_paused = true)]
async fn a_reset_leaves_the_override_of_the_tenant_in_force() {
    let (registry, llm) = declare(policy());
    exhaust(&llm);
    registry.tenant("acme").force_open("unpaid");
    llm.circuit("acme").reset();
    let open = rejected(&llm);
    assert_eq!(
        (open.reason(), open.note()),
        (Reason::Forced, Some("unpaid"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_that_a_reset_has_overtaken_does_not_bring_it_back() {
    // Of a circuit that was never bad, of one that is held, and of one that has opened.
    let befores: [fn(&Dependency); 3] = [
        |llm| record(llm, Outcome::Success),
        exhaust,
        |llm| llm.circuit("acme").open().unwrap(),
    ];
    for before in befores {
        let llm = llm();
        let sent_before = acquire(&llm);
        before(&llm);
        llm.circuit("acme").reset();
        sent_before.record(Outcome::QuotaExhausted);
        assert!(!is_held(&llm));
        assert_eq!(snapshot(&llm).totals.late, 1);
        record(&llm, Outcome::Success);
    }
}

#[tokio::test(start_paused = true)]
async fn clear_lifts_it_and_leaves_calls_in_the_air_current() {
    let llm = llm();
    let (in_the_air, acme) = (acquire(&llm), llm.circuit("acme"));
    exhaust(&llm);
    let generation = snapshot(&llm).generation;
    acme.clear();
    record(&llm, Outcome::Success);
    assert_eq!(snapshot(&llm).generation, generation);
    in_the_air.record(Outcome::QuotaExhausted);
    assert!(is_held(&llm));
}

#[tokio::test(start_paused = true)]
async fn neither_a_recovery_nor_what_is_done_to_its_state_lifts_it() {
    let llm = llm();
    let acme = llm.circuit("acme");
    exhaust(&llm);
    acme.open().unwrap();
    acme.half_open().unwrap();
    llm.begin_recovery();
    llm.clear();
    llm.set_policy(policy().consecutive_failures(9).build().unwrap());
    advance(YEAR).await;
    assert_eq!(rejected(&llm).reason(), Reason::QuotaExhausted);
}
