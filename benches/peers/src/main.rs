//! Prints one table of the same calls through other people's circuit breakers and through ours.

mod counts;
mod lacks;
mod row;
mod threads;
mod versions;

use std::error::Error;
use std::io;

use gauge::pairs::Pairs;
use peers::breaker::{Breaker, ROOM, Trips};
use peers::breakers::{About, Visit, each};
use serde_json::json;

use row::Row;
use threads::Threads;

const HELP: &str = "\
Prints what a call costs through several circuit breakers per tenant. Run by benches/peers.sh, which hands in what the
allocator was asked for.

  --json       as JSON
  --pairs N    pairs of runs on one thread and on two (15); 0: none, where only the counts are wanted";

/// What is found without callgrind and without counting the heap.
struct Found {
    pairs: Pairs,
    of: Vec<(About, Threads, usize, Option<usize>)>,
}

impl Visit for Found {
    fn visit<B: Breaker>(&mut self, about: About, make: impl Fn(Trips) -> B) {
        let threads = threads::compare(&self.pairs, &make);
        let (probes, cancelled) = (lacks::probes(&make), lacks::cancelled(&make));
        self.of.push((about, threads, probes, cancelled));
    }
}

/// The numbers of a list.
fn numbers(list: &serde_json::Value) -> Option<Vec<f64>> {
    list.as_array()?
        .iter()
        .map(serde_json::Value::as_f64)
        .collect()
}

fn main() -> Result<(), Box<dyn Error>> {
    use lexopt::prelude::*;

    let (mut as_json, mut pairs) = (false, 15);
    let mut args = lexopt::Parser::from_env();
    while let Some(arg) = args.next()? {
        match arg {
            Value(word) if word == counts::WORD => {
                counts::run();
                return Ok(());
            }
            Long("json") => as_json = true,
            Long("pairs") => pairs = args.value()?.parse()?,
            Short('h') | Long("help") => {
                println!("{HELP}");
                return Ok(());
            }
            _ => return Err(arg.unexpected().into()),
        }
    }
    let heap: serde_json::Value = serde_json::from_reader(io::stdin())?;
    // First what needs the processors for itself.
    let mut found = Found {
        pairs: Pairs::new(pairs),
        of: Vec::new(),
    };
    each(&mut found);
    let instructions = counts::take(found.of.len())?;
    let rows = found.of.into_iter().zip(instructions);
    let rows = rows.map(|((about, threads, probes, cancelled), instructions)| {
        let heap = &heap[about.name];
        let numbers = |what: &str| {
            numbers(&heap[what])
                .ok_or_else(|| format!("what is read says no {what} of {}", about.name))
        };
        let bytes = numbers("bytes")?;
        Ok(Row {
            about,
            instructions,
            allocations: numbers("allocations")?,
            bytes: bytes.try_into().map_err(|_| "bytes come in twos")?,
            tenants: ROOM,
            threads,
            probes,
            cancelled,
        })
    });
    let rows = rows.collect::<Result<Vec<_>, Box<dyn Error>>>()?;
    let machine = gauge::machine::in_words();
    let valgrind = gauge::machine::says("valgrind", "--version");
    let valgrind = valgrind.unwrap_or_else(|| "valgrind of an unknown version".to_owned());
    if as_json {
        let all = json!({
            "machine": machine,
            "valgrind": valgrind,
            "breakers": rows.iter().map(Row::json).collect::<Vec<_>>(),
        });
        println!("{all:#}");
        return Ok(());
    }
    println!("{}", row::head());
    for row in &rows {
        println!("{}", row.markdown());
    }
    println!("\n{machine}, {valgrind}.");
    Ok(())
}
