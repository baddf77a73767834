//! What the log says of actions.

use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex};

use futures_util::FutureExt;
use tracing::field::{Field, Visit};
use tracing::{Level, Metadata, Subscriber, span};

use super::*;
use crate::listen::listen;

/// A line for each event at `info`.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = write!(self.0, "{field}={value:?} ");
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("tower_tenant_breaker") && *metadata.level() == Level::INFO
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

// Without a runtime all of it is done on this thread, whose log it is.
#[test]
fn the_log_says_who_asked_for_what_and_cannot_be_forged() {
    let (status, search) = search();
    let status = status.authorise(|_: &Parts| Some("alice".to_owned()));
    let known = get_json(&status, "/actions").now_or_never().unwrap().1;
    let act = |action: Value| {
        let request = Request::post("/actions")
            .header("content-type", "application/json")
            .header("x-csrf-token", known["token"].as_str().unwrap());
        let request = request.body(action.to_string()).unwrap();
        let answer = ask(&status, request).now_or_never().unwrap();
        assert_eq!(answer.status(), 200);
    };
    let log = Log::default();
    let guard = listen(log.clone());
    act(serde_json::json!({
        "action": "force_open", "dependency": "search", "tenant": "a\nb", "note": "why\nnot"
    }));
    act(serde_json::json!({ "action": "reset", "dependency": "search" }));
    drop(guard);
    assert!(search.acquire("a\nb").is_err());
    let lines = log.0.lock().unwrap();
    let of_actions = lines
        .iter()
        .filter(|line| line.contains("message=action by"));
    let of_actions: Vec<_> = of_actions.map(String::as_str).collect();
    assert_eq!(
        of_actions,
        [
            "message=action by the status page who=\"alice\" action=\"force_open\" \
             dependency=\"search\" tenant.id=\"a\\nb\" note=\"why\\nnot\" ",
            "message=action by the status page who=\"alice\" action=\"reset\" dependency=\"search\" ",
        ]
    );
    let overridden = lines
        .iter()
        .find(|line| line.contains("circuit_breaker.override"));
    assert!(
        overridden.unwrap().contains(r#"note="alice: why\nnot""#),
        "{lines:?}"
    );
}
