//! What every call needs of the dependency's rules, and the present slot without arithmetic on instants.

use std::cell::Cell;

use tokio::time::Instant;

use super::rules::Rules;
use super::window::Position;
use crate::sync::{Acquire, AtomicU64, Relaxed, Release};
use crate::time::Clock;

/// The figures of the dependency's rules that every call needs, without a look at the rules themselves.
#[derive(Debug)]
pub(crate) struct Pace {
    base: AtomicU64,
    activity_base: AtomicU64,
    slot_nanos: AtomicU64,
    lowest_threshold: AtomicU64,
    /// Another for all figures that there ever were, of any dependency.
    stamp: AtomicU64,
    /// Which of a thread's stretches is this one's.
    place: usize,
}

/// A stretch of time within one slot.
///
/// To subtract two instants takes some seventy instructions, to compare them five; and the end of a call would need two
/// differences, for its slot and for its latency. So each thread keeps a stretch of which it knows the slot, and since
/// when a call that ends in it must have lasted to be slow.
#[derive(Clone, Copy)]
struct Stretch {
    stamp: u64,
    until: Instant,
    /// Who began no earlier and ends in the stretch is not slow.
    fast_from: Instant,
    position: Position,
}

/// Of so many dependencies a thread keeps the stretch. Where there are more, two have one place, put out each other's, and
/// their calls go the long way.
const KEPT: usize = 16;

// Both of std also where a model checker runs, whose atomics can be in no static: they order nothing.
/// The next stamp. 0 is that of a pace which follows no rules yet.
static STAMPS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);

/// The next place, which goes round.
static PLACES: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

#[cfg(breaker_loom)]
loom::thread_local! {
    static STRETCHES: [Cell<Option<Stretch>>; KEPT] = Default::default();
}

#[cfg(not(breaker_loom))]
thread_local! {
    static STRETCHES: [Cell<Option<Stretch>>; KEPT] = const { [const { Cell::new(None) }; KEPT] };
}

impl Default for Pace {
    /// Follows no rules yet.
    fn default() -> Self {
        Self {
            base: AtomicU64::new(0),
            activity_base: AtomicU64::new(0),
            slot_nanos: AtomicU64::new(0),
            lowest_threshold: AtomicU64::new(0),
            stamp: AtomicU64::new(0),
            place: PLACES.fetch_add(1, Relaxed) % KEPT,
        }
    }
}

impl Pace {
    /// Takes the figures of these rules.
    pub(super) fn follow(&self, rules: &Rules) {
        self.lowest_threshold.store(rules.lowest_threshold, Relaxed);
        self.slot_nanos.store(rules.slot_nanos, Relaxed);
        self.activity_base.store(rules.activity_slot(0), Release);
        self.base.store(rules.base(), Release);
        // Last: a stretch that somebody lays meanwhile, of what figures ever, is not looked at again.
        self.stamp.store(STAMPS.fetch_add(1, Relaxed), Release);
    }

    #[inline]
    pub(super) fn slot(&self, now: u64) -> u64 {
        // First: who sees the base of an era sees the length of its slots.
        let base = self.base.load(Acquire);
        base + now / self.slot_nanos.load(Relaxed)
    }

    /// As `slot`, of the slots that begin anew with the length of the window alone.
    pub(super) fn activity_slot(&self, now: u64) -> u64 {
        self.activity_base() + now / self.slot_nanos.load(Relaxed)
    }

    /// The number of the first of those slots.
    #[inline]
    pub(super) fn activity_base(&self) -> u64 {
        self.activity_base.load(Acquire)
    }

    /// When the present slot ends.
    pub(super) fn slot_end(&self, now: u64) -> u64 {
        let slot_nanos = self.slot_nanos.load(Relaxed);
        (now / slot_nanos + 1).saturating_mul(slot_nanos)
    }

    /// The threshold over which a call is slow by some rule of the dependency.
    #[inline]
    pub(super) fn lowest_threshold(&self) -> u64 {
        self.lowest_threshold.load(Relaxed)
    }

    /// The position in the window of a call that ends now, where this thread knows it, and that the call was not slow.
    ///
    /// By a clock that has stepped back, that of the newest slot: as the window has it.
    // Always, since a call of it takes more instructions than it does: closed calls would take 60 more.
    #[inline(always)]
    pub(super) fn position_of_fast(&self, started: Instant, now: Instant) -> Option<Position> {
        let stamp = self.stamp.load(Acquire);
        let stretch = STRETCHES.with(|kept| kept[self.place % KEPT].get())?;
        let is_known =
            stretch.stamp == stamp && now < stretch.until && stretch.fast_from <= started;
        is_known.then_some(stretch.position)
    }

    /// Lays the stretch in which a call ends, for those that end after it.
    #[cold]
    pub(super) fn lay_stretch(&self, clock: &Clock, now: Instant) {
        let now = clock.at(now);
        let stamp = self.stamp.load(Acquire);
        let threshold = self.lowest_threshold();
        // Calls that last three quarters of the threshold are still known to be fast.
        let until = self.slot_end(now).min(now.saturating_add(threshold / 4));
        let stretch = Stretch {
            stamp,
            until: clock.instant(until),
            fast_from: clock.instant(until.saturating_sub(threshold)),
            position: Position::of(self.slot(now)),
        };
        STRETCHES.with(|kept| kept[self.place % KEPT].set(Some(stretch)));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{Instant, advance};

    use super::Stretch;
    use crate::{CircuitBreakerRegistry, Dependency, LatencyRule, Outcome, Policy, PolicyBuilder};

    const SECOND: Duration = Duration::from_secs(1);
    const NANO: Duration = Duration::from_nanos(1);

    /// Slots of a second.
    fn slow_over(threshold: Duration) -> PolicyBuilder {
        let rule = LatencyRule::p95(threshold);
        Policy::builder().window(10 * SECOND).latency(rule)
    }

    /// A minute and a half of a slot after its creation, with what this thread knows of it.
    async fn known(policy: PolicyBuilder) -> (Dependency, Stretch) {
        let registry = CircuitBreakerRegistry::builder().build().unwrap();
        let search = registry
            .dependency_with("search", policy.build().unwrap())
            .unwrap();
        advance(60 * SECOND + SECOND / 2).await;
        (0..2).for_each(|_| search.acquire("acme").unwrap().record(Outcome::Success));
        let place = search.context().pace.place;
        let stretch = super::STRETCHES.with(|kept| kept[place].get());
        (search, stretch.unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_known_ends_with_its_slot() {
        let (search, stretch) = known(slow_over(8 * SECOND)).await;
        let pace = &search.context().pace;
        let now = Instant::now();
        assert_eq!(stretch.until, now + SECOND / 2);
        let position = |now| pace.position_of_fast(now, now).map(|known| known.slot);
        let slot = search.context().slot(search.context().now());
        assert_eq!(position(now), Some(slot));
        assert_eq!(position(stretch.until - NANO), Some(slot));
        assert_eq!(position(stretch.until), None);
    }

    #[tokio::test(start_paused = true)]
    async fn or_after_a_quarter_of_the_threshold_where_that_is_earlier() {
        let (_search, stretch) = known(slow_over(SECOND)).await;
        let threshold = stretch.until - stretch.fast_from;
        assert_eq!(stretch.until, Instant::now() + threshold / 4);
    }

    #[tokio::test(start_paused = true)]
    async fn who_began_a_threshold_before_its_end_is_fast_and_who_began_earlier_is_not_known_to_be()
    {
        let (search, stretch) = known(slow_over(8 * SECOND)).await;
        let context = search.context();
        let threshold = Duration::from_nanos(context.lowest_threshold());
        assert_eq!(stretch.fast_from, stretch.until - threshold);
        let knows = |started| {
            let now = Instant::now();
            context.pace.position_of_fast(started, now).is_some()
        };
        assert!(knows(stretch.fast_from));
        assert!(!knows(stretch.fast_from - NANO));
    }

    #[tokio::test(start_paused = true)]
    async fn rules_that_are_replaced_are_not_known() {
        let (search, _) = known(slow_over(8 * SECOND)).await;
        let now = Instant::now();
        search.set_policy(slow_over(4 * SECOND).build().unwrap());
        assert!(search.context().pace.position_of_fast(now, now).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn dependencies_of_different_places_keep_their_stretches_whatever_policies_are_replaced()
    {
        let registry = CircuitBreakerRegistry::builder().build().unwrap();
        let search = registry.dependency("search").unwrap();
        let place = |dependency: &Dependency| dependency.context().pace.place;
        // Other tests make dependencies meanwhile.
        let mut others =
            (0..).map(|number| registry.dependency(&format!("other {number}")).unwrap());
        let other = others.find(|other| place(other) != place(&search)).unwrap();
        let call = |dependency: &Dependency| {
            dependency.acquire("acme").unwrap().record(Outcome::Success);
        };
        (0..2).for_each(|_| call(&search));
        let now = Instant::now();
        let knows = || search.context().pace.position_of_fast(now, now).is_some();
        assert!(knows());
        for calls in 1..64 {
            let policy = Policy::builder().consecutive_failures(calls);
            other.set_policy(policy.build().unwrap());
            (0..2).for_each(|_| call(&other));
            assert!(knows());
        }
    }
}
