//! Counters: they begin at zero, and never fall.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

use tokio::time::advance;

use super::*;

/// Of the counters, and of the histogram, whose sum is zero without a closing.
const COUNTED: [&str; 8] = [
    "agent.circuit_breaker.open",
    "agent.circuit_breaker.recovery",
    "agent.tool_call.blocked",
    "circuit_breaker.calls",
    "circuit_breaker.transitions",
    "circuit_breaker.probes",
    "circuit_breaker.overflow",
    "circuit_breaker.open.duration",
];

#[test]
fn known_dependencies_begin_at_zero_without_a_call_and_without_a_refresh() {
    let registry = registry();
    declare(&registry, "search");
    let told = Told::of(MetricsExporter::builder(&registry)).last();
    for counter in COUNTED {
        assert!(told.series(counter) > 0, "{counter}");
        assert_eq!(told.not_zero(counter), [], "{counter}");
    }
}

#[test]
fn dependencies_that_come_later_begin_at_zero_with_the_next_refresh() {
    let registry = registry();
    let told = Told::of(MetricsExporter::builder(&registry));
    assert_eq!(told.now().0.len(), 0);
    declare(&registry, "search");
    let told = told.now();
    for counter in COUNTED {
        assert!(told.series(counter) > 0, "{counter}");
        assert_eq!(told.not_zero(counter), [], "{counter}");
    }
}

#[tokio::test(start_paused = true)]
async fn counts_of_evicted_circuits_stay() {
    let registry = CircuitBreakerRegistry::builder().max_tenants(1);
    let registry = registry.build().unwrap();
    let search = declare(&registry, "search");
    let told = Told::of(MetricsExporter::builder(&registry));
    for tenant in ["t1", "t2", "t3"] {
        record(&search, tenant, Outcome::Success);
        advance(Duration::from_secs(3_600)).await;
    }
    assert_eq!(search.len(), 1);
    let successes = "circuit_breaker.calls{dependency=search,outcome=success}";
    assert_eq!(told.now().of(successes), 3.0);
    search.reset();
    assert_eq!(told.now().of(successes), 3.0);
}

/// Ends the callers, also where the test fails.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

#[test]
fn no_count_falls_while_calls_go_on() {
    let registry = registry();
    let search = declare(&registry, "search");
    let told = Told::of(MetricsExporter::builder(&registry));
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let _over = Over(&is_over);
        for caller in 0..2 {
            let (search, is_over) = (&search, &is_over);
            scope.spawn(move || {
                let mut call = 0_u32;
                while !is_over.load(Relaxed) {
                    call += 1;
                    let tenant = format!("t{}", call % 50);
                    if let Ok(permit) = search.acquire(tenant.as_str()) {
                        match call % 7 {
                            0 => permit.record(Outcome::failure()),
                            1 => drop(permit),
                            _ => permit.record(Outcome::Success),
                        }
                    }
                    if call % 100 == caller {
                        search.circuit(tenant.as_str()).reset();
                    }
                }
            });
        }
        let mut before = told.now();
        for _ in 0..300 {
            let now = told.now();
            for counter in &COUNTED[..7] {
                let prefix = format!("{counter}{{");
                for (series, figure) in before.0.range(prefix.clone()..) {
                    if series.starts_with(&prefix) {
                        assert!(now.of(series) >= *figure, "{series} fell from {figure}");
                    }
                }
            }
            before = now;
        }
    });
}
