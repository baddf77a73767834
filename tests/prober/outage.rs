//! While a dependency is down for all, the prober's probes are those of the outage.

use tower_tenant_breaker::{OutagePolicy, Override};

use super::*;

/// Three tenants that make up a fifth of the active ones are an outage, of four seconds at first.
fn outage() -> PolicyBuilder {
    policy()
        .open_for(OpenPeriod::fixed(30 * SECOND).jitter(0.0))
        .outage(
            OutagePolicy::default()
                .min_tenants(3)
                .min_share(0.2)
                .open_for(OpenPeriod::fixed(PERIOD).jitter(0.0))
                .recovery_spread(Duration::ZERO),
        )
}

/// Ten tenants, `tenant 0` to `2` of which have just lost their circuits.
fn in_outage(policy: PolicyBuilder) -> Dependency {
    let search = declare(policy);
    for tenant in 0..10 {
        search
            .acquire(&name(tenant))
            .unwrap()
            .record(Outcome::Success);
    }
    for tenant in 0..3 {
        trip(&search, &name(tenant));
    }
    assert!(search.outage().is_some());
    search
}

fn name(tenant: usize) -> String {
    format!("tenant {tenant}")
}

fn totals(search: &Dependency, tenant: usize) -> (u64, u64) {
    let totals = search.circuit(&name(tenant)).snapshot().unwrap().totals;
    (totals.calls, totals.probes)
}

#[tokio::test(start_paused = true)]
async fn it_is_probed_through_its_own_circuit_and_in_the_name_of_who_asked() {
    let search = in_outage(outage());
    let upstream = Upstream::up();
    let _prober = upstream.spawn(prober(&search));
    sleep(HALF).await;
    reject(&search, &name(5), 1);
    pass(PERIOD - SECOND).await;
    assert!(upstream.asked().is_empty());
    pass(SECOND).await;
    assert_eq!(upstream.asked(), ["tenant 5", "tenant 5"]);
    assert!(search.outage().is_none());
    assert_eq!(totals(&search, 5), (1, 0), "its own circuit is untouched");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_probed_that_nobody_asks_for() {
    let search = in_outage(outage());
    let upstream = Upstream::up();
    let _prober = upstream.spawn(prober(&search));
    pass(100 * SECOND).await;
    assert!(upstream.asked().is_empty());
    assert!(search.outage().is_some());
}

#[tokio::test(start_paused = true)]
async fn as_many_at_once_in_all_as_the_outage_admits_and_each_for_another_tenant() {
    let search = in_outage(outage());
    let upstream = Upstream::up().hanging();
    let _prober = upstream.spawn(prober(&search).concurrency(8));
    sleep(HALF).await;
    for tenant in 3..10 {
        reject(&search, &name(tenant), tenant);
    }
    pass(PERIOD + 4 * SECOND).await;
    assert_eq!(upstream.asked(), ["tenant 9", "tenant 8"]);
    assert_eq!(upstream.most(), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn who_finds_no_place_keeps_its_demand() {
    let search = in_outage(outage());
    let upstream = Upstream::new(Outcome::Ignored);
    let _prober = upstream.spawn(prober(&search).concurrency(8));
    sleep(HALF).await;
    for tenant in 3..10 {
        reject(&search, &name(tenant), tenant);
    }
    pass(PERIOD + 4 * SECOND).await;
    let expected: Vec<_> = (3..10).rev().map(name).collect();
    assert_eq!(upstream.asked(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_failed_one_begins_another_period_in_which_demand_counts_anew() {
    let search = in_outage(outage());
    let upstream = Upstream::down();
    let _prober = upstream.spawn(prober(&search).concurrency(1));
    sleep(HALF).await;
    reject(&search, &name(4), 2);
    reject(&search, &name(5), 9);
    pass(PERIOD).await;
    assert_eq!(upstream.asked(), ["tenant 5"]);
    // Tenant 4 has not asked since.
    pass(3 * PERIOD).await;
    assert!(upstream.asked().is_empty());
    reject(&search, &name(5), 1);
    pass(SECOND).await;
    assert_eq!(upstream.asked(), ["tenant 5"]);
}

#[tokio::test(start_paused = true)]
async fn for_tenants_without_a_circuit_another_is_asked() {
    let search = in_outage(outage());
    let upstream = Upstream::up();
    let _prober = upstream.spawn(prober(&search).concurrency(1));
    sleep(HALF).await;
    reject(&search, "newcomer", 3);
    pass(PERIOD + SECOND).await;
    let asked = upstream.asked();
    assert_eq!(asked.len(), 2);
    // Those that are open by their own period are left alone.
    assert!((3..10).any(|tenant| asked[0] == name(tenant)), "{asked:?}");
    assert!(search.outage().is_none());
}

#[tokio::test(start_paused = true)]
async fn and_a_probe_answers_for_all_of_them() {
    let search = in_outage(outage());
    let upstream = Upstream::down();
    let _prober = upstream.spawn(prober(&search).concurrency(1));
    sleep(HALF).await;
    reject(&search, "newcomer", 3);
    pass(PERIOD + SECOND).await;
    assert_eq!(upstream.asked().len(), 1);
    pass(3 * PERIOD).await;
    assert!(upstream.asked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn and_while_there_is_nobody_to_ask_they_wait() {
    let search = in_outage(outage());
    let upstream = Upstream::up();
    let _prober = upstream.spawn(prober(&search));
    sleep(HALF).await;
    reject(&search, "newcomer", 1);
    search.force_open("maintenance");
    pass(PERIOD + 2 * SECOND).await;
    assert!(upstream.asked().is_empty());
    search.clear();
    pass(SECOND).await;
    assert!(!upstream.asked().is_empty());
    assert!(search.outage().is_none());
}

#[tokio::test(start_paused = true)]
async fn no_circuit_is_probed_on_its_own_and_a_tenant_in_its_period_is_left_alone() {
    let search = in_outage(outage());
    let upstream = Upstream::up();
    let _prober = upstream.spawn(prober(&search));
    sleep(HALF).await;
    // Open for 30 s by its own rules.
    reject(&search, &name(0), 50);
    pass(PERIOD + 3 * SECOND).await;
    assert!(upstream.asked().is_empty());
    reject(&search, &name(7), 1);
    pass(SECOND).await;
    // At its end, all that was open may be probed.
    pass(SECOND).await;
    assert_eq!(
        upstream.asked(),
        ["tenant 7", "tenant 7", "tenant 0", "tenant 0"]
    );
    assert_eq!(search.state(&name(0)), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn its_probes_end_with_it() {
    let search = in_outage(outage().open_for(OpenPeriod::fixed(SECOND).jitter(0.0)));
    let upstream = Upstream::up();
    let _prober = upstream.spawn(prober(&search));
    sleep(HALF).await;
    reject(&search, &name(0), 1);
    pass(PERIOD + 5 * SECOND).await;
    assert_eq!(upstream.asked(), [name(0), name(0)]);
    assert!(search.outage().is_none());
    // Its own circuit is open, and nobody has asked for that since.
    assert_eq!(search.state(&name(0)), CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn what_a_tenant_was_refused_before_its_circuit_closed_is_no_demand() {
    let search = declare(outage());
    for tenant in 0..10 {
        search
            .acquire(&name(tenant))
            .unwrap()
            .record(Outcome::Success);
    }
    want(&search, &name(9), 100);
    search.circuit(&name(9)).reset();
    for tenant in 0..3 {
        trip(&search, &name(tenant));
    }
    let upstream = Upstream::down();
    let _prober = upstream.spawn(prober(&search).concurrency(1));
    sleep(HALF).await;
    reject(&search, &name(9), 1);
    reject(&search, &name(5), 2);
    pass(PERIOD).await;
    assert_eq!(upstream.asked(), ["tenant 5"]);
}

#[tokio::test(start_paused = true)]
async fn nobody_asks_in_the_name_of_who_is_forced_open() {
    let search = in_outage(outage());
    let upstream = Upstream::up();
    let _prober = upstream.spawn(prober(&search).concurrency(1));
    sleep(HALF).await;
    search.circuit(&name(5)).set(Override::ForcedOpen);
    reject(&search, &name(5), 100);
    reject(&search, &name(6), 1);
    pass(PERIOD + HALF).await;
    assert_eq!(upstream.asked(), ["tenant 6", "tenant 6"]);
}

#[tokio::test(start_paused = true)]
async fn while_the_ramp_of_an_outage_lasts_circuits_are_probed_on_their_own_again() {
    let search = in_outage(outage().ramp(0.1, 20 * SECOND));
    let upstream = Upstream::up();
    let _prober = upstream.spawn(prober(&search));
    sleep(HALF).await;
    reject(&search, &name(0), 1);
    reject(&search, &name(5), 1);
    pass(PERIOD + SECOND).await;
    assert_eq!(search.outage().unwrap().state, CircuitState::Closed);
    pass(SECOND).await;
    assert_eq!(
        upstream.asked(),
        ["tenant 5", "tenant 5", "tenant 0", "tenant 0"]
    );
    assert_eq!(search.state(&name(0)), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn barred_calls_of_all_come_back_by_the_prober_alone() {
    watch_the_log();
    let search = in_outage(outage());
    let upstream = Upstream::down();
    let _prober = upstream.spawn(prober(&search));
    for second in 0..60 {
        if second == 40 {
            upstream.answer(Outcome::Success);
        }
        for tenant in 3..10 {
            if let Ok(permit) = search.acquire_barred(&name(tenant), Probing::IfNoneElse) {
                assert!(!permit.is_probe(), "second {second}");
                assert!(second >= 40);
                permit.record(Outcome::Success);
            }
        }
        pass(SECOND).await;
    }
    assert!(search.outage().is_none());
    assert_eq!(WARNINGS.get(), 0);
}
