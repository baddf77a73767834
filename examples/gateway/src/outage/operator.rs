//! What an operator does by hand, from the script or over HTTP, and sees.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::time::Instant;
use tower_tenant_breaker::{Dependency, EffectiveState};

use super::log::Log;
use crate::report::whole_ms;

/// An operator of one dependency.
#[derive(Debug)]
pub(crate) struct Operator {
    dependency: Arc<Dependency>,
    log: Arc<Log>,
}

impl Operator {
    pub(crate) fn new(dependency: Arc<Dependency>, log: Arc<Log>) -> Self {
        Self { dependency, log }
    }

    /// Rejects every call from now on; returns the instant since when.
    pub(crate) fn force_open(&self, note: &str) -> Instant {
        let what = format!("forces {} open: {note:?}", self.dependency.name());
        self.log.say("OPERATOR", &what);
        self.dependency.force_open(note);
        Instant::now()
    }

    /// Lets the calls through again, those of circuits that are open by and by; returns the instant before which
    /// none was.
    pub(crate) fn recover(&self) -> Instant {
        let name = self.dependency.name();
        let what = format!("begins the recovery of {name}, and clears it");
        self.log.say("OPERATOR", &what);
        let before = Instant::now();
        self.dependency.begin_recovery();
        self.dependency.clear();
        before
    }

    /// What there is to see now.
    pub(crate) fn snapshot(&self) -> Value {
        let snapshot = self.dependency.snapshot();
        let note = snapshot.overridden.and_then(|forced| forced.note);
        // As it is for a tenant that nobody knows yet: what holds for all.
        let decides = match self.dependency.effective_state("a newcomer") {
            EffectiveState::Automatic(_) => "each circuit",
            EffectiveState::ForcedOpen => "forced open",
            EffectiveState::Outage(_) => "outage",
            _ => "another override",
        };
        let outage = snapshot.outage.map(|outage| {
            json!({
                "state": outage.state.as_str(),
                "down": outage.down,
                "active": outage.active,
                "retry_after_ms": whole_ms(outage.retry_after),
            })
        });
        json!({
            "dependency": snapshot.name,
            "who_decides": decides,
            "note": note.as_deref(),
            "outage": outage,
            "circuits": snapshot.circuits,
            "not_closed": self.dependency.open_circuits(),
            "calls": snapshot.totals.calls,
            "failures": snapshot.totals.failures,
            "rejected": snapshot.totals.rejected,
            "probes": snapshot.totals.probes,
        })
    }
}
