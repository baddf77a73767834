//! When the outcome of an admitted call is settled: with the response, or by what comes after its head.

use crate::{Outcome, Permit};

/// When a call's outcome is settled. Sealed: [`AtHead`], and with feature `http` what `observe_body` makes.
///
/// Only a response that the classifier calls a success is left to it: what is bad at the head stays so.
pub trait Settle<Req, Res>: sealed::Sealed {
    /// What is remembered of the request while the inner service has it.
    type Begun;
    /// What the service answers with.
    type Response;

    /// Remembers of a request what the settling of its response will need.
    #[doc(hidden)]
    fn begin(&self, req: &Req) -> Self::Begun;

    /// Takes over an admitted call whose response is there: records its outcome, or takes the permit.
    #[doc(hidden)]
    fn settle(begun: Self::Begun, response: Res, permit: &mut Permit) -> Self::Response;

    /// The same for a response that no circuit waits for.
    #[doc(hidden)]
    fn pass(response: Res) -> Self::Response;
}

/// The outcome is settled with the response, or with its head where it has a body. The default.
#[derive(Clone, Copy, Debug, Default)]
pub struct AtHead;

impl<Req, Res> Settle<Req, Res> for AtHead {
    type Begun = ();
    type Response = Res;

    #[inline]
    fn begin(&self, _req: &Req) {}

    // Always: called, it would copy the response, which takes 29 instructions for one of HTTP.
    #[inline(always)]
    fn settle((): (), response: Res, permit: &mut Permit) -> Res {
        permit.record_in_place(Outcome::Success);
        response
    }

    #[inline]
    fn pass(response: Res) -> Res {
        response
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::AtHead {}
    impl<T> Sealed for crate::span::OnSpan<T> {}
    #[cfg(feature = "http")]
    impl<J> Sealed for crate::http::body::ObserveBody<J> {}
}
