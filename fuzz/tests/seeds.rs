//! All seeds hold, and what once broke a property holds now; on stable Rust, without a fuzzer.

use std::fs;
use std::path::Path;

type Target = (&'static str, fn(&[u8]));

const TARGETS: [Target; 9] = [
    ("policies", fuzz::policies::check),
    ("problems", fuzz::problems::check),
    ("prompt_notes", fuzz::prompt_notes::check),
    ("providers", fuzz::providers::check),
    ("registry", fuzz::registry::check),
    ("retry_after", fuzz::retry_after::check),
    ("snapshots", fuzz::snapshots::check),
    ("streams", fuzz::streams::check),
    ("tenants", fuzz::tenants::check),
];

fn names(of: &Path) -> Vec<String> {
    let entries = fs::read_dir(of).expect("a directory");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<_> = names
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn every_seed_holds() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    assert_eq!(
        names(&seeds),
        TARGETS.map(|(name, _)| name),
        "each target has seeds"
    );
    for (target, check) in TARGETS {
        let seeds = seeds.join(target);
        let names = names(&seeds);
        assert!(names.len() >= 3, "{target} has seeds to begin with");
        for name in names {
            println!("{target}/{name}");
            check(&fs::read(seeds.join(name)).expect("a file"));
        }
    }
}
