//! Random histories, compared step by step with slow and obvious models: one circuit, and the tenants of one dependency.
//!
//! 500 histories of the one and 200 of the others by default; `PROPTEST_CASES` sets another number of both, and
//! `MODEL_STEPS` goes on until there were so many steps in each.

mod model;

use self::model::history::{self, Step};
use self::model::once_differed;
use self::model::pair::Pair;
use self::model::play::{self, Plan};
use self::model::rules::Rules;
use self::model::seen::Seen;
use self::model::whole;

/// Under paused time.
fn in_runtime(play: impl Future<Output = Seen>) -> Seen {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(play)
}

fn play_one(policies: &[Rules], steps: &[Step]) -> Seen {
    in_runtime(async {
        let mut pair = Pair::new(policies);
        pair.compare();
        for step in steps {
            pair.step(*step).await;
            pair.compare();
        }
        pair.cancel_all();
        pair.model.seen()
    })
}

fn play_many(setting: &whole::Setting, steps: &[whole::history::Step]) -> Seen {
    in_runtime(async {
        let mut pair = whole::pair::Pair::new(setting);
        for step in steps {
            pair.step(*step).await;
        }
        pair.finish();
        pair.model.all_seen()
    })
}

const ONE_CIRCUIT: &[&str] = &[
    "IfNoneElse probed",
    "a cancelled slow call gained the failure",
    "a dry run admitted what would have been rejected",
    "a fourth opening in a stretch",
    "a further abandoned call counted at once",
    "a guarded call ended while disabled",
    "a hint lengthened the period that it led to",
    "a limit was left as soon as it ended",
    "a policy changed in a ramp",
    "a policy changed while closed",
    "a policy changed while half-open",
    "a policy changed while open",
    "a policy ended a run of cancelled calls",
    "a policy ended a run of failures",
    "a policy for a tenant without a circuit",
    "a policy that a tenant's own kept from its circuit",
    "a probe at exactly the deadline",
    "a probe at exactly the end of another's lease",
    "a probe ended after its lease",
    "a probe failed",
    "a probe found a quota used up",
    "a probe was slow",
    "a probe was throttled",
    "a quota was used up",
    "a quota was used up in a dry run",
    "a quota was used up under an override",
    "a ramp began",
    "a ramp was over",
    "a recovery ended an open period",
    "a recovery waited for a hint",
    "a reset lifted a quota's hold",
    "a run of abandoned calls counted",
    "a run of failures that began before the window",
    "a run of probes was abandoned",
    "a sample exactly one window old was gone",
    "a slow call was cancelled",
    "a slow probe was cancelled",
    "a slow success",
    "a straggler said that a quota is used up",
    "a straggler while closed",
    "a straggler while half-open",
    "a straggler while open",
    "a straggler's hint moved a deadline that had passed",
    "a straggler's hint moved the deadline",
    "a tenant's own policy changed while closed",
    "a tenant's own policy changed while half-open",
    "a tenant's own policy changed while open",
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
    "rejected: a quota is used up",
    "rejected: barred from a half-open circuit",
    "rejected: barred from an open circuit",
    "rejected: forced, with an end",
    "rejected: forced, without an end",
    "rejected: half-open and full",
    "rejected: open",
    "rejected: open from the start",
    "rejected: opened by hand",
    "rejected: recovering",
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
    "trip: relapsed",
];

const MANY_TENANTS: &[&str] = &[
    "a dry run admitted in spite of all",
    "a newcomer probed for all",
    "a probe at exactly the deadline",
    "a probe for all ended while disabled",
    "a probe for all found a quota used up",
    "a quota was used up",
    "a ramp began",
    "a ramp was over",
    "a recovery ended an open period",
    "a tenant probed for all",
    "a tenant's own period outlasted that of the outage",
    "an outage in the ramp of the last",
    "an outage was declared",
    "an outage was ended by hand",
    "an outage was over",
    "an outage went on",
    "exactly the share was down",
    "growth began anew after a window spent closed",
    "one more was down in an outage",
    "one that was active made room",
    "one that was forgotten made room",
    "one that was held for its quota was forgotten",
    "one that was like new made room",
    "recovered",
    "rejected: a quota is used up",
    "rejected: by its own circuit",
    "rejected: forced",
    "rejected: outage",
    "rejected: outage, a newcomer",
    "rejected: recovering",
    "rejected: saturated",
    "there was no room",
    "too few were down",
    "too small a share was down",
    "trip: consecutive failures",
    "trip: failure rate",
    "trip: first latency rule",
    "trip: hint",
    "trip: relapsed",
];

#[test]
fn a_circuit_does_what_the_model_does_in_random_histories() {
    let plan = Plan {
        cases: 500,
        regressions: "tests/reference_model.proptest-regressions",
        rare: ONE_CIRCUIT,
    };
    play::all(&plan, &history::any_history(), |policies, steps| {
        play_one(policies, steps)
    });
}

#[test]
fn many_tenants_do_what_the_model_does_in_random_histories() {
    let plan = Plan {
        cases: 200,
        regressions: "tests/reference_model_of_outages.proptest-regressions",
        rare: MANY_TENANTS,
    };
    play::all(&plan, &whole::history::any_history(), play_many);
}

#[test]
fn histories_that_once_differed_do_so_no_more() {
    for (policies, steps) in once_differed::all() {
        play_one(&policies, &steps);
    }
    let (setting, steps) = whole::once_differed::history();
    play_many(&setting, &steps);
}
