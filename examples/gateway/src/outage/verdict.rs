//! Whether the run showed what it should, and what that was in plain words.

use super::plan::ALONE;
use super::story::Story;
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
    let (fewest, most, paid) = outage.paid;
    format!(
        "\
What happened:
  - {ALONE} alone was down: its circuit opened, no other tenant lost a call, and nobody spoke of an outage.
  - The upstream was down for all: declared an outage after {declared} ms, when {down} of {active} tenants were down.
    Until then a tenant had paid {fewest} to {most} calls, all of them together {paid}. From then on, calls were
    rejected with the reason `outage`, and the upstream got {received} calls in {lasted} ms: {per_second:.1} a second, where
    {normal:.0} are normal.
  - It came back: over after {over} ms, everybody was served after {recovered} ms. {circuits} circuits closed within
    {spread} ms, and the busiest second had {busiest} calls.
  - The vendor announced maintenance: from the forced open on {forced} calls were rejected, a newcomer's too, and
    none was admitted. After the clear everybody was served within {cleared} ms.",
        declared = whole_ms(outage.declared),
        down = outage.down,
        active = outage.active,
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
