//! Ids that were chosen to fall together, against the same number at random.

use std::cell::Cell;
use std::hash::Hasher;
use std::time::Duration;

use gauge::cpu;
use hashbrown::HashTable;
use siphasher::sip::SipHasher13;
use tower_tenant_breaker::{CircuitBreakerRegistry, Dependency, Outcome, Policy};

use crate::figure::Figure;
use crate::sip::State;

/// How many times as long a call of a chosen id may take. Where ids could be made to collide, it would be six times at the
/// least; as it is, chosen ids and random ones differ by how they lie in memory.
const BOUND: f64 = 2.0;
const READINGS: usize = 11;
/// Calls in a reading, at least.
const CALLS: usize = 50_000;

/// The hash's bits from which a table takes a tag, by which it compares no ids that have another: the top seven. Those
/// below, again seven, choose among up to 128 shards.
const TAG_AND_SHARD: u32 = 14;
/// A table looks at sixteen buckets at once: which of them an id begins with is the same.
const BUCKETS_AT_ONCE: u64 = 16;

pub fn storm(is_short: bool) -> Vec<Figure> {
    let tenants = if is_short { 10_000 } else { 50_000 };
    let numbers = || 0..tenants;
    let random = || fastrand::u64(..);
    let long = "x".repeat(200);
    let floods: [(&'static str, Vec<String>, Vec<String>); 3] = [
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
    ];
    let mut figures: Vec<_> = floods
        .into_iter()
        .map(|(what, chosen, random)| flood(what, &chosen, &random))
        .collect();

    // As many as fill a shard's table of so many buckets, when all are in one shard.
    let buckets = if is_short { 512 } else { 1_024 };
    let colliding = colliding(buckets);
    let random: Vec<_> = (0..colliding.len()).map(|_| id(random())).collect();
    figures.extend([
        flood(
            "ids that collide in shard, bucket and tag under SipHash-1-3 with a key of zeros",
            &colliding,
            &random,
        ),
        // That they do, the map's own kind of table shows.
        Figure::at_least(
            ".. ids that a lookup would be compared with, were that the key",
            compared_with(&colliding),
            buckets / 4,
        ),
        Figure::at_most(
            ".. and those that one at random would be",
            compared_with(&random),
            2,
        ),
    ]);
    figures
}

/// Ids are compared from their last bytes on, and then from their first: these differ where it takes longest to see.
const BEFORE: usize = 176;
const AFTER: usize = 16;
const LENGTH: usize = BEFORE + 16 + AFTER;

fn id(number: u64) -> String {
    let (before, after) = ("x".repeat(BEFORE), "y".repeat(AFTER));
    format!("{before}{number:016x}{after}")
}

fn colliding(buckets: usize) -> Vec<String> {
    let mask = (u64::MAX << (64 - TAG_AND_SHARD)) | (buckets as u64 - BUCKETS_AT_ONCE);
    let mut before = State::new();
    before.take_in("x".repeat(BEFORE).as_bytes());
    before.take_in(b"00000000");
    let after = "y".repeat(AFTER);
    let collides = |number: &u64| {
        let mut state = before;
        state.take_in(&hex(*number as u32));
        state.take_in(after.as_bytes());
        state.finish(LENGTH) & mask == 0
    };
    let numbers = (0..=u64::from(u32::MAX)).filter(collides);
    let ids: Vec<_> = numbers.take(buckets / 8 * 7).map(id).collect();
    // By an implementation that is not ours.
    assert_eq!(ids.len(), buckets / 8 * 7);
    assert!(ids.iter().all(|id| sip_13(id) & mask == 0));
    ids
}

/// The eight digits of a number, without the formatting, of which there is too much.
fn hex(number: u32) -> [u8; 8] {
    std::array::from_fn(|at| b"0123456789abcdef"[(number >> (28 - 4 * at)) as usize & 15])
}

fn sip_13(id: &str) -> u64 {
    let mut hasher = SipHasher13::new();
    hasher.write(id.as_bytes());
    hasher.finish()
}

/// The mean of how many ids one is compared with that is looked up among them, where the key is known.
fn compared_with(ids: &[String]) -> usize {
    let mut table = HashTable::new();
    for id in ids {
        table.insert_unique(sip_13(id), id, |id| sip_13(id));
    }
    let compared = Cell::new(0);
    for id in ids {
        let is_it = |other: &&String| {
            compared.set(compared.get() + 1);
            *other == id
        };
        assert!(table.find(sip_13(id), is_it).is_some());
    }
    compared.get() / ids.len()
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

/// The processor time of some calls of each.
fn calls(search: &Dependency, ids: &[String]) -> Duration {
    let before = cpu::spent_by_this_thread();
    for _ in 0..CALLS.div_ceil(ids.len()) {
        for id in ids {
            if let Ok(permit) = search.acquire(id) {
                permit.record(Outcome::Success);
            }
        }
    }
    cpu::spent_by_this_thread() - before
}
