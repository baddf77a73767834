//! Tells the program with what it was compiled: other compilers make other instructions.

use std::env;
use std::error::Error;
use std::process::Command;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let rustc = env::var_os("RUSTC").ok_or("cargo names no compiler")?;
    let output = Command::new(rustc).arg("--version").output()?;
    let version = String::from_utf8(output.stdout)?;
    let version = version.trim();
    // As cargo hands them on: one after the other, with a separator that no flag has in it.
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    let flags = flags.replace('\x1f', " ");
    println!(
        "cargo::rustc-env=COMPILED_BY={}",
        format!("{version} {flags}").trim()
    );
    println!("cargo::rustc-env=COMPILED_FOR={}", env::var("TARGET")?);
    Ok(())
}
