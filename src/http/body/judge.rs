use std::fmt;

use ::http::HeaderMap;
use ::http::response::Parts;

use crate::Outcome;

/// Judges what comes after a good head. One for each response, cloned from the layer's own.
///
/// `D` is the data of a frame, mostly `bytes::Bytes`, and `E` the body's error. Each method has a default, which says
/// that nothing but an error is bad. A verdict settles the call at once; the rest of the body passes unobserved.
///
/// A panic in here is the judge's own: it reaches whoever polls the body, and the call counts as
/// [`Outcome::Ignored`].
///
/// ```
/// use tower_tenant_breaker::Outcome;
/// use tower_tenant_breaker::http::body::JudgeBody;
///
/// /// A download that must not fall short, whatever its server says of its length.
/// #[derive(Clone, Default)]
/// struct AtLeast { bytes: usize, seen: usize }
///
/// impl<D: AsRef<[u8]>, E> JudgeBody<D, E> for AtLeast {
///     fn data(&mut self, data: &D) -> Option<Outcome> {
///         self.seen += data.as_ref().len();
///         None
///     }
///
///     fn end(&mut self) -> Outcome {
///         if self.seen < self.bytes { Outcome::failure() } else { Outcome::Success }
///     }
/// }
/// ```
pub trait JudgeBody<D, E> {
    /// The head that the body belongs to, which the classifier called a success.
    fn head(&mut self, head: &Parts) {
        let _ = head;
    }

    /// Some data. A verdict settles the call; `None` waits for more.
    fn data(&mut self, data: &D) -> Option<Outcome> {
        let _ = data;
        None
    }

    /// Whether what has come so far is what latency is measured to: the first data, or the first that matters.
    ///
    /// Asked after [`data`](Self::data) where there was some, until it is so.
    /// [`SettleAt::FirstData`](super::SettleAt::FirstData) settles the call then, and
    /// [`SettleAt::EndTimedAtFirstData`](super::SettleAt::EndTimedAtFirstData) stops the clock. By default any data will
    /// do; a judge that knows of greetings and of keep-alives that say nothing yet can wait for more.
    fn has_begun(&self) -> bool {
        true
    }

    /// The trailers. A verdict settles the call; `None` leaves it to [`end`](Self::end).
    ///
    /// Not asked where the body is over before: a body that has the length that was promised is, unless it is gRPC's.
    fn trailers(&mut self, trailers: &HeaderMap) -> Option<Outcome> {
        let _ = trailers;
        None
    }

    /// The body broke off with this error.
    fn error(&mut self, error: &E) -> Outcome {
        let _ = error;
        Outcome::failure()
    }

    /// The body is at its end, and nothing was said so far.
    fn end(&mut self) -> Outcome {
        Outcome::Success
    }
}

/// A closure over a frame's data; made by [`JudgeData::new`].
///
/// ```
/// use bytes::Bytes;
/// use tower_tenant_breaker::Outcome;
/// use tower_tenant_breaker::http::body::JudgeData;
///
/// let judge = JudgeData::new(|data: &Bytes| data.starts_with(b"ERROR").then(Outcome::failure));
/// ```
#[derive(Clone, Copy)]
pub struct JudgeData<F> {
    judge: F,
}

impl<F> JudgeData<F> {
    /// Asks this closure of every frame with data. Where an answer is split into frames is chance: see
    /// [`SseJudge`](crate::http::body::SseJudge) for one that knows where events begin.
    pub const fn new<D>(judge: F) -> Self
    where
        F: Fn(&D) -> Option<Outcome>,
    {
        Self { judge }
    }
}

impl<D, E, F> JudgeBody<D, E> for JudgeData<F>
where
    F: Fn(&D) -> Option<Outcome>,
{
    fn data(&mut self, data: &D) -> Option<Outcome> {
        (self.judge)(data)
    }
}

// By hand: closures have no `Debug`.
impl<F> fmt::Debug for JudgeData<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JudgeData")
    }
}
