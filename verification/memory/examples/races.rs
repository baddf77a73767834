//! Races on purpose: a check for races that lets this pass would let all pass.

use std::cell::UnsafeCell;
use std::sync::Barrier;
use std::thread;

struct Racy(UnsafeCell<u64>);

// SAFETY: there is none, which is what it is for.
unsafe impl Sync for Racy {}

fn main() {
    // One race in six goes unseen: the sanitizer remembers a few accesses of each place.
    let raced: Vec<_> = (0..100).map(|_| race()).collect();
    println!("{raced:?}");
}

fn race() -> u64 {
    let racy = Racy(UnsafeCell::new(0));
    let both = Barrier::new(2);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let racy = &racy;
                both.wait();
                for _ in 0..100 {
                    // SAFETY: none, as above.
                    unsafe { *racy.0.get() += 1 };
                }
            });
        }
    });
    racy.0.into_inner()
}
