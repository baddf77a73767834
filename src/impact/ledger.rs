//! The rows, in parts that do not wait for each other.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use hashbrown::HashTable;
use siphasher::sip::SipHasher13;

use super::Turn;
use super::policy::Bounds;
use crate::sync::{Apart, Arc, Mutex};
use crate::time::nanos;

/// How many rows a part has at least, so that chance does not fill one long before the others.
const PART: usize = 256;
const MOST_PARTS: usize = 64;
/// How many rows are compared where one has to go.
const COMPARED: usize = 16;
const HOUR: u64 = 60 * 60;

/// What bad calls did to tenants, by the hour.
pub(crate) struct Ledger {
    parts: Box<[Apart<Mutex<Part>>]>,
    hasher: SipHasher13,
    /// From the beginning of the hour in which the registry was built until then, in nanoseconds.
    offset: u64,
    /// When that hour began, in seconds since 1970.
    first: u64,
}

/// Whose row it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) tenant: Option<&'a str>,
    pub(crate) dependency: &'a Arc<str>,
    /// Whether it may be an id that somebody made up: a tenant of which no call is known to have succeeded.
    pub(crate) is_newcomer: bool,
}

/// What was bad about a call.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Harm {
    pub(crate) failed: bool,
    pub(crate) slow: bool,
    pub(crate) rejected: bool,
}

/// The rows of some tenants, in the order of their hours.
#[derive(Debug)]
pub(crate) struct Part {
    pub(super) hours: VecDeque<Hour>,
    most_hours: u64,
    most_rows: usize,
    most_turns: usize,
}

/// Hours are counted from that in which the registry was built.
#[derive(Debug, Default)]
pub(super) struct Hour {
    pub(super) hour: u64,
    rows: HashTable<Row>,
    /// How many of them are of newcomers.
    newcomers: usize,
    pub(super) unlisted: u64,
    pub(super) dropped: u64,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Row {
    hash: u64,
    pub(super) tenant: Option<Box<str>>,
    pub(super) dependency: Arc<str>,
    is_newcomer: bool,
    pub(super) calls: u64,
    pub(super) failed: u64,
    pub(super) slow: u64,
    pub(super) rejected: u64,
    pub(super) fallback_served: u64,
    /// Sorted.
    pub(super) turns: Vec<Turn>,
    pub(super) more_turns: bool,
}

impl Ledger {
    pub(crate) fn new(bounds: Bounds) -> Self {
        let parts = (bounds.rows / PART).clamp(1, MOST_PARTS);
        let part = || Part {
            hours: VecDeque::new(),
            most_hours: bounds.hours,
            most_rows: bounds.rows / parts,
            most_turns: bounds.turns,
        };
        let random = RandomState::new();
        let into_hour = bounds.built_at.as_secs() % HOUR;
        Self {
            parts: (0..parts).map(|_| Apart(Mutex::new(part()))).collect(),
            hasher: SipHasher13::new_with_keys(random.hash_one(0_u8), random.hash_one(1_u8)),
            offset: nanos(Duration::new(into_hour, bounds.built_at.subsec_nanos())),
            first: bounds.built_at.as_secs() - into_hour,
        }
    }

    /// The hour, counted from that in which the registry was built.
    pub(crate) fn hour(&self, now: u64) -> u64 {
        self.offset.saturating_add(now) / (HOUR * 1_000_000_000)
    }

    /// When an hour begins, since 1970.
    pub(super) fn begins(&self, hour: u64) -> Duration {
        Duration::from_secs(self.first + hour * HOUR)
    }

    /// Runs with the rows of the subject's part, of which the subject's have this hash. Nothing in there may wait.
    pub(crate) fn at<T>(&self, subject: Subject<'_>, run: impl FnOnce(&mut Part, u64) -> T) -> T {
        let of_tenant = self
            .hasher
            .hash(subject.tenant.unwrap_or_default().as_bytes());
        let of_dependency = self.hasher.hash(subject.dependency.as_bytes());
        // By the tenant alone, so that one tenant's trouble is in one part.
        let part = (of_tenant >> 32) as usize % self.parts.len();
        // The lanes of one are turned, so that a tenant that is called as its dependency is does not come to 0.
        let hash = of_tenant ^ of_dependency.rotate_left(1);
        run(&mut self.parts[part].lock(), hash)
    }

    /// Counts what was bad about a call.
    pub(crate) fn note(&self, subject: Subject<'_>, hour: u64, harm: Harm) {
        let turn = Turn::current();
        self.at(subject, |part, hash| {
            part.note(subject, hash, hour, harm, turn);
        });
    }

    /// Something else has served a call that was bad in this hour.
    pub(crate) fn note_served(&self, subject: Subject<'_>, hour: u64) {
        let turn = Turn::current();
        self.at(subject, |part, hash| {
            let most_turns = part.most_turns;
            let Some(row) = part.row(subject, hash, hour) else {
                return;
            };
            // A row that had to go, and came back, has lost the call.
            if row.fallback_served < row.failed + row.rejected {
                row.fallback_served += 1;
                row.note_turn(turn, most_turns);
            }
        });
    }

    /// Whose rows there are.
    pub(crate) fn subjects(&self) -> HashSet<(Option<Box<str>>, Arc<str>)> {
        let mut subjects = HashSet::new();
        for part in &self.parts {
            let part = part.lock();
            let rows = part.hours.iter().flat_map(|hour| &hour.rows);
            subjects.extend(rows.map(|row| (row.tenant.clone(), Arc::clone(&row.dependency))));
        }
        subjects
    }

    /// Looks at each part in turn, without the hours that are over.
    pub(super) fn each(&self, hour: u64, mut look: impl FnMut(&Part)) {
        for part in &self.parts {
            let mut part = part.lock();
            part.forget_before(hour);
            look(&part);
        }
    }
}

impl Part {
    /// Adds calls to a row, if there is one.
    pub(crate) fn credit(
        &mut self,
        subject: Subject<'_>,
        hash: u64,
        hour: u64,
        calls: u64,
    ) -> bool {
        let row = self.row(subject, hash, hour);
        row.map(|row| row.calls += calls).is_some()
    }

    /// Counts as failed so many calls that were counted before, or as many as the row has that are not yet.
    pub(crate) fn note_failed_before(
        &mut self,
        subject: Subject<'_>,
        hash: u64,
        hour: u64,
        calls: u64,
    ) {
        if let Some(row) = self.row(subject, hash, hour) {
            row.failed += calls.min(row.calls.saturating_sub(row.failed));
        }
    }

    fn row(&mut self, subject: Subject<'_>, hash: u64, hour: u64) -> Option<&mut Row> {
        let at = self.find(hour).ok()?;
        self.hours[at].row(subject, hash)
    }

    fn note(&mut self, subject: Subject<'_>, hash: u64, hour: u64, harm: Harm, turn: Option<Turn>) {
        self.forget_before(hour);
        let newest = self.hours.back().map_or(hour, |newest| newest.hour);
        if hour + self.most_hours <= newest {
            return;
        }
        let at = self.find(hour).unwrap_or_else(|at| {
            let fresh = Hour {
                hour,
                ..Hour::default()
            };
            self.hours.insert(at, fresh);
            at
        });
        if self.hours[at].row(subject, hash).is_none() {
            if !self.has_room(at, subject) {
                self.hours[at].unlisted += 1;
                return;
            }
            self.hours[at].add(subject, hash);
        }
        let most_turns = self.most_turns;
        let hour = &mut self.hours[at];
        let mut is_known_now = false;
        if let Some(row) = hour.row(subject, hash) {
            is_known_now = row.is_newcomer && !subject.is_newcomer;
            row.is_newcomer &= subject.is_newcomer;
            row.note(harm);
            row.note_turn(turn, most_turns);
        }
        hour.newcomers -= usize::from(is_known_now);
    }

    /// Whether this hour may have one more row; where there is no room, another goes for it.
    ///
    /// Newcomers only ever take the place of newcomers. Among equals, hours share the room fairly; within an hour the first
    /// ones keep it, since to know who has more bad calls would take a count of those without a row, who may be endless.
    fn has_room(&mut self, at: usize, subject: Subject<'_>) -> bool {
        let rows: usize = self.hours.iter().map(|hour| hour.rows.len()).sum();
        if rows < self.most_rows {
            return true;
        }
        let Hour {
            rows, newcomers, ..
        } = &self.hours[at];
        let (rows, newcomers) = (rows.len(), *newcomers);
        let hours = self.hours.iter_mut();
        let fullest = hours.max_by_key(|hour| hour.newcomers);
        if let Some(fullest) = fullest
            && fullest.newcomers > 0
            && (!subject.is_newcomer || fullest.newcomers > newcomers + 1)
        {
            return fullest.drop_one(|row| row.is_newcomer);
        }
        let fullest = self.hours.iter_mut().max_by_key(|hour| hour.rows.len());
        match fullest {
            Some(fullest) if !subject.is_newcomer && fullest.rows.len() > rows + 1 => {
                fullest.drop_one(|_| true)
            }
            _ => false,
        }
    }

    fn forget_before(&mut self, hour: u64) {
        let is_over = |oldest: &Hour| oldest.hour + self.most_hours <= hour;
        while self.hours.front().is_some_and(is_over) {
            self.hours.pop_front();
        }
    }

    fn find(&self, hour: u64) -> Result<usize, usize> {
        self.hours.binary_search_by_key(&hour, |kept| kept.hour)
    }
}

impl Hour {
    pub(super) fn rows(&self) -> impl ExactSizeIterator<Item = &Row> {
        self.rows.iter()
    }

    fn row(&mut self, subject: Subject<'_>, hash: u64) -> Option<&mut Row> {
        self.rows.find_mut(hash, |row| {
            row.tenant.as_deref() == subject.tenant && *row.dependency == **subject.dependency
        })
    }

    fn add(&mut self, subject: Subject<'_>, hash: u64) {
        let row = Row {
            hash,
            tenant: subject.tenant.map(Into::into),
            dependency: Arc::clone(subject.dependency),
            is_newcomer: subject.is_newcomer,
            ..Row::default()
        };
        self.newcomers += usize::from(row.is_newcomer);
        self.rows.insert_unique(hash, row, |row| row.hash);
    }

    /// Of some such rows, the one with the fewest bad calls goes.
    fn drop_one(&mut self, is_such: impl Fn(&Row) -> bool) -> bool {
        let some = self.rows.iter().filter(|row| is_such(row)).take(COMPARED);
        let Some(least) = some.min_by_key(|row| row.bad()) else {
            return false;
        };
        let (hash, at) = (least.hash, std::ptr::from_ref(least));
        let Ok(entry) = self.rows.find_entry(hash, |row| std::ptr::eq(row, at)) else {
            return false;
        };
        let (row, _) = entry.remove();
        self.newcomers -= usize::from(row.is_newcomer);
        self.dropped += 1;
        self.give_back();
        true
    }

    /// Half of the table at most is empty, apart from some few places.
    fn give_back(&mut self) {
        const FEW: usize = 4;
        // Not `capacity`, which does not count places that a row has left amid others.
        let places = self.rows.num_buckets() / 8 * 7;
        if places > 2 * self.rows.len() + FEW {
            self.rows.shrink_to(self.rows.len(), |row| row.hash);
        }
    }
}

impl Row {
    fn bad(&self) -> u64 {
        self.failed + self.slow + self.rejected
    }

    fn note(&mut self, harm: Harm) {
        self.failed += u64::from(harm.failed);
        self.slow += u64::from(harm.slow);
        self.rejected += u64::from(harm.rejected);
    }

    fn note_turn(&mut self, turn: Option<Turn>, most: usize) {
        let Some(turn) = turn else {
            return;
        };
        let Err(at) = self
            .turns
            .binary_search_by_key(&turn.hash, |turn| turn.hash)
        else {
            return;
        };
        if self.turns.len() < most {
            self.turns.insert(at, turn);
        } else {
            self.more_turns = true;
        }
    }
}

#[cfg(test)]
mod tests;
