//! All seeds hold, and what once broke a property holds now; on stable Rust, without a fuzzer.

use std::fs;
use std::path::{Path, PathBuf};

fn seeds() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds")
}

fn names(of: &Path) -> Vec<String> {
    let entries = fs::read_dir(of).expect("a directory");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<_> = names
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn hold(target: &str, check: fn(&[u8])) {
    let seeds = seeds().join(target);
    let names = names(&seeds);
    assert!(names.len() >= 3, "{target} has seeds to begin with");
    for name in names {
        println!("{target}/{name}");
        check(&fs::read(seeds.join(name)).expect("a file"));
    }
}

/// A test for each target, so that one that does not hold hides no other.
macro_rules! every_seed_holds_of {
    ($($target:ident),* $(,)?) => {
        mod every_seed_holds_of {
            $(#[test]
            fn $target() {
                super::hold(stringify!($target), fuzz::$target::check);
            })*
        }

        #[test]
        fn each_target_has_seeds() {
            assert_eq!(names(&seeds()), [$(stringify!($target)),*]);
        }
    };
}

every_seed_holds_of!(
    policies,
    problems,
    prompt_notes,
    providers,
    registry,
    retry_after,
    snapshots,
    streams,
    tenants,
);
