//! The rules, with shorter times.

use crate::Failed;

/// Minutes to seconds, so that each alert is seen within a minute: what is there, how often, and what takes its place. These
/// alone: no other number, no name and no operator of an expression differs from what is delivered. A part that is not
/// there as often as said fails the run, so that the rules and this table cannot drift apart.
const SHORTER: [(&str, usize, &str); 9] = [
    // CircuitBreakerGlobalOutage: the look back in both parts, and once each in its summary and its description.
    ("[1m]", 5, "[3s]"),
    ("for: 2m", 1, "for: 4s"),
    // CircuitBreakerOpenLong.
    ("> 300", 1, "> 12"),
    // CircuitBreakerTenantBlocked: still 20 steps.
    ("[9m59s:30s]", 1, "[19900ms:1s]"),
    // How long it is silent after an outage for all: the gauge itself looks back one to two minutes, which stay as they are.
    ("[10m]", 1, "[180s]"),
    // CircuitBreakerProbesFailing: failures, and successes.
    ("[15m]", 2, "[15s]"),
    ("for: 5m", 1, "for: 3s"),
    // CircuitBreakerOverflow, and a description.
    ("[5m]", 2, "[5s]"),
    ("for: 10m", 1, "for: 5s"),
];

/// The age in seconds over which a circuit is open for long, in the shortened rules.
pub(crate) const LONG: u64 = 12;

/// The rules with their times shortened.
pub(crate) fn scaled(rules: &str) -> Result<String, Failed> {
    let mut scaled = rules.to_owned();
    for (long, times, short) in SHORTER {
        let found = scaled.matches(long).count();
        if found != times {
            let why = "the rules have changed, and the table of the live run has not";
            return Err(format!("rules.yml has {long:?} {found} times, not {times}: {why}").into());
        }
        scaled = scaled.replace(long, short);
    }
    let is_long = |line: &&str| {
        let line = line.trim();
        !line.starts_with('#') && (line.contains("m]") || line.contains("m:]") || is_minutes(line))
    };
    match scaled.lines().find(is_long) {
        Some(line) => Err(format!("a time that the live run does not shorten: {line}").into()),
        None => Ok(scaled),
    }
}

fn is_minutes(line: &str) -> bool {
    let duration = line.strip_prefix("for: ");
    duration.is_some_and(|duration| !duration.ends_with('s'))
}

/// The names of the alerts.
pub(crate) fn alerts(rules: &str) -> Vec<String> {
    let names = rules.lines().filter_map(|line| {
        let name = line.trim().strip_prefix("- alert: ")?;
        Some(name.trim().to_owned())
    });
    names.collect()
}

/// Each alert has a paragraph for who is woken.
pub(crate) fn have_runbooks(alerts: &[String], readme: &str) -> Result<(), Failed> {
    let has = |alert: &String| readme.lines().any(|line| line == format!("### {alert}"));
    match alerts.iter().find(|alert| !has(alert)) {
        Some(alert) => Err(format!("README.md has no heading `### {alert}`").into()),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = include_str!("../../../../../observability/rules.yml");
    const README: &str = include_str!("../../../../../observability/README.md");

    #[test]
    fn the_rules_that_are_delivered_can_be_shortened_and_no_others() {
        let scaled = scaled(RULES).unwrap();
        assert!(scaled.contains(&format!("> {LONG}\n")));
        for (long, _, _) in SHORTER {
            let other = RULES.replacen(long, "[7h]", 1);
            assert!(super::scaled(&other).is_err(), "{long}");
        }
        let another = RULES.to_owned() + "        for: 3m\n";
        assert!(super::scaled(&another).is_err());
    }

    #[test]
    fn every_alert_has_a_runbook() {
        let alerts = alerts(RULES);
        assert_eq!(alerts.len(), 5);
        have_runbooks(&alerts, README).unwrap();
        assert!(have_runbooks(&["CircuitBreakerOpen".to_owned()], README).is_err());
    }
}
