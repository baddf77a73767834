//! What happened, in plain words.

use super::plan::ALONE;
use super::story::{Outage, Story};
use crate::report::whole_ms;

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
  - The upstream was down for all: an outage was declared after {declared} ms, when {down} of {active} active tenants were
    down. Until then, {paid}: {paid_in_all} calls in all, where
    circuits alone would have cost each of them 5. From then on calls were rejected with the reason `outage`, and
    the upstream got {received} calls in {lasted} ms: {per_second:.1} a second, where {normal:.0} are normal.
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
    use super::super::story::tests::story;
    use super::*;

    #[test]
    fn what_each_tenant_paid_is_said_the_most_first() {
        let story = story();
        let outage = story.outage.as_ref().unwrap();
        assert_eq!(paid(outage), "8 paid 5 each, 12 paid 1 each, 4 paid none");
        assert_eq!(outage.paid_in_all(), 52);
        assert!(in_words(&story).contains("52 calls in all"));
    }
}
