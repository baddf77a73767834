//! The operator's log: a line for each event that somebody who is on call wants to read.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use tokio::time::Instant;
use tower_tenant_breaker::{CircuitState, Dependency, Event, EventKind, Origin};

use super::tape::{Change, Tape, Whose};
use crate::report::whole_ms;

/// What is where on a line.
pub(crate) const LEGEND: &str = "\
each line of the log: when, since the start; who; what; why, as the callers read it too; then the figures
that decided, how many tenants are down, and when callers that are rejected are told to come again";

/// Writes what a dependency tells.
#[derive(Debug)]
pub(crate) struct Log {
    start: Instant,
    /// Whether people read it; it fills the tape in any case.
    aloud: bool,
    tape: Tape,
    /// To be asked for what an event does not say. Weak: the registry owns its observer, this.
    dependency: OnceLock<Weak<Dependency>>,
    /// The reasons of which a rejection was written: the first of each act is news, the others are figures.
    written: Mutex<HashSet<&'static str>>,
}

impl Log {
    pub(crate) fn new(start: Instant, aloud: bool, tape: Tape) -> Self {
        Self {
            start,
            aloud,
            tape,
            dependency: OnceLock::new(),
            written: Mutex::default(),
        }
    }

    pub(crate) fn watch(&self, dependency: Weak<Dependency>) {
        // Only the first is watched; there is no other.
        let _ = self.dependency.set(dependency);
    }

    /// Begins an act.
    pub(crate) fn heading(&self, title: &str) {
        self.written().clear();
        if self.aloud {
            println!("\n{title}");
        }
    }

    /// Writes what is no event of the dependency: what somebody did, or found.
    pub(crate) fn say(&self, who: &str, what: &str) {
        if self.aloud {
            println!("{}  {who:9} {what}", self.stamp(Instant::now()));
        }
    }

    /// Writes an event. On the path of the call that made it happen, so a line for the rare ones only.
    pub(crate) fn note(&self, event: &Event<'_>) {
        match event.kind {
            EventKind::Transition { from, to, .. } => {
                let tenant = event.tenant.unwrap_or_default().to_owned();
                self.keep(event, Whose::Tenant(tenant), from, to);
                if let Some(what) = of_circuit(from, to) {
                    let mut more = Vec::new();
                    if let Some(figures) = event.figures {
                        let (failures, calls) = (figures.failures, figures.calls);
                        more.push(format!("{failures} of its last {calls} calls failed"));
                    }
                    more.extend(self.open_of_all());
                    more.extend(self.retry_after(event).filter(|_| to == CircuitState::Open));
                    self.line(event, what, more);
                }
            }
            EventKind::Outage {
                from,
                to,
                down,
                active,
                ..
            } => {
                self.keep(event, Whose::All { down, active }, from, to);
                let mut more = Vec::new();
                if from == CircuitState::Closed {
                    more.push(format!("{down} of {active} active tenants are down"));
                }
                more.extend(self.retry_after(event).filter(|_| to == CircuitState::Open));
                self.line(event, of_all(from, to), more);
            }
            EventKind::Rejection => {
                let reason = event.reason.map_or("unknown", |reason| reason.as_str());
                if self.written().insert(reason) {
                    let more = match self.retry_after(event) {
                        Some(left) => vec![left],
                        None if event.origin == Origin::Override => {
                            vec!["until cleared".to_owned()]
                        }
                        None => Vec::new(),
                    };
                    self.line(event, "rejected, the first for this reason", more);
                }
            }
            // There is more to tell than this log is about, and there will be more.
            _ => {}
        }
    }

    fn keep(&self, event: &Event<'_>, whose: Whose, from: CircuitState, to: CircuitState) {
        self.tape.add_change(Change {
            at: event.at,
            whose,
            from,
            to,
        });
    }

    fn line(&self, event: &Event<'_>, what: &str, more: Vec<String>) {
        if !self.aloud {
            return;
        }
        // A tenant's id may be anybody's: not raw, or it could forge a line.
        let who = match (event.kind, event.tenant) {
            (EventKind::Outage { .. }, _) | (_, None) => "ALL".to_owned(),
            (_, Some(tenant)) => format!("{tenant:?}"),
        };
        let reason = event.reason.map_or("", |reason| reason.as_str());
        let (at, more) = (self.stamp(event.at), more.join(", "));
        let line = format!("{at}  {who:9} {what:35} {reason:20} {more}");
        println!("{}", line.trim_end());
    }

    fn stamp(&self, at: Instant) -> String {
        let since = at.saturating_duration_since(self.start);
        format!("{:7.3} s", since.as_secs_f64())
    }

    /// A look at all circuits: there are 24. With 100,000, count the transitions instead.
    fn open_of_all(&self) -> Option<String> {
        let dependency = self.dependency.get()?.upgrade()?;
        let snapshot = dependency.snapshot();
        let (not_closed, circuits) = (snapshot.open + snapshot.half_open, snapshot.circuits);
        Some(format!("{not_closed} of {circuits} circuits not closed"))
    }

    /// What whoever was rejected now is told, or would be.
    fn retry_after(&self, event: &Event<'_>) -> Option<String> {
        let dependency = self.dependency.get()?.upgrade()?;
        let of_all = dependency.outage().map(|outage| outage.retry_after);
        let own = |tenant| dependency.circuit(tenant).snapshot()?.retry_after;
        let left = match (event.kind, event.tenant) {
            (EventKind::Transition { .. }, Some(tenant)) => own(tenant),
            (_, tenant) => of_all.or_else(|| own(tenant?)),
        };
        left.map(|left| format!("retry after {}", in_words(left)))
    }

    fn written(&self) -> MutexGuard<'_, HashSet<&'static str>> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a circuit's transition is to an operator; a circuit that is probed is about to be news.
fn of_circuit(from: CircuitState, to: CircuitState) -> Option<&'static str> {
    match (from, to) {
        (CircuitState::HalfOpen, CircuitState::Open) => Some("circuit stays open"),
        (_, CircuitState::Open) => Some("circuit opens"),
        (_, CircuitState::Closed) => Some("circuit closes"),
        _ => None,
    }
}

fn of_all(from: CircuitState, to: CircuitState) -> &'static str {
    match (from, to) {
        (CircuitState::Closed, _) => "OUTAGE: calls of all are rejected",
        (_, CircuitState::HalfOpen) => "outage: a few calls may probe",
        (_, CircuitState::Open) => "outage goes on",
        _ => "OUTAGE OVER: circuits decide again",
    }
}

fn in_words(duration: Duration) -> String {
    match whole_ms(duration) {
        0 => "0 ms".to_owned(),
        ms @ 1..1_000 => format!("{ms} ms"),
        _ => format!("{:.1} s", duration.as_secs_f64()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tower_tenant_breaker::{CircuitBreakerRegistry, Outcome};

    use super::super::plan::{MIN_DOWN, policy};
    use super::*;

    #[test]
    fn the_tape_has_every_change_whether_or_not_somebody_reads_the_log() {
        let start = Instant::now();
        let tape = Tape::default();
        let log = Arc::new(Log::new(start, false, tape.clone()));
        let observer = Arc::clone(&log);
        let registry = CircuitBreakerRegistry::builder()
            .observer(move |event: &Event<'_>| observer.note(event))
            .build()
            .unwrap();
        let search = Arc::new(
            registry
                .dependency_with("search", policy().unwrap())
                .unwrap(),
        );
        log.watch(Arc::downgrade(&search));
        for tenant in (0..MIN_DOWN).map(|tenant| tenant.to_string()) {
            assert_eq!(tape.declared(start), None);
            search.acquire(&tenant).unwrap().record(Outcome::Success);
            for _ in 0..5 {
                search.acquire(&tenant).unwrap().record(Outcome::failure());
            }
        }
        assert!(search.acquire("other").is_err());
        assert!(tape.declared(start).is_some());
        let reel = tape.end();
        assert_eq!(reel.changes.len(), MIN_DOWN as usize + 1);
        let declared = reel.outages(start).next().unwrap();
        assert_eq!(declared.whose, Whose::All { down: 5, active: 5 });
    }
}
