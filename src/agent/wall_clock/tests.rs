use std::sync::Barrier;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::{Instant, advance};

use super::{BRIEF, TOLERANCE, WallClock};
use crate::sync::Arc;

const SECOND: Duration = Duration::from_secs(1);
const NOON: Duration = Duration::from_secs(1_795_953_600);

fn clock(read: impl Fn() -> SystemTime + Send + Sync + 'static) -> WallClock {
    WallClock::new(Box::new(read))
}

/// A clock that says noon where it is made, and what is to be added to it from then on, in microseconds.
fn settable() -> (WallClock, Arc<AtomicI64>) {
    let (begun, added) = (Instant::now(), Arc::new(AtomicI64::new(0)));
    let shared = Arc::clone(&added);
    let read = move || {
        let says = UNIX_EPOCH + NOON + Instant::now().saturating_duration_since(begun);
        let micros = shared.load(SeqCst);
        let by = Duration::from_micros(micros.unsigned_abs());
        if micros < 0 { says - by } else { says + by }
    };
    (clock(read), added)
}

#[tokio::test(start_paused = true)]
async fn an_instant_is_one_moment_however_the_clock_jitters() {
    let (clock, added) = settable();
    let instant = Instant::now() + Duration::from_millis(1);
    let moment = clock.at(instant);
    for step in 0..2_000_i64 {
        advance(Duration::from_millis(317)).await;
        added.store(step * 7_919 % 2_000_000 - 1_000_000, SeqCst);
        assert_eq!(clock.at(instant), moment, "at step {step}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_moves_an_instant_once() {
    for seconds in [3_600_i64, -3_600, 2, -2] {
        let (clock, added) = settable();
        let instant = Instant::now();
        let before = clock.at(instant);
        added.store(seconds * 1_000_000, SeqCst);
        let after = clock.at(instant);
        let by = Duration::from_secs(seconds.unsigned_abs());
        let expected = if seconds < 0 {
            before - by
        } else {
            before + by
        };
        assert_eq!(after, expected);
        for step in 0..100 {
            added.store(seconds * 1_000_000 + step * 313, SeqCst);
            advance(SECOND).await;
            assert_eq!(clock.at(instant), after);
        }
    }
}

/// A clock in whose readings the thread stands still between its look at the one clock and its look at the other, for so
/// many milliseconds, and that is set by so many hours.
fn halting() -> (WallClock, Arc<AtomicU64>, Arc<AtomicU64>) {
    let (pause, hours) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (shared_pause, shared_hours) = (Arc::clone(&pause), Arc::clone(&hours));
    let begun = Instant::now();
    let clock = clock(move || {
        let millis = Duration::from_millis(shared_pause.load(SeqCst));
        futures_util::FutureExt::now_or_never(advance(millis));
        let set = Duration::from_secs(3_600 * shared_hours.load(SeqCst));
        UNIX_EPOCH + NOON + Instant::now().saturating_duration_since(begun) + set
    });
    (clock, pause, hours)
}

#[tokio::test(start_paused = true)]
async fn a_reading_that_took_long_sets_nothing() {
    let (clock, pause, hours) = halting();
    let instant = Instant::now();
    let moment = clock.at(instant);
    pause.store(5_000, SeqCst);
    assert_eq!(clock.at(instant), moment, "it was not set");
    hours.store(1, SeqCst);
    assert_eq!(clock.at(instant), moment, "by how much cannot be said");
    pause.store(0, SeqCst);
    for _ in 0..2 {
        assert_eq!(clock.at(instant), moment + 3_600 * SECOND);
    }
    assert!(BRIEF < TOLERANCE);
}

#[tokio::test(start_paused = true)]
async fn a_reading_that_is_just_brief_sets_the_clock() {
    let (clock, pause, hours) = halting();
    let instant = Instant::now();
    let moment = clock.at(instant);
    pause.store(BRIEF.as_millis() as u64, SeqCst);
    hours.store(1, SeqCst);
    assert_eq!(clock.at(instant), moment + 3_600 * SECOND + BRIEF);
}

#[test]
fn threads_that_find_the_clock_set_agree_on_the_moment() {
    for round in 0..200 {
        // Every reading is another one, as far apart as half the tolerance.
        let (offset, reads) = (Arc::new(AtomicI64::new(0)), AtomicUsize::new(0));
        let shared = Arc::clone(&offset);
        let begun = Instant::now();
        let clock = clock(move || {
            let jitter = Duration::from_millis(reads.fetch_add(1, SeqCst) as u64 * 97 % 500);
            let seconds = shared.load(SeqCst) as u64;
            UNIX_EPOCH
                + NOON
                + Instant::now().saturating_duration_since(begun)
                + Duration::from_secs(seconds)
                + jitter
        });
        let instant = Instant::now();
        let before = clock.at(instant);
        offset.store(60, SeqCst);
        let barrier = Barrier::new(4);
        let moments: Vec<SystemTime> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        barrier.wait();
                        clock.at(instant)
                    })
                })
                .collect();
            threads.into_iter().map(|it| it.join().unwrap()).collect()
        });
        let moved = clock.at(instant);
        assert!(moved > before + 58 * SECOND, "round {round}");
        assert_eq!(moments, [moved; 4], "round {round}");
    }
}

#[test]
fn no_clock_makes_it_panic() {
    let far = Duration::from_secs(i64::MAX as u64);
    let end = UNIX_EPOCH.checked_add(far).unwrap_or(UNIX_EPOCH);
    let begin = UNIX_EPOCH.checked_sub(far).unwrap_or(UNIX_EPOCH);
    let moments = [UNIX_EPOCH, UNIX_EPOCH - SECOND, begin, end, end - SECOND];
    let now = Instant::now();
    let instants = [now, now + 100 * 365 * 86_400 * SECOND];
    for first in moments {
        for then in moments {
            let is_first = std::sync::atomic::AtomicBool::new(true);
            let clock = clock(move || {
                if is_first.swap(false, SeqCst) {
                    first
                } else {
                    then
                }
            });
            for instant in instants {
                let once = clock.at(instant);
                assert_eq!(clock.at(instant), once);
            }
        }
    }
}
