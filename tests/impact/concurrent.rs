use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::*;

#[test]
fn no_call_is_lost_or_counted_twice_while_reports_are_taken() {
    const CALLS: u32 = 20_000;
    let (registry, search) = search();
    fail(&search, "acme", 1);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Relaxed) {
                let counts = counts(&registry);
                assert!(counts.calls <= 1 + 2 * u64::from(CALLS));
            }
        });
        let callers: [_; 2] = std::array::from_fn(|_| {
            scope.spawn(|| {
                for call in 0..CALLS {
                    match call % 100 {
                        0 => fail(&search, "acme", 1),
                        _ => succeed(&search, "acme", 1),
                    }
                }
            })
        });
        for caller in callers {
            caller.join().unwrap();
        }
        is_over.store(true, Relaxed);
    });
    let counted = counts(&registry);
    assert_eq!(figures(counted), [40_001, 401, 0, 0, 0]);
    assert_eq!(search.snapshot().totals.calls, counted.calls);
}
