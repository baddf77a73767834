//! A clock that stands still, creeps, and jumps by years, and one on the wall that is set forth and back.

mod wall;

use std::time::Duration;

use tokio::time::advance;
use tower_tenant_breaker::{CircuitBreakerRegistry, CircuitState, OpenPeriod, Outcome, Policy};

use crate::figure::Figure;

const LONGEST: Duration = Duration::from_secs(60);
const TENANTS: usize = 32;
const DAY: Duration = Duration::from_secs(86_400);
const YEAR: Duration = Duration::from_secs(365 * 86_400);
/// So often the clock jumps by years, evenly among the steps.
const JUMPS: u64 = 50;
/// By so many at most. Nanoseconds since the registry began fit 64 bits for 584 years.
const YEARS: u32 = 8;

pub fn storm(steps: u64) -> Vec<Figure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let mut figures = jump(steps).await;
        figures.extend(wall::jump(steps / 10).await);
        figures
    })
}

async fn jump(steps: u64) -> Vec<Figure> {
    let policy = Policy::builder()
        .consecutive_failures(2)
        .open_for(OpenPeriod::exponential(Duration::from_secs(1), LONGEST).jitter(0.0))
        .build()
        .expect("a policy");
    let registry = CircuitBreakerRegistry::builder().max_tenants(TENANTS / 2);
    let registry = registry.build().expect("a registry");
    let search = registry
        .dependency_with("search", policy)
        .expect("a dependency");
    let tenants: Vec<_> = (0..TENANTS)
        .map(|number| format!("tenant {number}"))
        .collect();
    let (mut admitted, mut opened, mut too_long) = (0_u64, 0_u64, 0_u64);
    let (mut stuck, mut impossible) = (0_u64, 0_u64);
    let mut passed = Duration::ZERO;
    let mut held = Vec::new();
    for step in 1..=steps {
        let jump = match fastrand::u8(..16) {
            _ if step.is_multiple_of(steps / JUMPS) => {
                YEAR + DAY * fastrand::u32(..365 * (YEARS - 1))
            }
            0..=5 => Duration::ZERO,
            6..=9 => Duration::from_nanos(fastrand::u64(..1_000)),
            10..=12 => Duration::from_millis(fastrand::u64(..2_000)),
            13 => Duration::from_secs(fastrand::u64(..300)),
            _ => Duration::from_micros(fastrand::u64(..1_000)),
        };
        passed += jump;
        advance(jump).await;
        let tenant = &tenants[fastrand::usize(..TENANTS)];
        match search.acquire(tenant) {
            Ok(permit) => {
                admitted += 1;
                match fastrand::u8(..8) {
                    0..=2 => permit.record(Outcome::failure()),
                    3 => drop(permit),
                    4 => held.push(permit),
                    _ => permit.record(Outcome::Success),
                }
            }
            Err(rejection) => {
                opened += 1;
                let left = rejection.circuit_open().and_then(|open| open.retry_after());
                match left {
                    Some(left) if left <= LONGEST => {}
                    _ => too_long += 1,
                }
            }
        }
        if held.len() > 8 {
            held.swap_remove(fastrand::usize(..held.len()))
                .record(Outcome::Success);
        }
    }
    drop(held);

    // Whatever was: once the longest period is over, everybody may probe.
    advance(LONGEST).await;
    for tenant in &tenants {
        let is_admitted = search
            .acquire(tenant)
            .map(|permit| permit.record(Outcome::Ignored))
            .is_ok();
        stuck += u64::from(!is_admitted);
    }
    let snapshot = search.snapshot();
    let age = snapshot.circuit_time.max(snapshot.age);
    impossible += u64::from(snapshot.circuit_time_open > age);
    impossible += u64::from(snapshot.circuits > TENANTS / 2);
    for circuit in search.circuit_snapshots() {
        let is_late = |at: Option<tokio::time::Instant>| at.is_some_and(|at| at > circuit.taken_at);
        impossible += u64::from(is_late(circuit.last_success) || is_late(circuit.last_failure));
        impossible +=
            u64::from(circuit.state == CircuitState::Closed && circuit.retry_after.is_some());
    }
    vec![
        Figure::at_least(
            "years that passed",
            passed.as_secs() / YEAR.as_secs(),
            JUMPS,
        ),
        Figure::at_least("calls that were admitted", admitted, steps / 2),
        Figure::at_least("rejections", opened, steps / 200),
        Figure::exactly(
            ".. that say nothing, or more than the longest period",
            too_long,
            0,
        ),
        Figure::exactly("tenants that may not probe in the end", stuck, 0),
        Figure::exactly("figures that cannot be", impossible, 0),
    ]
}
