//! What was promised of the hour with the breaker and without.

use super::catalog::TOOLS;
use super::comparison::Comparison;
use super::told::NamedBy;

/// How often at least what a note named in the slow tool's place is called. Under seeds 1 to 12 it was 15 to 108 times.
const LEAST_STOOD_IN: usize = 10;

impl Comparison {
    /// What was promised and did not hold; empty where all did.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        for (name, hour) in [("without", &self.without), ("with", &self.with)] {
            let mut expect = |holds: bool, complaint: &str| {
                if !holds {
                    complaints.push(format!("{name} the breaker, {complaint}"));
                }
            };
            expect(
                hour.panicked == 0 && hour.finished() == hour.turns.len(),
                "a turn crashed, or went round in circles",
            );
            expect(
                hour.degraded_for_nothing() == 0,
                "a turn was degraded that nothing was wrong with",
            );
            expect(
                hour.is_healthy_use_untouched(),
                "a tenant felt that a tool was slow for another",
            );
            expect(
                hour.is_reported_as_seen(),
                "the impact report says something else than the agents saw",
            );
            expect(
                hour.dependencies == TOOLS.len(),
                "a name that a model made up has become a dependency",
            );
            expect(
                hour.stood_in(NamedBy::Signal) > 0,
                "no call went to a tool that a signal had named in another's place",
            );
            expect(
                hour.against_notes() == 0,
                "a tool was called that the note in the turn's prompt had named",
            );
        }
        let mut expect = |holds: bool, complaint: &str| {
            if !holds {
                complaints.push(complaint.to_owned());
            }
        };
        expect(
            self.with.turns.len() == self.without.turns.len(),
            "the hours had different turns",
        );
        expect(
            self.with.healthy_use() == self.without.healthy_use(),
            "the tenants that a tool is well for used it more, or less, for the breaker",
        );
        expect(
            self.with.outage.is_some(),
            "nobody noticed that a tool was down for all",
        );
        expect(
            self.with.stood_in(NamedBy::Note) >= LEAST_STOOD_IN,
            "hardly a call went to a tool that a note had named in another's place",
        );
        expect(
            self.with.noted() * 10 >= self.with.turns.len(),
            "less than a tenth of the turns began with a note of what is unavailable",
        );
        // Who is told when a turn begins makes no call. Rejected are those whose turn was under way when the circuit
        // opened, or began as it probed.
        expect(
            self.with.rejected() < self.with.spared_by_notes() as u64,
            "notes spared fewer turns a call than calls were rejected",
        );
        // Nothing stands in for the tool that is down, so who wants it goes without in both hours, and with the breaker
        // for a moment longer, until the outage is over. What is spared is the waiting.
        expect(
            self.with.degraded() * 20 <= self.without.degraded() * 21,
            "more than a twentieth more turns were degraded with the breaker",
        );
        expect(
            self.with.timed_out() * 5 <= self.without.timed_out(),
            "the breaker spared less than four of five turns a timeout",
        );
        expect(
            self.fewer_wasted() >= 5.0,
            "the breaker spared less than four of five wasted calls",
        );
        expect(
            self.less_waiting() >= 5.0,
            "the breaker spared less than four fifths of the waiting",
        );
        complaints
    }
}
