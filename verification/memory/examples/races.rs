//! Races on purpose: a check for races that lets this pass would let all pass.

use std::cell::UnsafeCell;
use std::thread;

struct Racy(UnsafeCell<u64>);

// SAFETY: there is none, which is what it is for.
unsafe impl Sync for Racy {}

fn main() {
    let racy = Racy(UnsafeCell::new(0));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let racy = &racy;
                for _ in 0..10_000 {
                    // SAFETY: none, as above.
                    unsafe { *racy.0.get() += 1 };
                }
            });
        }
    });
    println!("{}", racy.0.into_inner());
}
