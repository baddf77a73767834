use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use tower::BoxError;
use tower_service::Service;

use super::{Dispatcher, Tool, ToolCall, ToolsBuilder, ToolsError};
use crate::sync::Arc;
use crate::{Classify, ErrIsFailure};

type Running<O> = Pin<Box<dyn Future<Output = Result<O, ToolboxError>> + Send>>;

/// Tools with a service each, and what they make together: a [`Dispatcher`].
///
/// All of them take the same input and give the same output, as JSON values; layers around a service make them so. A
/// call clones the tool's service and waits until it is ready within the tool's timeout, so no tool holds up another.
/// It costs an allocation, for the future.
///
/// ```
/// use std::time::Duration;
/// use tower::{BoxError, ServiceExt, service_fn};
/// use tower_tenant_breaker::CircuitBreakerRegistry;
/// use tower_tenant_breaker::agent::{Tool, ToolCall, Toolbox, Tools};
///
/// async fn search(call: ToolCall<String>) -> Result<String, BoxError> {
///     Ok(format!("found {}", call.input))
/// }
///
/// async fn roll_dice(call: ToolCall<String>) -> Result<String, std::num::ParseIntError> {
///     let sides: u32 = call.input.parse()?;
///     Ok(format!("{sides} it is"))
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), BoxError> {
/// let registry = CircuitBreakerRegistry::builder().build()?;
/// let dispatcher = Toolbox::new()
///     .tool(Tool::new("search").timeout(Duration::from_secs(20)), service_fn(search))
///     .tool(Tool::new("roll_dice"), service_fn(roll_dice))
///     .dispatcher(Tools::builder(&registry))?;
/// assert_eq!(dispatcher.tools().prompt_note("acme"), None);
///
/// // A task for each call of a turn.
/// let turn = tokio::spawn(async move {
///     dispatcher.oneshot(ToolCall::new("acme", "roll_dice", "6".to_owned())).await
/// });
/// assert_eq!(turn.await??.output().as_deref(), Some("6 it is"));
/// # Ok(())
/// # }
/// ```
#[must_use = "a toolbox does nothing until it is a dispatcher"]
pub struct Toolbox<I, O> {
    tools: Vec<Tool>,
    services: Vec<Named<I, O>>,
}

impl<I, O> Toolbox<I, O> {
    /// One without a tool.
    pub fn new() -> Self {
        Self {
            tools: Vec::new(),
            services: Vec::new(),
        }
    }

    /// Adds a tool and the service that is called for it. One that is not `Clone` and `Sync` goes behind tower's
    /// `Buffer`.
    pub fn tool<S>(mut self, tool: Tool, service: S) -> Self
    where
        S: Service<ToolCall<I>, Response = O> + Clone + Send + Sync + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send,
        I: Send + 'static,
    {
        let name = Arc::clone(&tool.name);
        self.tools.push(tool);
        let service = Box::new(service);
        self.services.push(Named { name, service });
        self
    }

    /// Declares the tools, and calls their services.
    ///
    /// # Errors
    ///
    /// As [`ToolsBuilder::build`]; and where the builder has tools of its own, for which there is no service.
    pub fn dispatcher(
        self,
        tools: ToolsBuilder,
    ) -> Result<Dispatcher<ToolboxService<I, O>, I>, ToolsError> {
        self.dispatcher_with(tools, ErrIsFailure)
    }

    /// As [`dispatcher`](Self::dispatcher), with a classifier of your own; see
    /// [`Tools::dispatcher_with`](super::Tools::dispatcher_with).
    ///
    /// # Errors
    ///
    /// As [`dispatcher`](Self::dispatcher).
    pub fn dispatcher_with<C>(
        mut self,
        tools: ToolsBuilder,
        classify: C,
    ) -> Result<Dispatcher<ToolboxService<I, O>, I, C>, ToolsError>
    where
        C: Classify<O, BoxError> + Clone,
    {
        let tools = tools.tools(self.tools).build()?;
        self.services
            .sort_by(|one, other| one.name.cmp(&other.name));
        let services = ToolboxService {
            services: self.services.into(),
        };
        if let Some(name) = tools.names().find(|name| services.get(name).is_none()) {
            return Err(ToolsError::NoService(name.to_owned()));
        }
        Ok(tools.dispatcher_with(services, classify))
    }
}

impl<I, O> Default for Toolbox<I, O> {
    fn default() -> Self {
        Self::new()
    }
}

// By hand: services need not have `Debug`.
impl<I, O> fmt::Debug for Toolbox<I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Toolbox")
            .field("tools", &self.tools)
            .finish_non_exhaustive()
    }
}

/// The services of a [`Toolbox`] as one, which calls that of the tool; always ready.
pub struct ToolboxService<I, O> {
    /// Sorted by their names.
    services: Arc<[Named<I, O>]>,
}

struct Named<I, O> {
    name: Arc<str>,
    service: Box<dyn Run<I, O>>,
}

impl<I, O> ToolboxService<I, O> {
    fn get(&self, name: &str) -> Option<&dyn Run<I, O>> {
        let by_name = |named: &Named<I, O>| (*named.name).cmp(name);
        let at = self.services.binary_search_by(by_name).ok()?;
        Some(&*self.services.get(at)?.service)
    }
}

// Without a bound on the output: one on what names a lifetime, as `&'static str` does, would be in the way of a spawned task.
impl<I, O> Service<ToolCall<I>> for ToolboxService<I, O> {
    type Response = O;
    type Error = ToolboxError;
    type Future = ToolboxFuture<O>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), ToolboxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: ToolCall<I>) -> Self::Future {
        let running = self.get(&call.tool).map(|service| service.run(call));
        ToolboxFuture { running }
    }
}

/// Future for the [`ToolboxService`].
pub struct ToolboxFuture<O> {
    running: Option<Running<O>>,
}

impl<O> Future for ToolboxFuture<O> {
    type Output = Result<O, ToolboxError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.running {
            Some(running) => running.as_mut().poll(cx),
            // A dispatcher asks for none that has no service.
            None => Poll::Ready(Err(ToolboxError("the tool has no service".into()))),
        }
    }
}

impl<O> fmt::Debug for ToolboxFuture<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolboxFuture").finish_non_exhaustive()
    }
}

impl<I, O> Clone for ToolboxService<I, O> {
    fn clone(&self) -> Self {
        let services = Arc::clone(&self.services);
        Self { services }
    }
}

impl<I, O> fmt::Debug for ToolboxService<I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.services.iter().map(|named| &named.name);
        f.debug_tuple("ToolboxService")
            .field(&names.collect::<Vec<_>>())
            .finish()
    }
}

/// A service whose type is forgotten.
trait Run<I, O>: Send + Sync {
    fn run(&self, call: ToolCall<I>) -> Running<O>;
}

impl<S, I> Run<I, S::Response> for S
where
    S: Service<ToolCall<I>> + Clone + Send + Sync + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    I: Send + 'static,
{
    fn run(&self, call: ToolCall<I>) -> Running<S::Response> {
        let mut service = self.clone();
        let told = |error: S::Error| ToolboxError(error.into());
        Box::pin(async move {
            poll_fn(|cx| service.poll_ready(cx)).await.map_err(told)?;
            service.call(call).await.map_err(told)
        })
    }
}

/// What a tool's service says, in a type of its own: one that names a `BoxError` would be in the way of whoever calls the
/// dispatcher in a spawned task.
///
/// It becomes the error itself, and so is nothing to the classifier.
#[derive(Debug)]
pub struct ToolboxError(BoxError);

impl From<ToolboxError> for BoxError {
    fn from(error: ToolboxError) -> Self {
        error.0
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::{Ready, ready};

    use tower::service_fn;
    use tower_service::Service;

    use super::{Named, ToolboxService};
    use crate::agent::ToolCall;

    fn roll(_: ToolCall<u32>) -> Ready<Result<u32, Infallible>> {
        ready(Ok(4))
    }

    #[test]
    fn a_toolbox_shows_its_tools_and_a_call_nothing_of_its_input() {
        let dice = Named {
            name: "roll_dice".into(),
            service: Box::new(service_fn(roll)),
        };
        let mut services = ToolboxService {
            services: [dice].into(),
        };
        let shown = format!("{services:?}");
        assert_eq!(shown, r#"ToolboxService(["roll_dice"])"#);
        let call = services.call(ToolCall::new("acme", "roll_dice", 6));
        assert_eq!(format!("{call:?}"), "ToolboxFuture { .. }");
    }
}
