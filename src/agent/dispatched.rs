//! What a call is answered with, once it is known how it ended.

use tower::BoxError;

use super::attempt::Attempt;
use super::{ToolCall, ToolError, ToolReply, Tools};
use crate::sync::Arc;

/// What is remembered of a call while its tool has it.
pub(super) struct Dispatched {
    tools: Tools,
    index: usize,
    tenant: Arc<str>,
    /// For whoever is told of errors, and not kept for nobody.
    call_id: Option<Arc<str>>,
}

impl Dispatched {
    pub(super) fn new<I>(tools: &Tools, index: usize, call: &ToolCall<I>) -> Self {
        let id = call.call_id.as_ref().filter(|_| tools.hears_of_errors());
        Self {
            tools: tools.clone(),
            index,
            tenant: Arc::clone(&call.tenant),
            call_id: id.cloned(),
        }
    }

    pub(super) fn reply<O>(&self, attempt: Result<Attempt<O>, BoxError>) -> ToolReply<O> {
        let (tools, index, tenant) = (&self.tools, self.index, &*self.tenant);
        ToolReply::Unavailable(match attempt {
            Ok(Attempt::Output(output)) => return ToolReply::Output(output),
            Ok(Attempt::Rejected(open)) => tools.rejected(index, tenant, &open),
            Ok(Attempt::TimedOut) => tools.timed_out_call(index, tenant),
            // What is no attempt is what the service said when it was asked whether it is ready.
            Ok(Attempt::Failed(error)) | Err(error) => {
                tools.tell_of(&ToolError {
                    tenant,
                    tool: &tools.declared(index).name,
                    call_id: self.call_id.as_deref(),
                    error: &*error,
                });
                tools.ended_with(index, tenant, &*error)
            }
        })
    }
}
