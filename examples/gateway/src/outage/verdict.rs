//! Whether the run showed what it should.

use super::plan::ALONE;
use super::story::Story;
use crate::load::Answer;

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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::story::Outage;
    use super::super::story::tests::story;
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
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
}
