//! Random histories of one circuit, compared step by step with a slow and obvious model of it.
//!
//! 1,000 histories by default; `PROPTEST_CASES` sets another number.

mod model;

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use proptest::test_runner::{
    Config, FileFailurePersistence, RngAlgorithm, TestError, TestRunner,
};

use self::model::history::{Step, any_history};
use self::model::pair::Pair;
use self::model::rules::Rules;
use self::model::seen::Seen;

/// Plays one history; panics at the first step after which crate and model differ.
fn play(rules: &[Rules], steps: &[Step]) -> Seen {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let mut pair = Pair::new(rules);
        pair.compare();
        for step in steps {
            pair.step(*step).await;
            pair.compare();
        }
        pair.cancel_all();
        pair.model.seen()
    })
}

fn differs(rules: &[Rules], steps: &[Step]) -> bool {
    catch_unwind(AssertUnwindSafe(|| play(rules, steps))).is_err()
}

/// Leaves out every step that the difference does not need. Histories have a least length, below which
/// proptest does not go.
fn shortest(rules: &[Rules], mut steps: Vec<Step>) -> Vec<Step> {
    let mut chunk = steps.len() / 2;
    while chunk > 0 {
        let before = steps.len();
        let mut at = 0;
        while at < steps.len() {
            let mut fewer = steps.clone();
            fewer.drain(at..(at + chunk).min(steps.len()));
            if differs(rules, &fewer) {
                steps = fewer;
            } else {
                at += chunk;
            }
        }
        if steps.len() == before {
            chunk /= 2;
        }
    }
    steps
}

/// What must have happened in 1,000 histories, or they prove little.
const RARE: [&str; 68] = [
    "IfNoneElse probed",
    "a cancelled slow call gained the failure",
    "a dry run admitted what would have been rejected",
    "a fourth opening in a stretch",
    "a further abandoned call counted at once",
    "a guarded call ended while disabled",
    "a hint lengthened the period that it led to",
    "a probe at exactly the deadline",
    "a probe at exactly the end of another's lease",
    "a probe ended after its lease",
    "a probe failed",
    "a probe was slow",
    "a probe was throttled",
    "a run of abandoned calls counted",
    "a run of failures that began before the window",
    "a run of probes was abandoned",
    "a sample exactly one window old was gone",
    "a slow call was cancelled",
    "a slow probe was cancelled",
    "a slow success",
    "a straggler while closed",
    "a straggler while half-open",
    "a straggler while open",
    "a straggler's hint moved a deadline that had passed",
    "a straggler's hint moved the deadline",
    "a trip in a dry run",
    "a trip while forced open",
    "an idle window ended a run of abandoned calls",
    "an idle window ended a run of failures",
    "an override ended by itself",
    "an override of a tenant without a circuit",
    "circuit: disabled",
    "circuit: dry run",
    "circuit: forced open",
    "dependency: disabled",
    "dependency: dry run",
    "dependency: forced open",
    "growth began anew after a window spent closed",
    "half-opened by hand",
    "more failures than calls in a window",
    "opened by hand",
    "recovered",
    "registry: disabled",
    "registry: dry run",
    "registry: forced open",
    "rejected: barred from a half-open circuit",
    "rejected: barred from an open circuit",
    "rejected: forced, with an end",
    "rejected: forced, without an end",
    "rejected: half-open and full",
    "rejected: open from the start",
    "rejected: open",
    "rejected: opened by hand",
    "rejected: saturated",
    "reset by hand",
    "several rules fired at once",
    "tenant: disabled",
    "tenant: dry run",
    "tenant: forced open",
    "the end of a call that was not guarded",
    "the kill switch won",
    "the nearest won",
    "trip: another latency rule",
    "trip: consecutive failures",
    "trip: exactly at the failure rate",
    "trip: failure rate",
    "trip: first latency rule",
    "trip: hint",
];

#[test]
fn a_circuit_does_what_the_model_does_in_random_histories() {
    let mut config = Config {
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(
            "tests/reference_model.proptest-regressions",
        ))),
        // The steps that do not matter are left out by `shortest`.
        max_shrink_iters: 0,
        // In debug mode, most of the time goes to a stronger one.
        rng_algorithm: RngAlgorithm::XorShift,
        ..Config::default()
    };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = 1_000;
    }
    let cases = config.cases;
    let seen = RefCell::new(Seen::default());
    let played = TestRunner::new(config).run(&any_history(), |(rules, steps)| {
        seen.borrow_mut().add(&play(&rules, &steps));
        Ok(())
    });
    match played {
        Ok(()) => {}
        Err(TestError::Fail(_, (rules, steps))) => {
            let hook = std::panic::take_hook();
            std::panic::set_hook(Box::new(|_| {}));
            let steps = shortest(&rules, steps);
            std::panic::set_hook(hook);
            println!("{rules:?}");
            for step in &steps {
                println!("{step:?}");
            }
            play(&rules, &steps);
            panic!("a difference did not show again: something is not in the history");
        }
        Err(error) => panic!("{error}"),
    }
    let seen = seen.into_inner();
    for (what, times) in seen.iter() {
        println!("{times:>8} {what}");
    }
    if cases >= 1_000 {
        for what in RARE {
            assert!(seen.times(what) > 0, "never happened: {what}");
        }
    }
}
