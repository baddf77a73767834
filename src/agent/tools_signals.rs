//! What a model is told of a call that gave no result.

use std::error::Error;
use std::time::Duration;

use tokio::time::Instant;
use tower::load_shed::error::Overloaded;

use super::tools::Declared;
use super::{DegradationSignal, SignalReason, Tools};
use crate::source_chain::chain;
use crate::sync::Arc;
use crate::{CircuitOpen, Probing};

impl Tools {
    pub(super) fn rejected(
        &self,
        index: usize,
        tenant: &str,
        open: &CircuitOpen,
    ) -> DegradationSignal {
        let tool = self.declared(index);
        let name = Arc::clone(&tool.name);
        let signal = DegradationSignal::of_rejection(name, open, tool.probing());
        self.with_alternatives(signal, index, tenant)
    }

    pub(super) fn timed_out_call(&self, index: usize, tenant: &str) -> DegradationSignal {
        self.unsuccessful(index, tenant, SignalReason::ToolCallTimeout)
    }

    pub(super) fn failed_call(&self, index: usize, tenant: &str) -> DegradationSignal {
        self.unsuccessful(index, tenant, SignalReason::ToolCallFailed)
    }

    /// Of a call that the tool was asked for, and answered with this error.
    pub(super) fn ended_with(
        &self,
        index: usize,
        tenant: &str,
        error: &(dyn Error + 'static),
    ) -> DegradationSignal {
        let tool = self.declared(index);
        // Who rejected it further in knows better what is wrong than that the call failed.
        let told = chain(error).find_map(|error| {
            let name = || Arc::clone(&tool.name);
            if let Some(open) = error.downcast_ref() {
                // Calls of others may probe there.
                return Some(DegradationSignal::of_rejection(name(), open, Probing::Yes));
            }
            error.is::<Overloaded>().then(|| {
                let reason = SignalReason::TooManyCalls;
                DegradationSignal::new(name(), reason, Some(Duration::ZERO), None)
            })
        });
        let Some(told) = told else {
            // Its own timeout is one, too.
            return match chain(error).any(is_elapsed) {
                true => self.timed_out_call(index, tenant),
                false => self.failed_call(index, tenant),
            };
        };
        if !tool.has_side_effects {
            return self.with_alternatives(told, index, tenant);
        }
        // What came before the part that was rejected may have taken effect.
        let (name, now) = (Arc::clone(&tool.name), Instant::now());
        let reason = SignalReason::ToolCallFailed;
        // Meanwhile its own circuit may have opened, too: both have to admit the next call.
        let left = match left_of_refusal(tool, tenant, now) {
            Some(own) => own.zip(told.retry_after()).map(|(own, told)| own.max(told)),
            None => told.retry_after(),
        };
        let signal = DegradationSignal::new(name, reason, left, Some(now));
        self.with_alternatives(signal, index, tenant)
    }

    /// Of a call that was made. It may have opened the circuit, and then the next one would be rejected.
    fn unsuccessful(&self, index: usize, tenant: &str, reason: SignalReason) -> DegradationSignal {
        let tool = self.declared(index);
        let now = Instant::now();
        let left = left_of_refusal(tool, tenant, now).flatten();
        let signal = DegradationSignal::new(Arc::clone(&tool.name), reason, left, Some(now));
        self.with_alternatives(signal, index, tenant)
    }

    fn with_alternatives(
        &self,
        signal: DegradationSignal,
        index: usize,
        tenant: &str,
    ) -> DegradationSignal {
        let admitting = self.admitting_substitutes(index, tenant);
        signal.of_tool(self.clone(), index, admitting)
    }

    /// A bit for each substitute, set where the tenant's circuit of it admits calls.
    fn admitting_substitutes(&self, index: usize, tenant: &str) -> u64 {
        let substitutes = self.declared(index).substitutes.iter();
        let bits = substitutes.enumerate().map(|(n, index)| {
            let tool = self.declared(*index);
            u64::from(tool.dependency.would_admit_as(tenant, tool.probing())) << n
        });
        bits.sum()
    }
}

/// For how long the tool's circuit would reject the tenant's next call, if that is known; none where it would admit it.
fn left_of_refusal(tool: &Declared, tenant: &str, now: Instant) -> Option<Option<Duration>> {
    let probing = tool.probing();
    let standing = tool.dependency.standing_refusal(tenant, probing)?;
    if standing.is_passing {
        return Some(Some(Duration::ZERO));
    }
    let until = standing.until_after(now, probing);
    Some(until.map(|until| until.saturating_duration_since(now)))
}

fn is_elapsed(error: &(dyn Error + 'static)) -> bool {
    error.is::<tower::timeout::error::Elapsed>() || error.is::<tokio::time::error::Elapsed>()
}
