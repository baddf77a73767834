//! The span of one call, and how it comes to say what became of the call.

use std::fmt;

use tracing::Span;
use tracing::field::Empty;
use tracing::span::Entered;

use crate::event::{Text, counted_as, say};
use crate::sync::{Arc, AtomicU8, Relaxed};
use crate::{CircuitOpen, InvalidTenant, Outcome};

/// The span of one call. It ends with the last who holds it: the call's future, or the body that settles the call.
#[derive(Clone)]
pub struct CallSpan(Option<Arc<Call>>);

struct Call {
    span: Span,
    /// One of the following. Whoever holds the span does so one after the other; this only has to be `Sync`.
    stage: AtomicU8,
}

// As those of a permit, so that a call that is dropped ends on its span as it does for its circuit.

/// No circuit has admitted the call yet: nobody knows an outcome of it.
const ASKED: u8 = 0;
/// Nobody's code runs: a call that is dropped now was cancelled.
const WAITING: u8 = 1;
/// The inner service's own code runs: it panicked.
const INNER: u8 = 2;
/// A classifier or a judge runs: it panicked, which says nothing about the dependency.
const HOOK: u8 = 3;
/// It has been said how the call ended.
const ENDED: u8 = 4;

impl CallSpan {
    /// None where nobody listens: then nothing is allocated.
    pub(super) fn begin() -> Self {
        let span = tracing::info_span!(
            target: "tower_tenant_breaker::span",
            "circuit_breaker.call",
            dependency = Empty,
            tenant.id = Empty,
            outcome = Empty,
            state = Empty,
            reason = Empty,
            otel.status_code = Empty,
        );
        let stage = AtomicU8::new(ASKED);
        Self((!span.is_disabled()).then(|| Arc::new(Call { span, stage })))
    }

    /// Lets go of the span, which ends unless somebody else holds it.
    pub(super) fn leave(&mut self) {
        self.0 = None;
    }

    pub(super) fn enter(&self) -> Option<Entered<'_>> {
        self.0.as_ref().map(|call| call.span.enter())
    }

    /// Runs within the span what is the inner service's own, or leads to it.
    pub(crate) fn within<R>(&self, run: impl FnOnce() -> R) -> R {
        let _entered = self.enter();
        self.turn(WAITING, INNER);
        let result = run();
        self.turn(INNER, WAITING);
        result
    }

    /// The circuit has admitted the call, and the inner service has it now.
    pub(crate) fn admitted(&self) {
        self.set(INNER);
    }

    /// A classifier or a judge runs from now on.
    pub(crate) fn hook(&self) {
        self.set(HOOK);
    }

    /// The call goes on.
    #[cfg(feature = "http")]
    pub(crate) fn wait(&self) {
        self.turn(HOOK, WAITING);
    }

    pub(super) fn of_dependency(&self, name: &str) {
        self.record("dependency", name);
    }

    pub(super) fn of_tenant(&self, id: &str) {
        // One that is none may be as long as its caller likes.
        if InvalidTenant::check(id).is_ok() {
            self.record("tenant.id", id);
        }
    }

    pub(super) fn rejected(&self, open: &CircuitOpen) {
        if let Some(state) = open.state() {
            self.record("state", state.as_str());
        }
        self.record("reason", open.reason().as_str());
        self.end("rejected", true);
    }

    /// No circuit was asked: the call has no tenant or no dependency.
    pub(super) fn refused(&self) {
        if self.stage() == Some(ASKED) {
            self.record("otel.status_code", "ERROR");
            self.set(ENDED);
        }
    }

    pub(crate) fn ended(&self, outcome: Outcome) {
        self.end(counted_as(outcome), outcome.is_bad());
    }

    fn end(&self, outcome: &'static str, is_error: bool) {
        if let Some(call) = &self.0 {
            call.end(outcome, is_error);
        }
    }

    fn record(&self, field: &'static str, text: &str) {
        if let Some(call) = &self.0 {
            call.record(field, text);
        }
    }

    fn stage(&self) -> Option<u8> {
        self.0.as_ref().map(|call| call.stage.load(Relaxed))
    }

    fn set(&self, stage: u8) {
        if let Some(call) = &self.0 {
            call.stage.store(stage, Relaxed);
        }
    }

    fn turn(&self, from: u8, to: u8) {
        if self.stage() == Some(from) {
            self.set(to);
        }
    }
}

impl Call {
    /// A log that panics harms no call.
    fn record(&self, field: &'static str, text: &str) {
        say(|| _ = self.span.record(field, Text::new(text).as_value()));
    }

    fn end(&self, outcome: &'static str, is_error: bool) {
        if self.stage.swap(ENDED, Relaxed) != ENDED {
            self.record("outcome", outcome);
            if is_error {
                self.record("otel.status_code", "ERROR");
            }
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let outcome = match self.stage.load(Relaxed) {
            WAITING => Outcome::Cancelled,
            INNER => Outcome::failure(),
            HOOK => Outcome::Ignored,
            _ => return,
        };
        self.end(counted_as(outcome), outcome.is_bad());
    }
}

impl fmt::Debug for CallSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CallSpan")
            .field(&self.0.as_ref().and_then(|call| call.span.id()))
            .finish()
    }
}
