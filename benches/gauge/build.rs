//! Says which compiler the benches are built by, which no figure goes without.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let rustc = env::var_os("RUSTC").expect("cargo says it");
    let told = Command::new(rustc).arg("--version").output();
    let told = told.expect("the compiler tells its version");
    println!(
        "cargo::rustc-env=RUSTC_VERSION={}",
        String::from_utf8_lossy(&told.stdout).trim()
    );
}
