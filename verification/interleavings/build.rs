//! Has the sources take the model checker's atomics and locks.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-cfg=breaker_loom");
}
