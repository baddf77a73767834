//! What the program `agent_platform` promises, held under more seeds than it is run with; and that it notices where
//! something of it does not hold.

use std::process::Command;
use std::time::Duration;

use agents::platform::{Breaker, Comparison, End, Hour, NamedBy, Seen};
use tower::BoxError;
use tower_tenant_breaker::agent::SignalReason;

/// What a call came to, over all turns.
fn count(hour: &Hour, is_one: impl Fn(&Seen) -> bool) -> u64 {
    let calls = hour.turns.iter().flat_map(|turn| &turn.calls);
    calls.filter(|seen| is_one(seen)).count() as u64
}

fn csv(hour: &Hour) -> Result<String, BoxError> {
    let mut file = Vec::new();
    hour.impact.to_csv(&mut file)?;
    Ok(String::from_utf8(file)?)
}

#[test]
fn the_promises_hold_under_other_seeds() -> Result<(), BoxError> {
    for seed in [1, 4, 5] {
        let comparison = Comparison::of(seed)?;
        assert_eq!(comparison.complaints(), [""; 0], "seed {seed}");
    }
    Ok(())
}

#[test]
fn one_seed_is_one_hour() -> Result<(), BoxError> {
    for breaker in [Breaker::Without, Breaker::With] {
        let (one, same) = (Hour::of(3, breaker)?, Hour::of(3, breaker)?);
        assert!(one.turns == same.turns, "{breaker:?}: the turns differ");
        assert!(one.reached == same.reached, "{breaker:?}: the calls differ");
        assert_eq!(one.outage, same.outage);
        assert_eq!(csv(&one)?, csv(&same)?);
    }
    let (one, other) = (Hour::of(3, Breaker::With)?, Hour::of(4, Breaker::With)?);
    assert!(one.turns != other.turns);
    Ok(())
}

#[test]
fn what_the_report_sums_up_is_what_the_agents_saw() -> Result<(), BoxError> {
    for breaker in [Breaker::Without, Breaker::With] {
        let hour = Hour::of(6, breaker)?;
        let sum = hour
            .impact
            .per_tenant()
            .into_iter()
            .fold([0; 3], |sum, of| {
                let of = [of.counts.failed, of.counts.rejected, of.counts.slow];
                [sum[0] + of[0], sum[1] + of[1], sum[2] + of[2]]
            });
        let was_made = |seen: &Seen| {
            let made = [SignalReason::ToolCallTimeout, SignalReason::ToolCallFailed];
            seen.signal.is_some_and(|signal| made.contains(&signal))
        };
        let failed = count(&hour, was_made);
        let rejected = count(&hour, |seen| seen.signal.is_some()) - failed;
        let slow = count(&hour, |seen| {
            hour.slow_over.is_some_and(|most| seen.took > most)
        });
        assert_eq!(sum, [failed, rejected, slow], "{breaker:?}");
        assert!(failed > 0 && (rejected > 0) == (breaker == Breaker::With));
        assert!(hour.is_reported_as_seen(), "{breaker:?}");
    }
    Ok(())
}

#[test]
fn who_has_no_breaker_is_told_of_timeouts_all_the_same_and_plans_anew() -> Result<(), BoxError> {
    let hour = Hour::of(6, Breaker::Without)?;
    let slow_for = hour
        .turns
        .iter()
        .filter(|turn| turn.timed_out().any(|tool| tool == "search"));
    let replanned: Vec<_> = slow_for.map(|turn| turn.replanned).collect();
    assert!(!replanned.is_empty() && replanned.iter().all(|calls| *calls > 0));
    Ok(())
}

#[test]
fn a_promise_that_is_broken_is_noticed() -> Result<(), BoxError> {
    let whole = Comparison::of(6)?;
    let broken = |name: &str, by: &dyn Fn(&mut Comparison)| {
        let mut broken = whole.clone();
        by(&mut broken);
        let complaints = broken.complaints();
        assert!(
            complaints.iter().any(|complaint| complaint.contains(name)),
            "{name}: {complaints:?}"
        );
    };
    let is_search = |seen: &&mut Seen| &*seen.tool == "search";
    broken("went round in circles", &|it| {
        it.with.turns[5].end = End::Looped;
    });
    broken("crashed", &|it| it.without.panicked = 1);
    broken("nothing was wrong with", &|it| {
        it.with.turns[5].without.insert("mail".to_owned());
    });
    broken("slow for another", &|it| {
        let mut calls = it.with.turns.iter_mut().flat_map(|turn| &mut turn.calls);
        let call = calls.find(is_search).expect("somebody searches");
        call.signal = Some(SignalReason::CircuitOpenLatency);
    });
    broken("something else than the agents saw", &|it| {
        let turns = it.with.turns.iter_mut();
        let mut degraded = turns.filter(|turn| turn.calls.iter().any(|seen| seen.signal.is_some()));
        degraded.next().expect("some call is bad").calls.clear();
    });
    broken("has become a dependency", &|it| it.with.dependencies += 1);
    let forget = |hour: &mut Hour, by: NamedBy| {
        let calls = hour.turns.iter_mut().flat_map(|turn| &mut turn.calls);
        for call in calls.filter(|call| call.named_by == Some(by)) {
            call.named_by = None;
        }
    };
    broken(
        "without the breaker, no call went to a tool that a signal",
        &|it| {
            forget(&mut it.without, NamedBy::Signal);
        },
    );
    broken(
        "with the breaker, no call went to a tool that a signal",
        &|it| {
            forget(&mut it.with, NamedBy::Signal);
        },
    );
    broken("a note had named in another's place", &|it| {
        forget(&mut it.with, NamedBy::Note);
    });
    broken("the note in the turn's prompt had named", &|it| {
        let mut calling = it
            .with
            .turns
            .iter_mut()
            .filter(|turn| !turn.calls.is_empty());
        let turn = calling.next().expect("some turn calls a tool");
        turn.noted.insert(turn.calls[0].tool.to_string());
    });
    broken("began with a note", &|it| {
        for turn in &mut it.with.turns {
            turn.noted.clear();
        }
    });
    broken("spared fewer turns a call", &|it| {
        for turn in it
            .with
            .turns
            .iter_mut()
            .filter(|turn| turn.is_spared_by_note())
        {
            turn.noted = ["billing".to_owned()].into();
        }
    });
    broken("different turns", &|it| {
        it.with.turns.pop();
    });
    broken("used it more, or less", &|it| {
        it.with.reached.retain(|call| &*call.tenant != "tenant-03");
    });
    broken("nobody noticed", &|it| it.with.outage = None);
    broken("twentieth more turns", &|it| {
        for turn in it.with.turns.iter_mut().rev().take(400) {
            turn.without.insert("calendar".to_owned());
        }
    });
    broken("spared less than four of five wasted calls", &|it| {
        it.with.reached.extend(it.without.reached.clone());
    });
    broken("a timeout", &|it| it.with.turns = it.without.turns.clone());
    broken("of the waiting", &|it| {
        it.with.turns[5].waited = Duration::from_secs(3_600);
    });
    Ok(())
}

#[test]
fn the_program_writes_the_report_of_its_seed() -> Result<(), BoxError> {
    let program = env!("CARGO_BIN_EXE_agent_platform");
    let written = Command::new(program)
        .args(["--seed", "2", "--csv"])
        .output()?;
    assert!(written.status.success(), "{written:?}");
    let mut expected = Vec::new();
    Comparison::of(2)?.to_csv(&mut expected)?;
    assert_eq!(
        String::from_utf8(written.stdout)?,
        String::from_utf8(expected)?
    );

    let table = Command::new(program).args(["--seed", "2"]).output()?;
    assert!(table.status.success(), "{table:?}");
    let table = String::from_utf8(table.stdout)?;
    assert!(table.contains("turns finished") && table.contains("probes for all"));
    assert!(table.ends_with("\nall promises held\n"), "{table}");

    let refused = Command::new(program).arg("--sede").output()?;
    assert!(!refused.status.success() && refused.stdout.is_empty());
    Ok(())
}

#[test]
fn who_reads_no_further_ends_the_program_quietly() -> Result<(), BoxError> {
    for form in [&["--seed", "2"][..], &["--seed", "2", "--csv"]] {
        let (reader, writer) = std::io::pipe()?;
        drop(reader);
        let mut program = Command::new(env!("CARGO_BIN_EXE_agent_platform"));
        let ended = program.args(form).stdout(writer).output()?;
        assert!(ended.status.success(), "{ended:?}");
        assert_eq!(String::from_utf8(ended.stderr)?, "");
    }
    Ok(())
}
