//! Random histories, played one after another; the first in which crate and model differ is shortened and told.

use std::cell::{Cell, RefCell};
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, FileFailurePersistence, RngAlgorithm, TestError, TestRunner};

use super::seen::Seen;

/// How many histories of which kind.
pub(crate) struct Plan {
    /// Unless `PROPTEST_CASES` says another number.
    pub(crate) cases: u32,
    pub(crate) regressions: &'static str,
    /// What must have happened in so many histories, or they prove little.
    pub(crate) rare: &'static [&'static str],
}

/// Plays random histories; `play` panics at the first step after which crate and model differ.
pub(crate) fn all<R, S>(
    plan: &Plan,
    histories: &impl Strategy<Value = (R, Vec<S>)>,
    play: impl Fn(&R, &[S]) -> Seen,
) where
    R: Debug,
    S: Clone + Debug,
{
    let config = Config {
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(plan.regressions))),
        // The steps that do not matter are left out by `shortest`.
        max_shrink_iters: 0,
        // In debug mode, a stronger one would take most of the time.
        rng_algorithm: RngAlgorithm::XorShift,
        ..Config::default()
    };
    let cases = match std::env::var_os("PROPTEST_CASES") {
        Some(_) => config.cases,
        None => plan.cases,
    };
    let config = Config { cases, ..config };
    let least_steps = steps_asked_for();
    let mut seen = Seen::default();
    let played = Cell::new(Played::default());
    // What is rare may be missing by chance, but not again and again.
    let mut rounds = 0;
    loop {
        seen.add(&round(config.clone(), histories, &play, &played));
        rounds += 1;
        let is_rare_seen = || plan.rare.iter().all(|what| seen.times(what) > 0);
        let is_enough = rounds == 4 || cases < plan.cases || is_rare_seen();
        let enough_steps = played.get().steps >= least_steps;
        if enough_steps && (is_enough || least_steps > 0) {
            break;
        }
    }
    let Played { histories, steps } = played.get();
    println!("{histories:>8} histories of {steps} steps, none of which differs");
    for (what, times) in seen.iter() {
        println!("{times:>8} {what}");
    }
    if cases >= plan.cases {
        for what in plan.rare {
            assert!(seen.times(what) > 0, "never happened: {what}");
        }
    }
}

/// `MODEL_STEPS`: how many steps there are to be at least, over all histories.
fn steps_asked_for() -> u64 {
    let Some(asked) = std::env::var_os("MODEL_STEPS") else {
        return 0;
    };
    let number = asked.to_str().and_then(|asked| asked.parse().ok());
    number.unwrap_or_else(|| panic!("MODEL_STEPS is a number of steps, not {asked:?}"))
}

/// How much was played.
#[derive(Clone, Copy, Default)]
struct Played {
    histories: u64,
    steps: u64,
}

fn round<R, S>(
    config: Config,
    histories: &impl Strategy<Value = (R, Vec<S>)>,
    play: &impl Fn(&R, &[S]) -> Seen,
    played: &Cell<Played>,
) -> Seen
where
    R: Debug,
    S: Clone + Debug,
{
    let seen = RefCell::new(Seen::default());
    let result = TestRunner::new(config).run(histories, |(rules, steps)| {
        seen.borrow_mut().add(&play(&rules, &steps));
        let before = played.get();
        played.set(Played {
            histories: before.histories + 1,
            steps: before.steps + steps.len() as u64,
        });
        Ok(())
    });
    match result {
        Ok(()) => {}
        Err(TestError::Fail(_, (rules, steps))) => {
            let hook = std::panic::take_hook();
            std::panic::set_hook(Box::new(|_| {}));
            let differs =
                |steps: &[S]| catch_unwind(AssertUnwindSafe(|| play(&rules, steps))).is_err();
            let steps = shortest(steps, differs);
            std::panic::set_hook(hook);
            println!("{rules:?}");
            for step in &steps {
                println!("{step:?}");
            }
            // Whose circuit makes room for another's is a matter of chance.
            for _ in 0..100 {
                play(&rules, &steps);
            }
            panic!("a difference did not show again: something is not in the history");
        }
        Err(error) => panic!("{error}"),
    }
    seen.into_inner()
}

/// Leaves out every step that the difference does not need. Histories have a least length, below which
/// proptest does not go.
fn shortest<S: Clone>(mut steps: Vec<S>, differs: impl Fn(&[S]) -> bool) -> Vec<S> {
    let mut chunk = steps.len() / 2;
    while chunk > 0 {
        let before = steps.len();
        let mut at = 0;
        while at < steps.len() {
            let mut fewer = steps.clone();
            fewer.drain(at..(at + chunk).min(steps.len()));
            if differs(&fewer) {
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
