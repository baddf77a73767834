//! A call that moves on is heard of: nobody else hears of its first error.

use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex};

use tower::{BoxError, Service, service_fn};
use tower_tenant_breaker::{ErrIsFailure, Failover};
use tracing::field::{Field, Visit};
use tracing::{Level, Metadata, Subscriber, span};

use crate::job::registry;
use crate::listen::listen;
use crate::stage::{Prompt, Sender, read};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<(Level, String)>>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = write!(self.0, "{field}={value:?} ");
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata
            .target()
            .starts_with("tower_tenant_breaker::failover")
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        let level = *event.metadata().level();
        self.0.lock().unwrap().push((level, line.0));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[tokio::test(start_paused = true)]
async fn a_call_that_moves_on_says_from_whom_to_whom_and_why_and_forges_no_line() {
    let log = Log::default();
    let _guard = listen(log.clone());
    let registry = registry();
    let model = |name: &'static str| {
        service_fn(move |_: Prompt| async move {
            match name {
                "a" => Err(BoxError::from("down\nINFO all is well")),
                _ => Ok(name.to_owned()),
            }
        })
    };
    let mut models = Failover::builder(Sender)
        .provider(registry.dependency("a").unwrap(), model("a"))
        .provider(registry.dependency("b").unwrap(), model("b"))
        .classify(ErrIsFailure)
        .build()
        .unwrap();
    models.call(read("ac\nme")).await.unwrap();
    models.call(read("globex")).await.unwrap();

    let lines = log.0.lock().unwrap();
    assert_eq!(lines.len(), 2, "one for each call: {lines:?}");
    let (level, line) = &lines[0];
    assert_eq!(*level, Level::DEBUG);
    for part in [
        "a provider failed, and the call moves on",
        r#"dependency="a" next="b""#,
        r#"tenant.id="ac\nme""#,
        r#"outcome="failure""#,
        r#"error="down\nINFO all is well""#,
    ] {
        assert!(line.contains(part), "{line} has no {part}");
    }
    assert!(!line.contains('\n'));
}
