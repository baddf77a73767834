//! The providers: HTTP servers on loopback that speak OpenAI's API, each with a key of its own, and can be made to
//! fail as the real ones do.

mod answer;

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::routing::post;
use tokio::net::TcpListener;
use tokio::time::Instant;
use tower::BoxError;

use crate::account::Account;

/// How long an overloaded provider takes to say so: the refusal waits in the same queue as the work.
pub(crate) const REFUSAL: Duration = Duration::from_millis(60);

/// The pieces of every answer.
pub(crate) const TOKENS: [&str; 4] = ["six", " times", " seven", " is 42"];

/// After how many tokens a stream breaks.
pub(crate) const TOKENS_BEFORE_BREAK: usize = 2;

/// How a provider does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Well,
    /// Answers 529, slowly, with this in `Retry-After`.
    Overloaded {
        retry_after_seconds: u64,
    },
    /// Begins every stream, and then sends an `error` event.
    FailsInStreams,
    /// Begins every stream, and then closes the connection.
    BreaksStreams,
}

/// How a provider says that a tenant sends too much. Each of them says it in one way alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// 429 with `retry-after-ms`.
    RetryAfterMs(Instant),
    /// 429 with `x-ratelimit-reset-requests`, as `6m0s` or `1.2s`.
    ResetRequests(Instant),
    /// 429 whose body says that the quota is used up.
    Quota,
}

/// How often a provider was asked, and by whom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Calls that it answered, whole or in part.
    pub(crate) answered: u64,
    /// Calls that it refused.
    pub(crate) refused: u64,
    /// Calls that came with a key that is not its own, or to a path that is not.
    pub(crate) strays: u64,
}

/// A provider, while it runs. All clones are the same.
#[derive(Clone)]
pub(crate) struct Provider {
    pub(crate) account: Account,
    /// The name of its model, by which an answer tells who gave it.
    pub(crate) model: &'static str,
    state: Arc<State>,
}

struct State {
    model: &'static str,
    authorization: String,
    /// What an answer takes.
    work: Duration,
    mode: Mutex<Mode>,
    limits: Mutex<HashMap<String, Limit>>,
    answered: AtomicU64,
    refused: AtomicU64,
    strays: AtomicU64,
}

impl Provider {
    pub(crate) async fn primary() -> Result<Self, BoxError> {
        let work = Duration::from_millis(5);
        Self::start("primary-model", "/v1", "sk-primary-for-no-one-else", work).await
    }

    /// Somewhat slower: that is why it is not the primary. It serves below another path, as those do that speak
    /// OpenAI's API besides their own.
    pub(crate) async fn standby() -> Result<Self, BoxError> {
        let work = Duration::from_millis(8);
        let path = "/compatible/openai/v1";
        Self::start("standby-model", path, "sk-standby-for-no-one-else", work).await
    }

    async fn start(
        model: &'static str,
        path: &str,
        key: &str,
        work: Duration,
    ) -> Result<Self, BoxError> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let account = Account::new(format!("http://{}{path}", listener.local_addr()?), key)?;
        let state = Arc::new(State {
            model,
            authorization: format!("Bearer {key}"),
            work,
            mode: Mutex::new(Mode::Well),
            limits: Mutex::default(),
            answered: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            strays: AtomicU64::new(0),
        });
        let app = Router::new()
            .route(&format!("{path}/chat/completions"), post(answer::complete))
            .fallback(answer::not_here)
            .with_state(Arc::clone(&state));
        tokio::spawn(async move { axum::serve(listener, app).await as io::Result<()> });
        Ok(Self {
            account,
            model,
            state,
        })
    }

    pub(crate) fn set(&self, mode: Mode) {
        *self
            .state
            .mode
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = mode;
    }

    /// Limits one tenant, and nobody else.
    pub(crate) fn limit(&self, tenant: &str, limit: Limit) {
        self.state.limits().insert(tenant.to_owned(), limit);
    }

    pub(crate) fn lift_limit(&self, tenant: &str) {
        self.state.limits().remove(tenant);
    }

    pub(crate) fn counts(&self) -> Counts {
        let [answered, refused, strays] = [
            &self.state.answered,
            &self.state.refused,
            &self.state.strays,
        ]
        .map(|count| count.load(Ordering::Relaxed));
        Counts {
            answered,
            refused,
            strays,
        }
    }
}

impl Counts {
    /// The calls that reached it.
    pub(crate) const fn asked(&self) -> u64 {
        self.answered + self.refused + self.strays
    }
}

impl State {
    fn mode(&self) -> Mode {
        *self.mode.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn limits(&self) -> std::sync::MutexGuard<'_, HashMap<String, Limit>> {
        self.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
