use std::convert::Infallible;
use std::fmt;
use std::task::{Context, Poll};

use ::http::request::Parts;
use ::http::{Request, StatusCode};
use http_body::Body;
use tokio::task::AbortHandle;
use tower_service::Service;

use super::act::Desk;
use super::answer::{Answer, Problem, of_json, of_type};
use super::authorise::Authorise;
use super::body::StatusBody;
use super::future::StatusFuture;
use super::hub::{Hub, READERS};
use super::query::Query;
use super::route::Route;
use super::scans::Scans;
use super::{circuits, page, sampler};
use crate::CircuitBreakerRegistry;
use crate::sync::{Arc, Mutex};

/// A live page of what the circuits of a registry do, as a `tower::Service` of HTTP requests.
///
/// [The module](super) says what it answers, what it costs, and how actions are protected. Clones share one task and
/// its history. Always ready, and never fails.
///
/// ```
/// use http::Request;
/// use http_body_util::BodyExt;
/// use tower::ServiceExt;
/// use tower_tenant_breaker::CircuitBreakerRegistry;
/// use tower_tenant_breaker::status::StatusService;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let registry = CircuitBreakerRegistry::builder().build()?;
/// registry.dependency("search")?.circuit("acme").open()?;
///
/// let status = StatusService::new(registry);
/// let request = Request::get("/circuits?dependency=search").body(String::new())?;
/// let answer = status.oneshot(request).await?;
/// let text = answer.into_body().collect().await?.to_bytes();
/// let page: serde_json::Value = serde_json::from_slice(&text)?;
/// assert_eq!(page["circuits"][0]["state"], "open");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct StatusService {
    shared: Arc<Shared>,
    /// None where the page is read-only.
    desk: Option<Arc<Desk>>,
}

/// What all clones share; alive as long as one of them, or a body of its events, is.
pub(super) struct Shared {
    pub(super) registry: CircuitBreakerRegistry,
    pub(super) hub: Hub,
    scans: Scans,
    sampler: Mutex<Option<AbortHandle>>,
}

impl StatusService {
    /// A read-only page of this registry, which the service keeps alive.
    ///
    /// Its task starts here where there is a tokio runtime, otherwise with the first request. The runtime's time has to
    /// be enabled, as it is where nobody builds one by hand.
    #[must_use]
    pub fn new(registry: CircuitBreakerRegistry) -> Self {
        let shared = Arc::new(Shared::new(registry));
        shared.attend();
        Self { shared, desk: None }
    }

    /// Lets those act whom this knows: force open, clear and reset. Of this service and clones that are made of it; one
    /// that was cloned before stays as it is.
    ///
    /// # Panics
    ///
    /// Where the system has no random bytes for the token that actions need.
    ///
    /// ```
    /// use http::request::Parts;
    /// use tower_tenant_breaker::CircuitBreakerRegistry;
    /// use tower_tenant_breaker::status::StatusService;
    ///
    /// let registry = CircuitBreakerRegistry::builder().build()?;
    /// // The proxy in front has authenticated, and replaces this header where a caller sent one.
    /// let status = StatusService::new(registry).authorise(|request: &Parts| {
    ///     let user = request.headers.get("x-authenticated-user")?.to_str().ok()?;
    ///     ["alice", "bob"].contains(&user).then(|| user.to_owned())
    /// });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn authorise(self, authoriser: impl Authorise) -> Self {
        Self {
            desk: Some(Arc::new(Desk::new(authoriser))),
            ..self
        }
    }

    /// How many read the events at present, of all clones together.
    ///
    /// ```
    /// use tower_tenant_breaker::CircuitBreakerRegistry;
    /// use tower_tenant_breaker::status::StatusService;
    ///
    /// let status = StatusService::new(CircuitBreakerRegistry::builder().build()?);
    /// assert_eq!(status.readers(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn readers(&self) -> usize {
        self.shared.hub.readers()
    }

    fn events(&self) -> Result<Answer, Problem> {
        let mailbox = self
            .shared
            .hub
            .join(Arc::clone(&self.shared), self.desk.is_some());
        let Some(mailbox) = mailbox else {
            let detail = format!("{READERS} read the events already, which is the most");
            let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail);
            return Err(problem.retry_after(5));
        };
        let body = StatusBody::of_events(mailbox);
        Ok(of_type("text/event-stream", body))
    }

    fn answer<B: Body>(&self, parts: &Parts, body: B) -> Result<StatusFuture<B>, Problem> {
        let route = Route::of(parts, self.desk.is_some())?;
        let answer = match (route, &self.desk) {
            (Route::Page, _) => page::answer(),
            (Route::Events, _) => self.events()?,
            (Route::Circuits, _) => {
                let query = Query::read(parts.uri.query())?;
                let registry = self.shared.registry.clone();
                return Ok(StatusFuture::scan(&self.shared.scans, move || {
                    circuits::answer(query, &registry)
                }));
            }
            (Route::Who, Some(desk)) => of_json(&desk.who(parts)?),
            (Route::Act, Some(desk)) => {
                let who = desk.admit(parts)?;
                return StatusFuture::reading(body, who, Arc::downgrade(&self.shared));
            }
            (Route::Who | Route::Act, None) => return Err(Route::no_actions()),
        };
        Ok(StatusFuture::ready(answer))
    }
}

impl Shared {
    pub(super) fn new(registry: CircuitBreakerRegistry) -> Self {
        Self {
            registry,
            hub: Hub::default(),
            scans: Scans::default(),
            sampler: Mutex::new(None),
        }
    }

    /// Starts the sampler, where it is not at work.
    fn attend(self: &Arc<Self>) {
        let mut sampler = self.sampler.lock();
        let is_over = |sampler: &AbortHandle| sampler.is_finished();
        if sampler.as_ref().is_none_or(is_over) {
            *sampler = sampler::start(self);
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(sampler) = self.sampler.lock().take() {
            sampler.abort();
        }
    }
}

impl<B: Body> Service<Request<B>> for StatusService {
    type Response = Answer;
    type Error = Infallible;
    type Future = StatusFuture<B>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> StatusFuture<B> {
        self.shared.attend();
        let (parts, body) = request.into_parts();
        let answer = self.answer(&parts, body);
        answer.unwrap_or_else(|problem| StatusFuture::ready(problem.into()))
    }
}

impl fmt::Debug for StatusService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatusService")
            .field("registry", &self.shared.registry)
            .field("readers", &self.readers())
            .field("has_actions", &self.desk.is_some())
            .finish()
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}
