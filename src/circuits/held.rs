//! All circuits of a shard, for those who look at them, without a lock that anybody waits for.

use std::time::Duration;

use super::Shard;
use crate::circuit::{Circuit, Totals};
use crate::sync::AcqRel;

/// How many buckets of a shard are read under its lock at a time.
const AT_ONCE: usize = 128;

/// How often the reading of a shard begins again, before it is done under one lock.
const AGAIN: usize = 3;

/// All circuits of a shard, and the sums over those that went. While it is there, none of them goes.
pub(super) struct Held<'a> {
    shard: &'a Shard,
    pub(super) circuits: Vec<Circuit>,
    pub(super) gone: Totals,
    pub(super) lived: Duration,
    /// The first bucket that is not read yet.
    bucket: usize,
    /// The moves before the first was read.
    moves: u64,
    begun: usize,
}

impl Shard {
    /// Holds every circuit that is there.
    pub(super) fn hold(&self, now: u64) -> Held<'_> {
        let mut held = self.hold_none();
        while !held.read_on(now) {}
        held
    }

    fn hold_none(&self) -> Held<'_> {
        self.holders.fetch_add(1, AcqRel);
        Held {
            shard: self,
            circuits: Vec::new(),
            gone: Totals::default(),
            lived: Duration::ZERO,
            bucket: 0,
            moves: 0,
            begun: 0,
        }
    }
}

impl Held<'_> {
    /// Reads some more buckets under the lock, and tells whether they were the last.
    ///
    /// A circuit that is held cannot go. One that goes from a bucket not yet read is among those that went when the
    /// last bucket is read, under the same lock. So each is counted once, or came meanwhile. Where the circuits have
    /// moved to other buckets, all begins again; in the end the whole shard is read under one lock.
    fn read_on(&mut self, now: u64) -> bool {
        // Room is made before the lock.
        self.circuits.reserve(AT_ONCE);
        let table = self.shard.table.read();
        if self.begun == 0 || self.moves != table.moves {
            self.circuits.clear();
            self.bucket = 0;
            self.moves = table.moves;
            self.begun += 1;
        }
        let buckets = table.circuits.num_buckets();
        let some = if self.begun > AGAIN { buckets } else { AT_ONCE };
        let until = buckets.min(self.bucket + some);
        let read = (self.bucket..until).filter_map(|bucket| table.circuits.get_bucket(bucket));
        self.circuits.extend(read.cloned());
        self.bucket = until;
        let is_last = until == buckets;
        if is_last {
            self.gone = table.gone;
            self.lived = table.lived(now);
        }
        is_last
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.circuits.clear();
        self.shard.holders.fetch_sub(1, AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{Circuit, Duration};
    use crate::{CircuitBreakerRegistry, Outcome};

    #[test]
    fn circuits_that_move_while_a_shard_is_read_are_held_once_each() {
        let registry = CircuitBreakerRegistry::builder().build().unwrap();
        let search = registry.dependency("search").unwrap();
        let circuits = &search.inner.circuits;
        let shard = &circuits.shards[0];
        let come = |from: usize, until: usize| {
            (from..until).for_each(|number| drop(search.acquire(&format!("tenant {number}"))));
        };
        come(0, 8_000);
        let mut held = shard.hold_none();
        for (from, until) in [(8_000, 20_000), (20_000, 50_000), (50_000, 120_000)] {
            assert!(!held.read_on(0), "it has more buckets");
            come(from, until);
        }
        while !held.read_on(0) {}
        let ids: HashSet<_> = held.circuits.iter().map(Circuit::id).collect();
        assert_eq!(ids.len(), held.circuits.len(), "none twice");
        assert_eq!(ids.len(), shard.table.read().circuits.len(), "nor left out");
    }

    #[tokio::test(start_paused = true)]
    async fn newcomers_find_room_while_somebody_holds_a_shard_to_look_at_it() {
        let registry = CircuitBreakerRegistry::builder().max_tenants(4_000);
        let registry = registry.build().unwrap();
        let search = registry.dependency("search").unwrap();
        let call = |tenant: &str| search.acquire(tenant).unwrap().record(Outcome::Success);
        (0..4_000).for_each(|number| call(&format!("tenant {number}")));
        tokio::time::advance(Duration::from_secs(3_600)).await;
        let mut newcomers = (0..100).map(|number| format!("newcomer {number}"));
        search.inner.circuits.for_each(|_| {
            if let Some(newcomer) = newcomers.next() {
                call(&newcomer);
            }
        });
        assert_eq!(newcomers.next(), None);
        assert_eq!(search.snapshot().overflowed, 0);
    }
}
