//! Whether the run showed what it should, and what that was in plain words.

use super::plan::ALONE;
use super::story::{Outage, Story};
use crate::load::Answer;
use crate::report::whole_ms;

/// By how much the busiest second after an outage may exceed a normal one.
const MOST_SURGE: f64 = 1.5;

/// Why the run is not what it should be; empty where it is.
pub(crate) fn complaints(story: &Story) -> Vec<String> {
    let Story {
        alone,
        recovery,
        forced,
        ..
    } = story;
    let mut complaints = Vec::new();
    let mut expect = |held: bool, complaint: String| {
        if !held {
            complaints.push(complaint);
        }
    };
    expect(
        story.acts.iter().all(|act| act.calls.sent > 0),
        "there was an act without a call".to_owned(),
    );
    let too_early = story.acts.first().map_or(0, |act| act.calls.rejected);
    expect(
        too_early == 0,
        format!("well: {too_early} calls were rejected"),
    );
    expect(
        alone.opened.is_some(),
        format!("one tenant: the circuit of {ALONE} never opened"),
    );
    expect(
        alone.answered.is_some(),
        format!("one tenant: {ALONE} was not answered again"),
    );
    expect(
        alone.others_rejected == 0,
        format!(
            "one tenant: {} calls of others were rejected",
            alone.others_rejected
        ),
    );
    expect(
        alone.outages == 0,
        "one tenant: an outage was declared for a single tenant".to_owned(),
    );
    match &story.outage {
        None => expect(false, "outage: none was declared".to_owned()),
        Some(outage) => {
            let most = outage.most_probes();
            expect(
                outage.received <= most,
                format!(
                    "outage: the upstream received {} calls after it was declared, more than {most} probes",
                    outage.received
                ),
            );
            let rejected = story.acts.iter().map(|act| act.rejected_for.get("outage"));
            expect(
                rejected.flatten().sum::<u64>() > 0,
                "outage: no call was rejected for it".to_owned(),
            );
        }
    }
    expect(
        recovery.over.is_some(),
        "recovery: the outage was not over".to_owned(),
    );
    expect(
        recovery.recovered.is_some(),
        "recovery: not every circuit closed and answered its tenant".to_owned(),
    );
    expect(
        recovery.after.rejected == 0,
        format!(
            "recovery: {} calls were rejected after it",
            recovery.after.rejected
        ),
    );
    expect(
        recovery.busiest as f64 <= MOST_SURGE * recovery.normal,
        format!(
            "recovery: the upstream received {} calls in a second, more than {MOST_SURGE} times the {} of a normal one",
            recovery.busiest, recovery.normal
        ),
    );
    expect(
        forced.admitted == 0,
        format!(
            "forced: {} calls were admitted that began after the forced open",
            forced.admitted
        ),
    );
    expect(
        forced.newcomer == Answer::Rejected,
        "forced: a tenant that had never called was not rejected".to_owned(),
    );
    expect(
        forced.to_upstream == 0,
        format!("forced: the upstream received {} calls", forced.to_upstream),
    );
    expect(
        story.cleared.is_some(),
        "cleared: not every tenant was answered again".to_owned(),
    );
    complaints
}

/// What happened, for a run without a complaint.
pub(crate) fn in_words(story: &Story) -> String {
    let Some(outage) = &story.outage else {
        return String::new();
    };
    let ms = |duration: Option<_>| duration.map_or(0, whole_ms);
    format!(
        "\
What happened:
  - {ALONE} alone was down: its circuit opened, no other tenant lost a call, and nobody spoke of an outage.
  - The upstream was down for all: declared an outage after {declared} ms, when {down} of {active} tenants were down.
    Until then, {paid}:
    {paid_in_all} in all, where circuits alone would have cost each of them 5. From then on, calls were rejected with
    the reason `outage`, and the upstream got {received} calls in {lasted} ms: {per_second:.1} a second, where
    {normal:.0} are normal.
  - It came back: over after {over} ms, everybody was served after {recovered} ms. {circuits} circuits closed within
    {spread} ms, and the busiest second had {busiest} calls.
  - The vendor announced maintenance: from the forced open on {forced} calls were rejected, a newcomer's too, and
    none was admitted. After the clear everybody was served within {cleared} ms.",
        declared = whole_ms(outage.declared),
        down = outage.down,
        active = outage.active,
        paid = paid(outage),
        paid_in_all = outage.paid_in_all(),
        received = outage.received,
        lasted = whole_ms(outage.lasted),
        per_second = outage.per_second(),
        normal = outage.normal,
        over = ms(story.recovery.over),
        recovered = ms(story.recovery.recovered),
        circuits = story.recovery.circuits,
        spread = whole_ms(story.recovery.spread),
        busiest = story.recovery.busiest,
        forced = story.forced.rejected,
        cleared = ms(story.cleared),
    )
}

/// Who paid how much until the outage was declared, the most first.
pub(crate) fn paid(outage: &Outage) -> String {
    let paid = outage.paid.iter().rev();
    let each: Vec<_> = paid
        .map(|(calls, tenants)| match (tenants, calls) {
            (1, 0) => "1 tenant paid none".to_owned(),
            (1, calls) => format!("1 tenant paid {calls}"),
            (tenants, 0) => format!("{tenants} paid none"),
            (tenants, calls) => format!("{tenants} paid {calls} each"),
        })
        .collect();
    each.join(", ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::super::story::{ACTS, Act, Alone, Forced, Recovery};
    use super::*;
    use crate::report::Counts;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// A run as it should be.
    fn story() -> Story {
        let act = |title| Act {
            title,
            lasted: ms(1_000),
            calls: Counts {
                sent: 280,
                served: 280,
                ..Counts::default()
            },
            rejected_for: BTreeMap::new(),
            to_upstream: 280,
        };
        let mut acts: Vec<_> = ACTS.map(act).into();
        acts[2].rejected_for.insert("outage".to_owned(), 500);
        Story {
            acts,
            alone: Alone {
                opened: Some(ms(180)),
                answered: Some(ms(3_400)),
                others_rejected: 0,
                outages: 0,
            },
            outage: Some(Outage {
                declared: ms(190),
                down: 5,
                active: 24,
                normal: 280.0,
                lasted: ms(2_000),
                received: 9,
                paid: BTreeMap::from([(0, 4), (1, 12), (5, 8)]),
            }),
            recovery: Recovery {
                over: Some(ms(250)),
                recovered: Some(ms(1_200)),
                circuits: 5,
                spread: ms(700),
                busiest: 420,
                normal: 280.0,
                after: Counts::default(),
            },
            forced: Forced {
                admitted: 0,
                rejected: 280,
                newcomer: Answer::Rejected,
                note: "maintenance".to_owned(),
                to_upstream: 0,
            },
            cleared: Some(ms(200)),
        }
    }

    /// What is complained about once this one thing has gone wrong.
    fn complaint(spoil: impl FnOnce(&mut Story)) -> String {
        let mut story = story();
        spoil(&mut story);
        let complaints = complaints(&story);
        assert_eq!(complaints.len(), 1, "{complaints:?}");
        complaints[0].clone()
    }

    fn of_outage(story: &mut Story) -> &mut Outage {
        story.outage.as_mut().unwrap()
    }

    #[test]
    fn a_run_as_it_should_be_is_not_complained_about() {
        assert_eq!(complaints(&story()), Vec::<String>::new());
    }

    #[test]
    fn an_act_without_a_call_shows_nothing() {
        let said = complaint(|story| story.acts[3].calls.sent = 0);
        assert!(said.contains("without a call"), "{said}");
        let said = complaint(|story| story.acts[0].calls.rejected = 1);
        assert!(said.starts_with("well: 1 calls"), "{said}");
    }

    #[test]
    fn one_tenant_opens_and_recovers_by_itself_and_is_no_outage() {
        let said = complaint(|story| story.alone.opened = None);
        assert!(said.contains("cedar never opened"), "{said}");
        let said = complaint(|story| story.alone.answered = None);
        assert!(said.contains("cedar was not answered again"), "{said}");
        let said = complaint(|story| story.alone.others_rejected = 1);
        assert!(said.contains("1 calls of others"), "{said}");
        let said = complaint(|story| story.alone.outages = 1);
        assert!(said.contains("declared for a single tenant"), "{said}");
    }

    #[test]
    fn all_tenants_are_an_outage_and_few_calls_pass_from_then_on() {
        let said = complaint(|story| story.outage = None);
        assert_eq!(said, "outage: none was declared");
        let said = complaint(|story| of_outage(story).received = 10);
        assert!(
            said.contains("10 calls after it was declared, more than 9"),
            "{said}"
        );
        let said = complaint(|story| story.acts[2].rejected_for.clear());
        assert!(said.contains("no call was rejected for it"), "{said}");
    }

    #[test]
    fn the_longer_it_lasts_the_more_probes_there_may_be() {
        let mut story = story();
        for (lasted, most) in [(0, 0), (299, 0), (300, 3), (899, 3), (900, 6), (2_000, 9)] {
            of_outage(&mut story).lasted = ms(lasted);
            assert_eq!(of_outage(&mut story).most_probes(), most, "{lasted} ms");
        }
    }

    #[test]
    fn it_recovers_for_good_and_without_a_surge() {
        let said = complaint(|story| story.recovery.over = None);
        assert!(said.contains("was not over"), "{said}");
        let said = complaint(|story| story.recovery.recovered = None);
        assert!(said.contains("not every circuit closed"), "{said}");
        let said = complaint(|story| story.recovery.after.rejected = 1);
        assert!(said.contains("1 calls were rejected after it"), "{said}");
        let said = complaint(|story| story.recovery.busiest = 421);
        assert!(said.contains("421 calls in a second"), "{said}");
    }

    #[test]
    fn nothing_passes_a_forced_open_until_it_is_cleared() {
        let said = complaint(|story| story.forced.admitted = 1);
        assert!(said.contains("1 calls were admitted"), "{said}");
        for answer in [Answer::Served, Answer::Failed] {
            let said = complaint(|story| story.forced.newcomer = answer);
            assert!(said.contains("never called was not rejected"), "{said}");
        }
        let said = complaint(|story| story.forced.to_upstream = 1);
        assert!(said.contains("received 1 calls"), "{said}");
        let said = complaint(|story| story.cleared = None);
        assert!(
            said.contains("not every tenant was answered again"),
            "{said}"
        );
    }

    #[test]
    fn what_each_tenant_paid_is_said_the_most_first() {
        let story = story();
        let outage = story.outage.as_ref().unwrap();
        assert_eq!(paid(outage), "8 paid 5 each, 12 paid 1 each, 4 paid none");
        assert_eq!(outage.paid_in_all(), 52);
        assert!(in_words(&story).contains("52 in all"));
    }
}
