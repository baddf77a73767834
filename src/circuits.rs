//! The bounded sharded map from a tenant to its circuit, and what may be evicted from it.

mod held;
#[cfg(all(test, breaker_loom))]
mod interleavings;
mod sip;

use std::fmt;
use std::time::Duration;

use hashbrown::HashTable;

use self::sip::SipHash13;
use crate::circuit::{Circuit, Farewell, Totals};
use crate::sync::{AcqRel, Acquire, Apart, AtomicUsize, Relaxed, StripedLock};

/// How many buckets a newcomer looks at for a circuit that may go.
const SEARCH: usize = 64;

/// The circuits of a dependency, by tenant.
///
/// Ids are compared whole, under a keyed hash with a random key: nobody can choose ids that collide, and
/// no two tenants ever share a circuit because their hashes do.
pub(crate) struct Circuits {
    shards: Box<[Shard]>,
    hasher: SipHash13,
    /// Circuits in the map and places promised to circuits that are about to be, in all shards together.
    len: Apart<AtomicUsize>,
    max: usize,
    /// The shard in which the next search for a victim begins.
    hand: Apart<AtomicUsize>,
}

/// Two shards must not slow each other down.
#[derive(Default)]
struct Shard {
    table: Apart<StripedLock<Table>>,
    /// How many hold circuits of it for the sake of those who look at all of them.
    holders: AtomicUsize,
}

#[derive(Default)]
struct Table {
    circuits: HashTable<Circuit>,
    /// The bucket with which the next search for a victim in this shard begins.
    hand: AtomicUsize,
    /// The totals of the circuits that went. Under the same lock as the circuits, so that no reader counts
    /// one twice or not at all.
    gone: Totals,
    /// What makes, with the number of circuits times the present instant, the nanoseconds that circuits have
    /// existed: when each one went that did, less when each one came. Exact, at one addition for each.
    lived: i128,
    /// How often a newcomer may have moved the others to other buckets.
    moves: u64,
}

/// What all circuits that there are and were add up to.
#[derive(Debug, Default)]
pub(crate) struct Sums {
    pub(crate) totals: Totals,
    /// How long they existed.
    pub(crate) lived: Duration,
}

/// The buckets of so many shards, once all of them together hold so many circuits.
fn buckets(max: usize, shards: usize) -> usize {
    let mean = max / shards;
    // Four standard deviations: that one shard of many has more than its share is to be rare.
    let most = mean.saturating_add(4 * mean.isqrt() + 1);
    let each = (most / 7).saturating_mul(8).checked_next_power_of_two();
    each.map_or(usize::MAX, |each| each.saturating_mul(shards))
}

/// How many shards a map of so many circuits has.
///
/// Enough for the newcomers of all cores; calls of known tenants meet in none. And since tables double, and those of all
/// shards at about the same number of circuits, so many that they need not have doubled just before the map is full:
/// otherwise half of its buckets would stay empty.
fn shards(max: usize) -> usize {
    if cfg!(breaker_loom) {
        // More would be more of the same, and take the model checker longer.
        return 2;
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    shards_for(max, cores)
}

fn shards_for(max: usize, cores: usize) -> usize {
    // A shard takes 1.4 kB.
    let least = (cores * 4).next_power_of_two().clamp(16, 64);
    let by_buckets = (least..2 * least).min_by_key(|shards| buckets(max, *shards));
    by_buckets.unwrap_or(least)
}

/// What came of the wish for a circuit.
pub(crate) struct Inserted {
    /// None where there was no room.
    pub(crate) circuit: Option<Circuit>,
    /// The circuit that made room, and how it went.
    pub(crate) gone: Option<(Circuit, Farewell)>,
}

impl Circuits {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            shards: (0..shards(max)).map(|_| Shard::default()).collect(),
            hasher: SipHash13::random(),
            len: Apart::default(),
            max,
            hand: Apart::default(),
        }
    }

    #[inline]
    pub(crate) fn hash(&self, tenant: &str) -> u64 {
        self.hasher.hash(tenant.as_bytes())
    }

    /// Looks at the circuit under its shard's read lock, so `look` must neither wait nor call a user.
    #[inline]
    pub(crate) fn look<T>(
        &self,
        hash: u64,
        tenant: &str,
        look: impl FnOnce(&Circuit) -> T,
    ) -> Option<T> {
        let table = self.shard(hash).table.read();
        table
            .circuits
            .find(hash, |circuit| is_same(circuit.id(), tenant.as_bytes()))
            .map(look)
    }

    pub(crate) fn get(&self, tenant: &str) -> Option<Circuit> {
        self.look(self.hash(tenant), tenant, Circuit::clone)
    }

    /// The tenant's circuit, or a new one; where the map is full, in the place of one that may go.
    pub(crate) fn get_or_insert(
        &self,
        tenant: &str,
        now: u64,
        new: impl FnOnce() -> Circuit,
    ) -> Inserted {
        let hash = self.hash(tenant);
        let mut gone = None;
        if !self.reserve() {
            // Somebody else may have made the circuit, and then nobody has to go.
            let circuit = self.look(hash, tenant, Circuit::clone);
            if circuit.is_some() {
                return Inserted { circuit, gone };
            }
            // The victim's place becomes the newcomer's.
            let Some((victim, farewell)) = self.evict(now) else {
                return Inserted { circuit, gone };
            };
            victim.settle_impact();
            gone = Some((victim, farewell));
        }
        let mut table = self.shard(hash).table.write();
        let is_it = |circuit: &Circuit| circuit.id() == tenant.as_bytes();
        let known = table.circuits.find(hash, is_it).cloned();
        let circuit = known.inspect(|_| _ = self.len.fetch_sub(1, AcqRel));
        let circuit = circuit.unwrap_or_else(|| {
            let circuit = new();
            let rehash = |circuit: &Circuit| self.hasher.hash(circuit.id());
            if table.circuits.len() == table.circuits.capacity() {
                table.moves += 1;
            }
            table.circuits.insert_unique(hash, circuit.clone(), rehash);
            table.lived -= i128::from(now);
            circuit
        });
        Inserted {
            circuit: Some(circuit),
            gone,
        }
    }

    /// Promises a place, if one is free.
    fn reserve(&self) -> bool {
        let one_more = |len| (len < self.max).then_some(len + 1);
        self.len.fetch_update(AcqRel, Relaxed, one_more).is_ok()
    }

    /// Takes a circuit that may go out of the map; its place stays promised.
    ///
    /// A clock hand goes over all shards: it comes by each circuit once a round, so that whatever may go is
    /// found, and newcomers that cannot go yet are not looked at again and again. What equals a new circuit
    /// goes first; a forgotten one only where the search saw none of those.
    fn evict(&self, now: u64) -> Option<(Circuit, Farewell)> {
        let mut left = SEARCH;
        let mut forgettable = Vec::new();
        // A second round comes by what lay behind the hands of a small map's shards in the first.
        for _ in 0..2 * self.shards.len() {
            let at = self.hand.load(Relaxed) % self.shards.len();
            // Whoever is held cannot go: to look there would use up the search for nothing.
            let mut is_over = self.shards[at].holders.load(Acquire) > 0;
            while left > 0 && !is_over {
                let found;
                (found, is_over) = self.search(at, now, &mut left, &mut forgettable);
                let taken = found.and_then(|bucket| self.take(at, bucket, now, Farewell::LikeNew));
                if let Some(victim) = taken {
                    if is_over {
                        // It was in the last bucket: by this shard the hand has come.
                        self.pass(at);
                    }
                    return Some((victim, Farewell::LikeNew));
                }
            }
            if !is_over {
                break;
            }
            self.pass(at);
        }
        let mut forgettable = forgettable.into_iter();
        let victim =
            forgettable.find_map(|(at, bucket)| self.take(at, bucket, now, Farewell::Forgotten))?;
        Some((victim, Farewell::Forgotten))
    }

    /// Lets the next search begin behind this shard, unless one has already.
    fn pass(&self, at: usize) {
        let next = (at + 1) % self.shards.len();
        let _ = self.hand.compare_exchange(at, next, Relaxed, Relaxed);
    }

    /// Moves the hand of a shard on to the first bucket whose circuit may go, or to the shard's end, which is
    /// told too.
    ///
    /// Under the read lock: where nothing may go, calls to this shard are not held up by those who look.
    fn search(
        &self,
        at: usize,
        now: u64,
        left: &mut usize,
        forgettable: &mut Vec<(usize, usize)>,
    ) -> (Option<usize>, bool) {
        let table = self.shards[at].table.read();
        let buckets = table.circuits.num_buckets();
        let mut found = None;
        let mut bucket = table.hand.load(Relaxed);
        while bucket < buckets && *left > 0 && found.is_none() {
            if let Some(circuit) = table.circuits.get_bucket(bucket) {
                *left -= 1;
                match circuit.farewell(now) {
                    Farewell::LikeNew => found = Some(bucket),
                    Farewell::Forgotten => forgettable.push((at, bucket)),
                    Farewell::Stay => {}
                }
            }
            bucket += 1;
        }
        let is_over = bucket >= buckets;
        table.hand.store(if is_over { 0 } else { bucket }, Relaxed);
        (found, is_over)
    }

    /// Takes the circuit in this bucket out of the map, if it still may go and nobody holds it.
    fn take(&self, at: usize, bucket: usize, now: u64, expected: Farewell) -> Option<Circuit> {
        let mut table = self.shards[at].table.write();
        let mut entry = table.circuits.get_bucket_entry(bucket).ok()?;
        if !entry.get_mut().is_unshared() || entry.get().farewell(now) != expected {
            return None;
        }
        let (victim, _) = entry.remove();
        table.gone += victim.totals(now);
        table.lived += i128::from(now);
        Some(victim)
    }

    #[inline]
    fn shard(&self, hash: u64) -> &Shard {
        // The table takes its buckets from the low bits and its tags from the top seven.
        let share = u64::from((hash >> 25) as u32) * self.shards.len() as u64;
        &self.shards[(share >> 32) as usize]
    }

    pub(crate) fn len(&self) -> usize {
        self.len.load(Acquire)
    }

    /// Every circuit that is there when its shard is read, outside of all locks: `each` may take its time,
    /// and call a user.
    ///
    /// Under the lock a newcomer would wait for it, and calls to the shard wait behind a newcomer.
    pub(crate) fn for_each(&self, mut each: impl FnMut(&Circuit)) {
        for shard in &self.shards {
            shard.hold(0).circuits.iter().for_each(&mut each);
        }
    }

    pub(crate) fn shards(&self) -> usize {
        self.shards.len()
    }

    /// As [`for_each`](Self::for_each), of one shard and of those circuits alone that `is_meant` under its lock.
    pub(crate) fn for_each_in(
        &self,
        shard: usize,
        is_meant: impl Fn(&Circuit) -> bool,
        each: impl FnMut(&Circuit),
    ) {
        let table = self.shards[shard].table.read();
        let meant = table.circuits.iter().filter(|circuit| is_meant(circuit));
        let circuits: Vec<_> = meant.cloned().collect();
        drop(table);
        circuits.iter().for_each(each);
    }

    /// The sums over all circuits that there are and were.
    pub(crate) fn sums(&self, now: u64) -> Sums {
        self.sums_and_each(now, |_| ())
    }

    /// Both [`sums`](Self::sums) and [`for_each`](Self::for_each), in one pass.
    pub(crate) fn sums_and_each(&self, now: u64, mut each: impl FnMut(&Circuit)) -> Sums {
        let mut sums = Sums::default();
        for shard in &self.shards {
            let held = shard.hold(now);
            sums.totals += held.gone;
            sums.lived = sums.lived.saturating_add(held.lived);
            for circuit in &held.circuits {
                sums.totals += circuit.totals(now);
                each(circuit);
            }
        }
        sums
    }
}

impl Table {
    /// How long its circuits have existed, those that went too.
    fn lived(&self, now: u64) -> Duration {
        const SECOND: u128 = 1_000_000_000;
        // A newcomer may have been inserted since the clock was read.
        let nanos = (self.circuits.len() as i128 * i128::from(now) + self.lived).max(0) as u128;
        let seconds = u64::try_from(nanos / SECOND).unwrap_or(u64::MAX);
        Duration::new(seconds, (nanos % SECOND) as u32)
    }
}

impl fmt::Debug for Circuits {
    // Without the hasher, whose key is a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Circuits")
            .field("len", &self.len())
            .field("max", &self.max)
            .field("shards", &self.shards.len())
            .finish_non_exhaustive()
    }
}

/// As `==`, but without a call of the system's comparison, which for an id of some dozen bytes costs more than it does.
#[inline]
fn is_same(id: &[u8], other: &[u8]) -> bool {
    const STEP: usize = 16;
    if id.len() != other.len() {
        return false;
    }
    match (id.last_chunk::<STEP>(), other.last_chunk()) {
        (Some(last), Some(other_last)) => {
            let (steps, other_steps) = (id.as_chunks::<STEP>().0, other.as_chunks().0);
            last == other_last
                && steps
                    .iter()
                    .zip(other_steps)
                    .all(|(step, other)| step == other)
        }
        _ => id == other,
    }
}

#[cfg(test)]
mod tests;
