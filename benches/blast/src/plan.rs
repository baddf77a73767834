//! Which rows there are, and in which order their runs come.

use gauge::machine;
use tower::BoxError;

use crate::args::Args;
use crate::breakers::Breaker;
use crate::fault::{Fault, Trouble};
use crate::report::Report;
use crate::row::Row;
use crate::run::{Run, Stage};
use crate::scenario::{HIT, INTERVAL};
use crate::upstream::Upstream;

/// How much a load is behind that does not count, in ms: where the machine has nothing else to do, it is 8 at most.
const LATE: u64 = 15;

const ATTEMPTS: usize = 4;

/// The share that is served without a fault, at least.
const SOUND: f64 = 0.9;

/// Runs all that was asked for: in each round each breaker, and of it each row once, and once without a fault for all of
/// its rows.
pub(crate) fn carry_out(args: &Args, tell: impl Fn(String)) -> Result<Report, BoxError> {
    let stage = Stage {
        upstream: Upstream::start()?,
        share: args.share,
        interval: INTERVAL,
        measured: args.measured,
    };
    let troubles = troubles(&args.faults, &args.hit);
    let mut rows: Vec<Row> = args
        .breakers
        .iter()
        .flat_map(|breaker| troubles.iter().map(|trouble| row(*breaker, *trouble)))
        .collect();
    let mut again = Again::default();
    for round in 1..=args.runs {
        for rows in rows.chunks_mut(troubles.len()) {
            let breaker = rows[0].breaker;
            let middle = rows.len() / 2;
            for at in order(rows.len(), round) {
                if at == middle {
                    tell(format!(
                        "round {round} of {}: {}, no fault",
                        args.runs,
                        breaker.name()
                    ));
                    let without = attend(&stage, breaker, None, &mut again, &tell)?;
                    rows.iter_mut().for_each(|row| row.without.push(without));
                }
                let row = &mut rows[at];
                let what = row
                    .trouble
                    .map_or("control".to_owned(), |trouble| trouble.to_string());
                tell(format!(
                    "round {round} of {}: {}, {what}",
                    args.runs,
                    breaker.name()
                ));
                let run = attend(&stage, breaker, row.trouble, &mut again, &tell)?;
                row.runs.push(run);
            }
        }
    }
    Ok(Report {
        machine: machine::in_words(),
        share: args.share,
        seconds: args.measured.as_secs_f64(),
        again: again.late,
        unanswered: again.unanswered,
        rows,
    })
}

/// How many runs were run again, and why.
#[derive(Default)]
struct Again {
    late: usize,
    unanswered: usize,
}

/// A run that the machine had time for: where the load was behind by `LATE` or more, or could not connect, it is run
/// again. The first says nothing of the gateway, which has a thread of its own; the second might, and is told apart. The
/// last attempt counts in any case, if it came to its end.
fn attend(
    stage: &Stage,
    breaker: Breaker,
    trouble: Option<Trouble>,
    again: &mut Again,
    tell: impl Fn(String),
) -> Result<Run, BoxError> {
    for _ in 1..ATTEMPTS {
        match stage.run(breaker, trouble) {
            Ok(run) if run.late < LATE && is_sound(trouble, &run) => return Ok(run),
            Ok(run) => {
                again.late += 1;
                tell(format!("again: the load was {} ms behind", run.late));
            }
            Err(error) => {
                again.unanswered += 1;
                tell(format!("again: {error}"));
            }
        }
    }
    let run = stage.run(breaker, trouble)?;
    if is_sound(trouble, &run) {
        Ok(run)
    } else {
        let served = run.healthy.share().unwrap_or_default() * 100.0;
        Err(format!("without a fault {served:.0} % are served: the machine is too busy").into())
    }
}

/// Whether nearly all are served where there is no fault: what is set against a run in which they are not says nothing.
fn is_sound(trouble: Option<Trouble>, run: &Run) -> bool {
    trouble.is_some() || run.healthy.share().is_some_and(|served| served >= SOUND)
}

fn row(breaker: Breaker, trouble: Option<Trouble>) -> Row {
    Row {
        breaker,
        trouble,
        runs: Vec::new(),
        without: Vec::new(),
    }
}

/// There and back again, so that no row is always the first.
fn order(rows: usize, round: usize) -> Vec<usize> {
    let forth = 0..rows;
    if round.is_multiple_of(2) {
        forth.rev().collect()
    } else {
        forth.collect()
    }
}

/// The control first, where nobody is hit.
fn troubles(faults: &[Fault], hit: &[usize]) -> Vec<Option<Trouble>> {
    let control = hit.contains(&0).then_some(None);
    let faults = Fault::ALL
        .into_iter()
        .filter(|fault| faults.contains(fault));
    let troubles = faults.flat_map(|fault| {
        let some = HIT
            .into_iter()
            .filter(|some| *some > 0 && hit.contains(some));
        some.map(move |hit| Some(Trouble { fault, hit }))
    });
    control.into_iter().chain(troubles).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_control_stands_once_before_each_fault_for_each_number_of_tenants() {
        let all = troubles(&Fault::ALL, &HIT);
        assert_eq!((all.len(), all[0]), (10, None));
        let one = troubles(&[Fault::Slow], &[50, 1]);
        let hit: Vec<_> = one.iter().flatten().map(|trouble| trouble.hit).collect();
        assert_eq!(hit, [1, 50]);
        assert_eq!(troubles(&[], &HIT), [None]);
    }

    #[test]
    fn every_second_round_goes_back() {
        assert_eq!(order(3, 1), [0, 1, 2]);
        assert_eq!(order(3, 2), [2, 1, 0]);
    }
}
