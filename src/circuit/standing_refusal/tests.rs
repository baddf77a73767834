use std::time::Duration;

use fastrand::Rng;
use tokio::time::{Instant, advance};

use super::StandingRefusal;
use crate::handle::CircuitHandle;
use crate::{
    CircuitBreakerRegistry, CircuitState, Dependency, OpenPeriod, OutagePolicy, Outcome, Override,
    Permit, Policy, Probing, Reason,
};

const TENANTS: [&str; 4] = ["acme", "globex", "initech", "umbrella"];

/// A policy under which a short history comes by every reason.
fn policy(rng: &mut Rng) -> Policy {
    let period = OpenPeriod::exponential(Duration::from_secs(2), Duration::from_secs(9));
    let outage = OutagePolicy::default()
        .min_tenants(2)
        .newcomers(true)
        .open_for(OpenPeriod::fixed(Duration::from_secs(3)));
    let mut policy = Policy::builder()
        .consecutive_failures(2)
        .trip_on_hint(rng.bool())
        .half_open_max_calls(rng.u32(1..3))
        .success_threshold(rng.u32(1..3))
        .initial_state(rng.choice(STATES).unwrap())
        .open_for(period);
    if rng.bool() {
        policy = policy.ramp(0.2, Duration::from_secs(20));
    }
    if rng.bool() {
        policy = policy.max_in_flight(rng.u32(1..4));
    }
    if rng.bool() {
        policy = policy.outage(outage);
    }
    policy.build().unwrap()
}

const STATES: [CircuitState; 5] = [
    CircuitState::Closed,
    CircuitState::Closed,
    CircuitState::Closed,
    CircuitState::Open,
    CircuitState::HalfOpen,
];

fn outcome(rng: &mut Rng) -> Outcome {
    let hint = Duration::from_secs(rng.u64(1..20));
    match rng.u8(0..10) {
        8 => Outcome::QuotaExhausted,
        0..3 => Outcome::Success,
        3..5 => Outcome::failure(),
        5 => Outcome::throttled().with_retry_after(hint),
        6 => Outcome::Cancelled,
        _ => Outcome::Ignored,
    }
}

/// Somebody changes something by hand.
fn change(rng: &mut Rng, registry: &CircuitBreakerRegistry, search: &Dependency) {
    let tenant = rng.choice(TENANTS).unwrap();
    let circuit = search.circuit(tenant);
    let overrides = [
        Override::ForcedOpen,
        Override::Disabled,
        Override::DryRun,
        Override::ForcedOpen,
    ];
    let kind = rng.choice(overrides).unwrap();
    let period = Duration::from_secs(rng.u64(1..6));
    match rng.u8(0..12) {
        0 => circuit.set_for(kind, period),
        1 => circuit.set(kind),
        2 => search.set_for(kind, period),
        3 => registry.tenant(tenant).set_for(kind, period),
        4 => registry.set_for(kind, period),
        5 => circuit.clear(),
        6 => circuit.reset(),
        7 => search.begin_recovery(),
        8 => drop(circuit.open_for(period)),
        9 => drop(circuit.half_open()),
        10 => search.reset(),
        _ => drop(circuit.open()),
    }
}

fn seen(search: &Dependency, circuit: &CircuitHandle) -> String {
    format!("{:?} {:?}", search.snapshot(), circuit.snapshot())
}

/// A call, which is to meet what was said of it right before. What it was rejected with.
fn call(search: &Dependency, tenant: &str, probing: Probing) -> Result<Permit, Reason> {
    let circuit = search.circuit(tenant);
    // What is yet to be seen, that a recovery or an outage is over, is seen by whoever asks first.
    let said = search.standing_refusal(tenant, probing);
    let before = seen(search, &circuit);
    assert_eq!(search.standing_refusal(tenant, probing), said);
    assert_eq!(seen(search, &circuit), before, "it changed something");
    if said.is_none_or(|said| said.reason != Reason::Recovering) {
        assert_eq!(circuit.would_admit_as(probing), said.is_none());
    }

    let rejection = match (search.acquire_barred(tenant, probing), said) {
        (Ok(permit), None) => return Ok(permit),
        (Err(rejection), Some(_)) => rejection,
        (admitted, said) => panic!("said {said:?}, but got {admitted:?}"),
    };
    let (open, said) = (rejection.circuit_open().unwrap(), said.unwrap());
    let reason = open.reason();
    let places = [Reason::HalfOpenFull, Reason::Saturated, Reason::Recovering];
    if reason == Reason::Barred {
        assert!(!said.is_passing && !places.contains(&said.reason));
    } else {
        assert_eq!(said.reason, reason);
    }
    if reason != Reason::Outage {
        assert_eq!(said.is_passing, places.contains(&reason), "{reason:?}");
    }
    // Of a circuit that the call has made itself nobody could say since when it is open, and until when.
    if (reason, said.until) != (Reason::Initial, None) {
        assert_eq!(said.since, open.since(), "{reason:?}");
        if let Some(left) = open.retry_after().filter(|left| !left.is_zero()) {
            assert_eq!(said.until, Some(Instant::now() + left), "{reason:?}");
        }
    }
    Err(reason)
}

#[tokio::test(start_paused = true)]
async fn what_is_said_of_a_call_is_what_it_meets() {
    let mut met = Vec::new();
    for seed in 0..400 {
        let mut rng = Rng::with_seed(seed);
        let registry = CircuitBreakerRegistry::builder().build().unwrap();
        let search = registry
            .dependency_with("search", policy(&mut rng))
            .unwrap();
        let mut permits = Vec::new();
        for _ in 0..150 {
            match rng.u8(0..20) {
                0 => change(&mut rng, &registry, &search),
                1..4 => advance(Duration::from_millis(rng.u64(0..3_000))).await,
                4..11 if !permits.is_empty() => {
                    let permit: Permit = permits.swap_remove(rng.usize(0..permits.len()));
                    permit.record(outcome(&mut rng));
                }
                _ => {
                    let tenant = rng.choice(TENANTS).unwrap();
                    let probings = [Probing::Yes, Probing::Yes, Probing::No, Probing::IfNoneElse];
                    match call(&search, tenant, rng.choice(probings).unwrap()) {
                        Ok(permit) => permits.push(permit),
                        Err(reason) => met.push(reason),
                    }
                }
            }
        }
    }
    for reason in [
        Reason::ConsecutiveFailures,
        Reason::ProbeFailed,
        Reason::ByHand,
        Reason::Hint,
        Reason::Initial,
        Reason::Forced,
        Reason::QuotaExhausted,
        Reason::HalfOpenFull,
        Reason::Barred,
        Reason::Saturated,
        Reason::Outage,
        Reason::Recovering,
    ] {
        assert!(met.contains(&reason), "no call met {reason:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_may_not_probe_is_told_why_the_circuit_opened() {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let policy = Policy::builder().consecutive_failures(1).build().unwrap();
    let search = registry.dependency_with("search", policy).unwrap();
    let (acme, broke_at) = (search.circuit("acme"), Instant::now());
    search.acquire("acme").unwrap().record(Outcome::failure());
    let until = search.standing_refusal("acme", Probing::Yes).unwrap().until;
    assert!(until > Some(broke_at));

    let told = Some(StandingRefusal {
        reason: Reason::ConsecutiveFailures,
        since: Some(broke_at),
        until,
        is_passing: false,
    });
    assert_eq!(search.standing_refusal("acme", Probing::No), told);
    advance(Duration::from_secs(600)).await;
    assert_eq!(search.standing_refusal("acme", Probing::No), told);
    // A call that is barred has seen the period to be over.
    drop(search.acquire_barred("acme", Probing::No).unwrap_err());
    assert_eq!(search.standing_refusal("acme", Probing::No), told);
    assert_eq!(search.standing_refusal("acme", Probing::Yes), None);
    let _probe = search.acquire("acme").unwrap();
    assert_eq!(acme.state(), CircuitState::HalfOpen);
    assert_eq!(search.standing_refusal("acme", Probing::No), told);
}

#[cfg(feature = "agent")]
#[tokio::test(start_paused = true)]
async fn what_ends_now_ends_in_no_time_that_could_be_told() {
    let now = Instant::now();
    let refusal = |until| StandingRefusal {
        reason: Reason::Forced,
        since: None,
        until: Some(until),
        is_passing: false,
    };
    let told = |until| refusal(until).until_after(now, Probing::Yes);
    assert_eq!(told(now), None);
    let later = now + Duration::from_nanos(1);
    assert_eq!(told(later), Some(later));
}

#[tokio::test(start_paused = true)]
async fn a_newcomer_in_the_ramp_of_an_outage_is_refused_where_the_ramp_admits_none() {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let period = OpenPeriod::fixed(Duration::from_secs(1)).jitter(0.0);
    let policy = Policy::builder()
        .consecutive_failures(1)
        .success_threshold(1)
        .ramp(0.5, Duration::from_secs(100))
        .outage(OutagePolicy::default().min_tenants(2).open_for(period))
        .build();
    let search = registry.dependency_with("search", policy.unwrap()).unwrap();
    let end = |tenant, outcome| search.acquire(tenant).unwrap().record(outcome);
    for outcome in [Outcome::Success, Outcome::failure()] {
        ["acme", "globex"]
            .iter()
            .for_each(|tenant| end(tenant, outcome));
    }
    assert!(search.outage().is_some());
    advance(Duration::from_secs(1)).await;
    end("initech", Outcome::Success);
    let context = search.context();
    #[cfg(feature = "agent")]
    assert!(!search.inner.circuits.get("acme").unwrap().is_ramping());
    let mut seen = [false; 2];
    for _ in 0..4 {
        let now = context.now();
        let outage = context.outage(now).unwrap();
        let admits = outage.ramp_would_admit(now);
        let refusal = context.standing_refusal_of_newcomer(CircuitState::Closed, now, Probing::Yes);
        assert_eq!(refusal.is_none(), admits);
        seen[usize::from(admits)] = true;
        drop(search.acquire("initech"));
    }
    assert_eq!(seen, [true; 2]);
}

#[tokio::test(start_paused = true)]
async fn a_recovery_that_begins_amid_probes_moves_no_end_that_has_passed() {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let policy = Policy::builder()
        .consecutive_failures(1)
        .half_open_max_calls(1)
        .build();
    let search = registry.dependency_with("search", policy.unwrap()).unwrap();
    search.acquire("acme").unwrap().record(Outcome::failure());
    advance(Duration::from_secs(600)).await;
    let _probe = search.acquire("acme").unwrap();
    let told = search.standing_refusal("acme", Probing::Yes);
    assert_eq!(told.unwrap().reason, Reason::HalfOpenFull);
    search.begin_recovery();
    assert_eq!(search.standing_refusal("acme", Probing::Yes), told);
}
