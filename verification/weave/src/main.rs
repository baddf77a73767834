//! Puts all mutants of the library into one program, of which each run chooses one.
//!
//! ```text
//! weave MUTANTS.json LEFT_OUT NUMBERS FILE..
//! weave --refused NUMBERS <MESSAGES
//! ```
//!
//! In the directory that it runs in, it weaves into the library those mutants of `MUTANTS.json` (from `cargo mutants --list
//! --json`) whose names do not stand in the file `LEFT_OUT`; the files are all that is compiled with it, in `src` and
//! elsewhere. What is built of it is mutant N where the environment has `WOVEN=N`, and else the library as it was. `NUMBERS`
//! is written: a line for each mutant that was woven, with its number, its name, the file, the lines that are its own, and
//! the lines of the choice that it is one of, by tabs.
//!
//! With `--refused`, it reads what `cargo build --message-format=json` printed, and prints the names of the mutants that did
//! not compile, which are to be left out of the next.

mod cloth;
mod constants;
mod mutant;
mod refused;
#[cfg(test)]
mod tests;
mod threads;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::error::Error;
use std::fmt::Write as _;
use std::{env, fs, io};

use crate::cloth::Cloth;
use crate::mutant::Mutant;

/// What tells a run which mutant it is. Tests of one program run on several threads, and all are to be the same. Where it
/// can, without an allocation, as some tests count those of whatever runs first.
const WOVEN: &str = r#"
pub(crate) mod woven {
    use std::io::Read;

    pub(crate) fn chosen() -> usize {
        static CHOSEN: std::sync::LazyLock<usize> = std::sync::LazyLock::new(|| {
            read().unwrap_or_else(|_| std::env::var("WOVEN").map_or(0, |number| number.parse().unwrap()))
        });
        *CHOSEN
    }

    fn read() -> std::io::Result<usize> {
        let mut variables = [0; 1 << 17];
        let mut file = std::fs::File::open("/proc/self/environ")?;
        let mut end = 0;
        loop {
            match file.read(&mut variables[end..])? {
                0 => break,
                read => end += read,
            }
        }
        let mut variables = variables[..end].split(|byte| *byte == 0);
        let number = variables.find_map(|variable| variable.strip_prefix(b"WOVEN="));
        let digit = |number, digit: &u8| 10 * number + usize::from(digit - b'0');
        Ok(number.map_or(0, |digits| digits.iter().fold(0, digit)))
    }
}
"#;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match &arguments[..] {
        [flag, numbers] if flag == "--refused" => {
            let messages = io::read_to_string(io::stdin())?;
            for name in refused::names(&fs::read_to_string(numbers)?, &messages)? {
                println!("{name}");
            }
            Ok(())
        }
        [mutants, left_out, numbers, files @ ..] => weave(mutants, left_out, numbers, files),
        _ => Err("weave MUTANTS.json LEFT_OUT NUMBERS FILE.., or weave --refused NUMBERS".into()),
    }
}

fn weave(
    mutants: &str,
    left_out: &str,
    numbers: &str,
    compiled: &[String],
) -> Result<(), Box<dyn Error>> {
    let texts: Vec<_> = compiled
        .iter()
        .map(fs::read_to_string)
        .collect::<Result<_, _>>()?;
    let in_constants = constants::names_in(texts.iter().map(String::as_str))?;
    let mutants: Vec<Mutant> = serde_json::from_str(&fs::read_to_string(mutants)?)?;
    let left_out = fs::read_to_string(left_out)?;
    let left_out: HashSet<&str> = left_out.lines().collect();

    // Those without a mutant too, as they may have a `const fn` that is one no more.
    let sources = compiled.iter().filter(|file| file.starts_with("src/"));
    let mut files: BTreeMap<&str, Vec<(usize, &Mutant)>> =
        sources.map(|file| (file.as_str(), Vec::new())).collect();
    for (at, mutant) in mutants.iter().enumerate() {
        if !left_out.contains(mutant.name.as_str()) {
            files
                .entry(&mutant.file)
                .or_default()
                .push((at + 1, mutant));
        }
    }
    let mut rows = String::new();
    for (file, of_file) in &files {
        let text = fs::read_to_string(file)?;
        let threads = threads::of(&text, of_file, &in_constants);
        let threads = threads.map_err(|error| format!("{file}: {error}"))?;
        let cloth = Cloth::woven(&text, &threads);
        let own: HashMap<_, _> = cloth.own.into_iter().collect();
        for (number, whole) in cloth.whole {
            let own = own.get(&number).unwrap_or(&whole);
            let name = &mutants[number - 1].name;
            let (from, to) = (own.start(), own.end());
            let (first, last) = (whole.start(), whole.end());
            writeln!(
                rows,
                "{number}\t{name}\t{file}\t{from}\t{to}\t{first}\t{last}"
            )?;
        }
        fs::write(file, cloth.text)?;
    }
    fs::write(numbers, rows)?;
    let root = "src/lib.rs";
    fs::write(root, fs::read_to_string(root)? + WOVEN)?;
    Ok(())
}
