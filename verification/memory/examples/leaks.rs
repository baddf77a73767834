//! Leaks on purpose: a check for leaks that lets this pass would let all pass.

fn main() {
    for n in 0..10 {
        std::mem::forget(vec![n; 1_000]);
    }
}
