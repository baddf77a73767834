use std::time::Duration;

use tokio::time::advance;

use super::{Circuits, buckets, is_same, shards, shards_for};
use crate::sync::Relaxed;
use crate::{CircuitBreakerRegistry, Outcome};

#[test]
fn ids_are_the_same_only_where_all_of_their_bytes_are() {
    for length in 0..=256 {
        let id: Vec<u8> = (0..length).map(|at| (at * 151) as u8).collect();
        assert!(is_same(&id, &id.clone()), "{length} bytes");
        for at in 0..length {
            let mut other = id.clone();
            other[at] ^= 1;
            assert!(!is_same(&id, &other), "byte {at} of {length}");
        }
        // Also where any sixteen bytes of them are.
        let like = vec![b'x'; length];
        for longer in [length + 1, length + 16] {
            let longer = vec![b'x'; longer];
            assert!(!is_same(&like, &longer) && !is_same(&longer, &like));
        }
    }
}

#[test]
fn a_map_of_any_size_has_shards_and_no_more_buckets_than_by_any_other_number_of_them() {
    let least = shards(0);
    assert!(least >= 16 && least.is_power_of_two());
    for max in [1, 7, 100, 10_000, 100_000, 1_000_000, 1 << 40, usize::MAX] {
        let chosen = shards(max);
        assert!((least..2 * least).contains(&chosen), "{max}");
        let others = least..2 * least;
        let fewest = others.map(|shards| buckets(max, shards)).min();
        assert_eq!(fewest, Some(buckets(max, chosen)), "{max}");
    }
}

#[test]
fn there_are_four_shards_or_more_for_each_core_within_bounds() {
    let least = |cores| shards_for(0, cores);
    assert_eq!([1, 4, 5, 8, 16, 64].map(least), [16, 16, 32, 32, 64, 64]);
}

#[test]
fn every_shard_has_its_share_of_tenants() {
    // By twelve standard deviations, also where they are not a power of two.
    for max in [1, 100_000, 1_000_000] {
        let circuits = Circuits::new(max);
        let mut tenants = vec![0_i64; circuits.shards()];
        for n in 0..1_000 * circuits.shards() {
            let shard = circuits.shard(circuits.hash(&n.to_string()));
            let at = circuits
                .shards
                .iter()
                .position(|it| std::ptr::eq(it, shard));
            tenants[at.unwrap()] += 1;
        }
        let is_share = |tenants: &i64| (tenants - 1_000).abs() < 380;
        assert!(tenants.iter().all(is_share), "{tenants:?}");
    }
}

#[test]
fn the_bits_that_choose_a_shard_are_not_those_of_buckets_and_tags() {
    for max in [1, 100_000, 1_000_000] {
        let circuits = Circuits::new(max);
        let (shards, each) = (circuits.shards() as u64, 1_000);
        for buckets_and_tags in [0, 0xfe00_0000_01ff_ffff] {
            let all = (0..shards * each).map(|n| (n << 32) / (shards * each));
            for (n, bits) in (0..).zip(all) {
                let chosen = circuits.shard(bits << 25 | buckets_and_tags);
                let expected = &circuits.shards[(n / each) as usize];
                let before = &circuits.shards[(n.saturating_sub(1) / each) as usize];
                assert!(std::ptr::eq(chosen, expected) || std::ptr::eq(chosen, before));
            }
        }
    }
}

#[test]
fn each_map_hashes_with_a_key_of_its_own_and_shows_it_to_nobody() {
    let maps = [Circuits::new(1), Circuits::new(1)];
    assert_ne!(maps[0].hash("acme"), maps[1].hash("acme"));
    assert_eq!(maps[0].hash("acme"), maps[0].hash("acme"));
    let shown = format!("{:?}", maps[0]);
    assert!(shown.contains("max: 1") && !shown.contains("asher"));
}

#[test]
fn a_busy_shard_holds_up_no_tenant_of_another() {
    let circuits = Circuits::new(1);
    let busy = circuits.shard(circuits.hash("acme"));
    let _held = busy.table.write();
    let elsewhere = |tenant: &String| !std::ptr::eq(circuits.shard(circuits.hash(tenant)), busy);
    let mut others = (0..1_000).map(|n| format!("tenant {n}"));
    let other = others.find(elsewhere).unwrap();
    assert!(circuits.get(&other).is_none());
}

#[test]
fn a_shard_has_buckets_for_its_share_and_what_is_rarely_more() {
    for (max, shards) in [
        (0, 16),
        (1, 16),
        (1_000, 16),
        (1_312, 16),
        (1_600, 16),
        (100_000, 24),
        (1_000_000, 31),
    ] {
        let each = buckets(max, shards) / shards;
        assert!(each.is_power_of_two(), "{max}");
        // A table is full at seven eighths.
        let mean = max / shards;
        let most = mean + 4 * mean.isqrt() + 1;
        let least = most / 7 * 8;
        assert!(each >= least && each / 2 < least.max(1), "{max}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_search_looks_at_so_many_circuits_and_goes_on_where_it_stopped() {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let search = registry.dependency("search").unwrap();
    for n in 0..1_000 {
        let permit = search.acquire(&format!("tenant {n}")).unwrap();
        permit.record(Outcome::Success);
    }
    let circuits = &search.inner.circuits;
    let (now, mut looked_at, mut rounds) = (search.context().now(), 0, 0);
    loop {
        let mut left = 3;
        let (found, is_over) = circuits.search(0, now, &mut left, &mut Vec::new());
        assert_eq!(found, None, "all of them have just been called");
        (looked_at, rounds) = (looked_at + 3 - left, rounds + 1);
        if is_over {
            break;
        }
        assert_eq!(left, 0);
    }
    let there = circuits.shards[0].table.read().circuits.len();
    assert_eq!((looked_at, rounds >= there / 3), (there, true));
    assert!(there > 3);
}

#[tokio::test(start_paused = true)]
async fn circuits_are_told_to_have_moved_where_a_table_has_grown_and_only_there() {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let search = registry.dependency("search").unwrap();
    let circuits = &search.inner.circuits;
    let look = || {
        let tables = circuits.shards.iter().map(|shard| shard.table.read());
        let of = tables.map(|table| (table.circuits.num_buckets(), table.moves));
        of.collect::<Vec<_>>()
    };
    let mut before = look();
    for n in 0..500 {
        drop(search.acquire(&format!("tenant {n}")));
        let after = look();
        for (before, after) in before.iter().zip(&after) {
            assert_eq!(before.0 != after.0, before.1 != after.1, "tenant {n}");
        }
        before = after;
    }
    assert!(before.iter().any(|(_, moves)| *moves > 1));
}

#[tokio::test(start_paused = true)]
async fn what_lies_behind_the_hand_of_its_shard_makes_room_too() {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let search = registry.dependency("search").unwrap();
    search.acquire("silent").unwrap().record(Outcome::Success);
    advance(Duration::from_secs(3_600)).await;
    let circuits = &search.inner.circuits;
    let shards = circuits.shards.iter();
    let at = shards
        .clone()
        .position(|shard| shard.table.read().circuits.len() == 1);
    let at = at.unwrap();
    // The shard comes last in the first round, and its hand is behind all of its buckets.
    circuits.hand.store(at + 1, Relaxed);
    let table = circuits.shards[at].table.read();
    table.hand.store(table.circuits.num_buckets(), Relaxed);
    drop(table);
    assert!(circuits.evict(search.context().now()).is_some());
}
