use std::fmt;
use std::future::Future;

use tower::BoxError;

use super::{NoneAdmitted, Served};
use crate::answer::NoFallback;

/// Why no provider served a call: what the last resort is told.
#[derive(Debug)]
pub enum Unserved<Res> {
    /// Every circuit rejected the call, and no provider was asked.
    Rejected(NoneAdmitted),
    /// The provider that was asked last gave an error.
    Failed(BoxError),
    /// The provider that was asked last answered, and the classifier calls the answer a failure or
    /// throttled. It is handed over, for who has nothing better to give.
    Answered(Served<Res>),
}

impl<Res> Unserved<Res> {
    /// What the call comes to without a last resort.
    ///
    /// # Errors
    ///
    /// [`NoneAdmitted`], or the provider's error.
    pub fn into_result(self) -> Result<Served<Res>, BoxError> {
        match self {
            Self::Rejected(none) => Err(none.into()),
            Self::Failed(error) => Err(error),
            Self::Answered(served) => Ok(served),
        }
    }
}

/// Answers what no provider served. Sealed: [`NoLastResort`], [`AnswerLast`] and [`AnswerLastKeeping`].
pub trait LastResort<Req, Res>: sealed::Sealed {
    /// Whether it is given the request itself, and so a copy of those that were sent.
    const TAKES_REQUEST: bool;
    /// What it keeps of every request.
    type Kept;
    /// Its answer's future.
    type Future: Future<Output = Result<Res, BoxError>>;

    /// Keeps what it will need.
    fn keep(&self, req: &Req) -> Self::Kept;

    /// Begins to answer. The reason comes back where it cannot.
    fn answer(
        &self,
        req: Option<Req>,
        kept: Self::Kept,
        why: Unserved<Res>,
    ) -> Result<Self::Future, Unserved<Res>>;
}

/// There is none: the caller gets what the call came to. The default.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoLastResort;

impl<Req, Res> LastResort<Req, Res> for NoLastResort {
    const TAKES_REQUEST: bool = false;
    type Kept = ();
    type Future = NoFallback<Res>;

    fn keep(&self, _req: &Req) {}

    fn answer(
        &self,
        _req: Option<Req>,
        (): (),
        why: Unserved<Res>,
    ) -> Result<NoFallback<Res>, Unserved<Res>> {
        Err(why)
    }
}

/// Answers with the request at hand; made by
/// [`last_resort`](crate::FailoverBuilder::last_resort).
#[derive(Clone, Copy)]
pub struct AnswerLast<F>(pub(super) F);

impl<Req, Res, F, Fut> LastResort<Req, Res> for AnswerLast<F>
where
    F: Fn(Req, Unserved<Res>) -> Fut,
    Fut: Future<Output = Result<Res, BoxError>>,
{
    const TAKES_REQUEST: bool = true;
    type Kept = ();
    type Future = Fut;

    fn keep(&self, _req: &Req) {}

    fn answer(&self, req: Option<Req>, (): (), why: Unserved<Res>) -> Result<Fut, Unserved<Res>> {
        match req {
            Some(req) => Ok((self.0)(req, why)),
            // It was sent, and must not be used again.
            None => Err(why),
        }
    }
}

/// Answers with what was kept of the request; made by
/// [`last_resort_keeping`](crate::FailoverBuilder::last_resort_keeping).
#[derive(Clone, Copy)]
pub struct AnswerLastKeeping<K, F> {
    pub(super) keep: K,
    pub(super) answer: F,
}

impl<Req, Res, K, Kept, F, Fut> LastResort<Req, Res> for AnswerLastKeeping<K, F>
where
    K: Fn(&Req) -> Kept,
    F: Fn(Kept, Unserved<Res>) -> Fut,
    Fut: Future<Output = Result<Res, BoxError>>,
{
    const TAKES_REQUEST: bool = false;
    type Kept = Kept;
    type Future = Fut;

    fn keep(&self, req: &Req) -> Kept {
        (self.keep)(req)
    }

    fn answer(
        &self,
        _req: Option<Req>,
        kept: Kept,
        why: Unserved<Res>,
    ) -> Result<Fut, Unserved<Res>> {
        Ok((self.answer)(kept, why))
    }
}

impl<F> fmt::Debug for AnswerLast<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnswerLast")
    }
}

impl<K, F> fmt::Debug for AnswerLastKeeping<K, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnswerLastKeeping")
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::NoLastResort {}
    impl<F> Sealed for super::AnswerLast<F> {}
    impl<K, F> Sealed for super::AnswerLastKeeping<K, F> {}
}

#[cfg(test)]
mod tests {
    use super::{AnswerLast, AnswerLastKeeping};

    #[test]
    fn a_last_resort_shows_its_name_and_nothing_of_a_closure() {
        let keeping = AnswerLastKeeping {
            keep: (),
            answer: (),
        };
        assert_eq!(format!("{keeping:?}"), "AnswerLastKeeping");
        assert_eq!(format!("{:?}", AnswerLast(())), "AnswerLast");
    }
}
