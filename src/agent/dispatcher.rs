use std::fmt;
use std::task::{Context, Poll};

use tower::BoxError;
use tower_layer::Layer;
use tower_service::Service;

use super::attempt::{Attempts, HandOn, Judge, OfCall, Selected};
use super::dispatched::Dispatched;
use super::{DispatchError, DispatchFuture, ToolCall, ToolReply, Tools};
use crate::answer::Propagate;
use crate::impact::{InTurn, TurnLayer};
use crate::settle::AtHead;
use crate::{
    Classify, ErrIsFailure, InvalidTenant, OnMissingTenant, TenantCircuitBreaker,
    TenantCircuitBreakerLayer,
};

type Breaker<S, I, C> =
    TenantCircuitBreaker<Attempts<S, I>, Tools, OfCall, Judge<C>, HandOn, Propagate, OfCall>;

/// Calls tools through the circuits of their tenants; made by [`Tools::dispatcher`].
///
/// A call that is rejected, takes too long or fails is answered with a [`DegradationSignal`](super::DegradationSignal), so
/// that a model can plan without the tool. Only what no model could plan with is an error: [`DispatchError`].
///
/// ```
/// use tower::{BoxError, ServiceExt, service_fn};
/// use tower_tenant_breaker::CircuitBreakerRegistry;
/// use tower_tenant_breaker::agent::{SignalReason, Tool, ToolCall, ToolReply, Tools};
///
/// async fn run(call: ToolCall<String>) -> Result<String, BoxError> {
///     match &*call.tool {
///         "calendar" => Err("the calendar is down".into()),
///         tool => Ok(format!("{tool} has found {}", call.input)),
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), BoxError> {
/// let registry = CircuitBreakerRegistry::builder().build()?;
/// let tools = Tools::builder(&registry).tool(Tool::new("calendar")).tool(Tool::new("search")).build()?;
/// let dispatcher = tools.dispatcher(service_fn(run));
///
/// let search = ToolCall::new("acme", "search", "red shoes".to_owned());
/// let reply = dispatcher.clone().oneshot(search).await?;
/// assert_eq!(reply.output().as_deref(), Some("search has found red shoes"));
///
/// for reason in [SignalReason::ToolCallFailed; 3].into_iter().chain([SignalReason::CircuitOpenFailures]) {
///     let calendar = ToolCall::new("acme", "calendar", "monday".to_owned());
///     let reply = dispatcher.clone().oneshot(calendar).await?;
///     assert_eq!(reply.signal().map(|signal| signal.reason()), Some(reason));
/// }
/// # Ok(())
/// # }
/// ```
///
/// # The tools themselves
///
/// One service has all of them, by the name in the call: a `match`, or a client of an MCP server. Where each tool is a
/// service of its own, a [`Toolbox`](super::Toolbox) is that one service.
///
/// What a tool says in its own words (a wrong argument, nothing found) is an output, and reaches the model as it is; an
/// `Err` is a failure of the tool, and what it says reaches no model:
/// [`ToolsBuilder::on_error`](super::ToolsBuilder::on_error) is told of it. [`Tools::dispatcher_with`] has a classifier
/// judge outputs too.
///
/// A breaker or a load shed further in that rejects a call is neither a success nor a failure of the tool. The signal then
/// says why and for how long that one rejects calls. Of a tool with side effects it says that the call failed: what came
/// before the part that was rejected may have taken effect.
///
/// # Timeouts
///
/// A timeout further in, of tower or of tokio, is told as that of the tool.
///
/// A tool's timeout runs from when the service is ready for the call. A service that makes calls wait for their turn, as a
/// concurrency limit does, is not bounded by it; in a [`Toolbox`](super::Toolbox) that wait counts too.
///
/// # In a spawned task
///
/// `tokio::spawn(async move { dispatcher.oneshot(call).await })` compiles, also around a box or a closure whose error is a
/// `BoxError`; but a classifier that is a closure can be "not general enough" there, and is to be a `fn`:
/// [why](TenantCircuitBreakerLayer#where-a-closure-is-not-general-enough).
///
/// # Panics
///
/// Outside of a tokio runtime, where the tool has a timeout. A panic of the service is a failure, and goes on unwinding.
///
/// # Cancel safety
///
/// A call that is dropped before it is done, as with a turn that the user has stopped, is cancelled: neutral by itself,
/// and its place is free at once. However many are cancelled in a row, the default policy of tools does not take them for
/// failures, since the timeout finds what hangs. A policy of your own does, unless its
/// [`abandoned_run`](crate::PolicyBuilder::abandoned_run) is 0: a turn of five calls that is stopped can be enough. By any
/// policy a call that is cancelled later than a latency rule's threshold was slow.
pub struct Dispatcher<S, I, C = ErrIsFailure>
where
    S: Service<ToolCall<I>>,
{
    breaker: InTurn<Breaker<S, I, C>, OfCall>,
    tools: Tools,
}

impl<S, I, C> Dispatcher<S, I, C>
where
    S: Service<ToolCall<I>> + Clone,
    S::Error: Into<BoxError>,
    C: Clone,
{
    pub(super) fn new(tools: Tools, service: S, classify: C) -> Self {
        let layer = TenantCircuitBreakerLayer {
            dependency: tools.clone(),
            extractor: OfCall,
            classify: Judge(classify),
            on_rejection: HandOn,
            on_error: Propagate,
            probe_if: OfCall,
            on_missing_tenant: OnMissingTenant::Reject,
            settle: AtHead,
        };
        Self {
            breaker: TurnLayer::new(OfCall).layer(layer.layer(Attempts::new(service))),
            tools,
        }
    }
}

impl<S, I, C> Service<ToolCall<I>> for Dispatcher<S, I, C>
where
    S: Service<ToolCall<I>> + Clone,
    C: Classify<S::Response, BoxError> + Clone,
{
    type Response = ToolReply<S::Response>;
    type Error = DispatchError;
    type Future = DispatchFuture<S, I, C>;

    /// Always ready: whose call comes next is not known yet.
    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), DispatchError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: ToolCall<I>) -> Self::Future {
        // Before the tool is looked for: who has no tenant may be anybody, and is not told which tools there are.
        if let Err(invalid) = InvalidTenant::check(&call.tenant) {
            return DispatchFuture::refused(invalid.into());
        }
        let Some(index) = self.tools.index_of(&call.tool) else {
            return DispatchFuture::refused(self.tools.unknown(&call.tool).into());
        };
        let dispatched = Dispatched::new(&self.tools, index, &call);
        let declared = self.tools.declared(index);
        let selected = Selected {
            call,
            index,
            timeout: declared.timeout,
            probing: declared.probing(),
        };
        DispatchFuture::called(self.breaker.call(selected), dispatched)
    }
}

impl<S, I, C> Dispatcher<S, I, C>
where
    S: Service<ToolCall<I>>,
{
    /// The tools that it calls.
    #[must_use]
    pub fn tools(&self) -> &Tools {
        &self.tools
    }
}

// By hand: a derive would ask for a clone of the input.
impl<S, I, C> Clone for Dispatcher<S, I, C>
where
    S: Service<ToolCall<I>> + Clone,
    C: Clone,
{
    fn clone(&self) -> Self {
        Self {
            breaker: self.breaker.clone(),
            tools: self.tools.clone(),
        }
    }
}

impl<S, I, C> fmt::Debug for Dispatcher<S, I, C>
where
    S: Service<ToolCall<I>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dispatcher")
            .field("tools", &self.tools)
            .finish_non_exhaustive()
    }
}
