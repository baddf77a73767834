use std::fmt;
use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use siphasher::sip::SipHasher13;
use tokio::task::futures::TaskLocalFuture;

tokio::task_local! {
    static TURN: Turn;
}

/// A piece of work of a tenant, such as one turn of an agent's conversation, that may make many calls.
///
/// Impact counts how many turns were affected, where calls say to which they belong: those that are made and end within
/// [`Turn::scope`], or below a [`TurnLayer`](crate::impact::TurnLayer).
///
/// ```
/// use tower_tenant_breaker::CircuitBreakerRegistry;
/// use tower_tenant_breaker::impact::{ImpactPolicy, Turn};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), tower::BoxError> {
/// let registry = CircuitBreakerRegistry::builder().impact(ImpactPolicy::default()).build()?;
/// let search = registry.dependency("search")?;
/// let down = async || Err::<u32, _>(std::io::Error::other("down"));
///
/// let turn = async {
///     let _ = search.call("acme", down()).await;
///     let _ = search.call("acme", down()).await;
/// };
/// Turn::scope("turn 17", turn).await;
///
/// let report = registry.impact();
/// assert_eq!(report.rows()[0].counts.failed, 2);
/// assert_eq!(report.rows()[0].counts.turns.to_string(), "1");
/// # Ok(())
/// # }
/// ```
///
/// # The id is not kept
///
/// An id may come from a request, so nothing is kept of it but a hash of 64 bits, SipHash-1-3 under a random key of this
/// process, and that is never shown. Two turns whose hashes are equal are counted as one: among a thousand turns of a
/// row, once in 10¹³ rows, and by nobody's choice, since the key is secret.
///
/// # Where the turn is read
///
/// When a call ends badly, is rejected, or is served by a fallback: in the task that does so. As with
/// [`TaskTenant`](crate::TaskTenant), a turn does not follow the work into another task; take it along with
/// [`Turn::current`]. The body of a response that is observed ends where it is read, so it has to be read in the scope.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Turn {
    pub(super) hash: u64,
}

impl Turn {
    /// The turn of this id, of any bytes and any length. The same id is the same turn.
    ///
    /// ```
    /// use tower_tenant_breaker::impact::Turn;
    ///
    /// assert_eq!(Turn::new("17"), Turn::new(b"17"));
    /// assert_ne!(Turn::new("17"), Turn::new("18"));
    /// ```
    #[must_use]
    pub fn new(id: impl AsRef<[u8]>) -> Self {
        static HASHER: OnceLock<SipHasher13> = OnceLock::new();
        let hasher = HASHER.get_or_init(|| {
            let random = RandomState::new();
            SipHasher13::new_with_keys(random.hash_one(0_u8), random.hash_one(1_u8))
        });
        let hash = hasher.hash(id.as_ref());
        Self { hash }
    }

    /// Runs a future as this turn. The innermost scope wins.
    ///
    /// ```
    /// use tower_tenant_breaker::impact::Turn;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let turn = Turn::new("17");
    /// Turn::scope(turn, async {
    ///     assert_eq!(Turn::current(), Some(turn));
    ///     Turn::scope("18", async { assert_eq!(Turn::current(), Some("18".into())) }).await;
    /// })
    /// .await;
    /// assert_eq!(Turn::current(), None);
    /// # }
    /// ```
    ///
    /// # Cancel safety
    ///
    /// Dropping the scope drops the future in it, which still sees the turn while it is dropped.
    pub fn scope<F>(turn: impl Into<Self>, future: F) -> TurnScope<F>
    where
        F: Future,
    {
        let scope = TURN.scope(turn.into(), future);
        TurnScope { scope }
    }

    /// The turn of the running task; `None` outside of any scope.
    ///
    /// ```
    /// use tower_tenant_breaker::impact::Turn;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), tokio::task::JoinError> {
    /// Turn::scope("17", async {
    ///     let Some(turn) = Turn::current() else { return Ok(()) };
    ///     tokio::spawn(Turn::scope(turn, async { /* .. the same turn, in another task .. */ })).await
    /// })
    /// .await
    /// # }
    /// ```
    #[must_use]
    pub fn current() -> Option<Self> {
        TURN.try_get().ok()
    }

    /// Runs a closure as this turn.
    pub(super) fn within<T>(self, run: impl FnOnce() -> T) -> T {
        TURN.sync_scope(self, run)
    }
}

impl<T> From<&T> for Turn
where
    T: AsRef<[u8]> + ?Sized,
{
    fn from(id: &T) -> Self {
        Self::new(id)
    }
}

impl From<String> for Turn {
    fn from(id: String) -> Self {
        Self::new(id)
    }
}

impl From<u64> for Turn {
    fn from(id: u64) -> Self {
        Self::new(id.to_le_bytes())
    }
}

impl From<u128> for Turn {
    fn from(id: u128) -> Self {
        Self::new(id.to_le_bytes())
    }
}

// By hand: a log needs no way to tell turns apart.
impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn").finish_non_exhaustive()
    }
}

pin_project! {
    /// A future that runs as one turn; made by [`Turn::scope`].
    #[must_use = "futures do nothing unless polled"]
    pub struct TurnScope<F> {
        #[pin]
        scope: TaskLocalFuture<Turn, F>,
    }
}

impl<F> Future for TurnScope<F>
where
    F: Future,
{
    type Output = F::Output;

    /// # Panics
    ///
    /// As the future inside does; and, as most futures do, when it is polled once more after it is
    /// done.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().scope.poll(cx)
    }
}

// By hand, because the future inside need not be `Debug`.
impl<F> fmt::Debug for TurnScope<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TurnScope").finish_non_exhaustive()
    }
}
