//! Ids that were chosen to fall together, against the same number at random.

use std::hash::Hasher;
use std::time::Duration;

use gauge::cpu;
use siphasher::sip::SipHasher13;
use tower_tenant_breaker::{CircuitBreakerRegistry, Dependency, Outcome, Policy};

use crate::figure::Figure;

/// How much more a call of a chosen id may take. Where hashes could be made to collide, it would be a hundred times.
const BOUND: f64 = 2.0;
const READINGS: usize = 7;
/// With so many equal bits of a hash whose key is known, all ids would fall into a few buckets of one shard.
const COLLIDING_BITS: u32 = 10;

pub fn storm(tenants: usize) -> Vec<Figure> {
    let numbers = || 0..tenants;
    let random = || fastrand::u64(..);
    let long = "x".repeat(200);
    let floods: [(&'static str, Vec<String>, Vec<String>); 4] = [
        (
            "ids of 216 bytes that differ in the last ones alone",
            numbers()
                .map(|number| format!("{long}{number:016x}"))
                .collect(),
            numbers()
                .map(|_| format!("{:016x}{long}", random()))
                .collect(),
        ),
        (
            ".. in the first ones alone",
            numbers()
                .map(|number| format!("{number:016x}{long}"))
                .collect(),
            numbers()
                .map(|_| format!("{:016x}{long}", random()))
                .collect(),
        ),
        (
            "ids of numbers in a row",
            numbers().map(|number| format!("{number:016}")).collect(),
            numbers().map(|_| format!("{:016x}", random())).collect(),
        ),
        (
            "ids that collide in ten bits under SipHash-1-3 with a key of zeros",
            colliding(tenants),
            numbers().map(|_| format!("{:016x}", random())).collect(),
        ),
    ];
    floods
        .into_iter()
        .map(|(what, chosen, random)| flood(what, &chosen, &random))
        .collect()
}

fn colliding(tenants: usize) -> Vec<String> {
    let collides = |id: &String| {
        let mut hasher = SipHasher13::new();
        hasher.write(id.as_bytes());
        let hash = hasher.finish();
        hash.trailing_zeros() >= COLLIDING_BITS
    };
    let ids = (0_u64..).map(|number| format!("{number:016x}"));
    ids.filter(collides).take(tenants).collect()
}

fn flood(what: &'static str, chosen: &[String], random: &[String]) -> Figure {
    let (chosen_in, random_in) = (filled(chosen), filled(random));
    let mut ratios: Vec<_> = (0..READINGS)
        .map(|_| calls(&chosen_in, chosen).as_secs_f64() / calls(&random_in, random).as_secs_f64())
        .collect();
    ratios.sort_by(f64::total_cmp);
    let median = (ratios[READINGS / 2] * 100.0).round() / 100.0;
    Figure::at_most(what, median, BOUND)
}

fn filled(ids: &[String]) -> Dependency {
    let registry = CircuitBreakerRegistry::builder().max_tenants(ids.len());
    let registry = registry.build().expect("a registry");
    let search = registry
        .dependency_with("search", Policy::default())
        .expect("a dependency");
    calls(&search, ids);
    search
}

/// The processor time of a call of each.
fn calls(search: &Dependency, ids: &[String]) -> Duration {
    let before = cpu::spent_by_this_thread();
    for id in ids {
        if let Ok(permit) = search.acquire(id) {
            permit.record(Outcome::Success);
        }
    }
    cpu::spent_by_this_thread() - before
}
