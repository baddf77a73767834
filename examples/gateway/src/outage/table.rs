//! The figures for people, and for programs.

use serde_json::{Value, json};

use super::story::{Act, Story};
use super::words::paid;
use crate::load::Answer;
use crate::report::whole_ms;

/// The table at the end.
pub(crate) fn print(story: &Story) {
    println!(
        "\n{:38}{:>7}{:>7}{:>10}{:>10}{:>8}{:>17}",
        "act", "lasted", "calls", "answered", "rejected", "failed", "to the upstream"
    );
    for act in &story.acts {
        let calls = act.calls;
        println!(
            "{:38}{:5.1} s{:7}{:10}{:10}{:8}{:17}{}",
            act.title.title,
            act.lasted.as_secs_f64(),
            calls.sent,
            calls.served,
            calls.rejected,
            calls.failed,
            act.to_upstream,
            reasons(act)
        );
    }
    println!(
        "  A call is counted in the act in which it was sent; what was in the air at the end of the fifth, in the sixth.
  Rejected for: the reasons that the callers read. To the upstream: what it counted itself, as it came in."
    );
    if let Some(outage) = &story.outage {
        println!("\nuntil the outage was declared: {}", paid(outage));
        println!(
            "to the upstream in a second: {:.1} before it; {:.1} from when it was declared",
            outage.normal,
            outage.per_second()
        );
    }
}

fn reasons(act: &Act) -> String {
    if act.rejected_for.is_empty() {
        return String::new();
    }
    let reasons = act.rejected_for.iter();
    let reasons: Vec<_> = reasons
        .map(|(reason, calls)| format!("{reason} {calls}"))
        .collect();
    format!("  rejected for: {}", reasons.join(", "))
}

/// Everything as one JSON object on one line.
pub(crate) fn json_line(story: &Story, complaints: &[String]) -> String {
    let mut line = json!({ "complaints": complaints });
    for act in &story.acts {
        line[act.title.key] = of_act(act);
    }
    let ms = |duration: Option<_>| duration.map(whole_ms);
    let tenths = |rate: f64| (rate * 10.0).round() / 10.0;

    let alone = &mut line["one_tenant"];
    alone["opened_after_ms"] = ms(story.alone.opened).into();
    alone["answered_after_ms"] = ms(story.alone.answered).into();
    alone["others_rejected"] = story.alone.others_rejected.into();
    alone["outages"] = story.alone.outages.into();

    let outage = &mut line["outage"];
    outage["declared_after_ms"] = ms(story.outage.as_ref().map(|outage| outage.declared)).into();
    if let Some(of) = &story.outage {
        outage["down"] = of.down.into();
        outage["active"] = of.active.into();
        outage["paid_until_then"] = of.paid_in_all().into();
        outage["paid_at_most"] = of.paid.keys().max().copied().into();
        outage["probes"] = of.received.into();
        outage["per_second_before"] = tenths(of.normal).into();
        outage["per_second_after"] = tenths(of.per_second()).into();
    }

    let recovery = &mut line["recovery"];
    recovery["over_after_ms"] = ms(story.recovery.over).into();
    recovery["recovered_after_ms"] = ms(story.recovery.recovered).into();
    recovery["circuits_closed"] = story.recovery.circuits.into();
    recovery["closed_within_ms"] = whole_ms(story.recovery.spread).into();
    recovery["busiest_second"] = story.recovery.busiest.into();

    let forced = &mut line["forced"];
    forced["admitted"] = story.forced.admitted.into();
    forced["newcomer_rejected"] = (story.forced.newcomer == Answer::Rejected).into();
    forced["note"] = story.forced.note.as_str().into();
    forced["to_upstream_after"] = story.forced.to_upstream.into();

    line["cleared"]["answered_after_ms"] = ms(story.cleared).into();
    line.to_string()
}

fn of_act(act: &Act) -> Value {
    json!({
        "ms": whole_ms(act.lasted),
        "calls": act.calls.sent,
        "answered": act.calls.served,
        "rejected": act.calls.rejected,
        "failed": act.calls.failed,
        "rejected_for": act.rejected_for,
        "to_upstream": act.to_upstream,
    })
}

#[cfg(test)]
mod tests {
    use super::super::story::tests::story;
    use super::*;

    #[test]
    fn the_json_is_one_line_with_an_object_for_each_act() {
        let line = json_line(&story(), &["a \"quoted\"\ncomplaint".to_owned()]);
        assert!(!line.contains('\n'), "{line}");
        let read: Value = serde_json::from_str(&line).unwrap();
        for act in [
            "well",
            "one_tenant",
            "outage",
            "recovery",
            "forced",
            "cleared",
        ] {
            for figure in [
                "ms",
                "calls",
                "answered",
                "rejected",
                "failed",
                "to_upstream",
            ] {
                assert!(read[act][figure].is_u64(), "{act} {figure}: {line}");
            }
        }
        assert_eq!(read["outage"]["probes"], 9);
        assert_eq!(read["outage"]["paid_until_then"], 52);
        assert_eq!(read["forced"]["admitted"], 0);
        assert_eq!(read["complaints"].as_array().unwrap().len(), 1);
    }

    #[test]
    fn without_an_outage_it_has_no_figures_of_one() {
        let mut story = story();
        story.outage = None;
        let read: Value = serde_json::from_str(&json_line(&story, &[])).unwrap();
        assert!(read["outage"]["declared_after_ms"].is_null());
        assert_eq!(read["outage"]["calls"], 280);
    }
}
