//! Which requests may find out whether a dependency is back.

use std::fmt;

use crate::Probing;

/// Says of a request whether it may be a probe. Sealed: [`Always`] and closures, through
/// [`probe_if`](crate::TenantCircuitBreakerLayer::probe_if).
pub trait ProbeIf<Req>: sealed::Sealed {
    /// Whether this request may be a probe.
    fn probing(&self, req: &Req) -> Probing;
}

/// Every request may be a probe. The default.
#[derive(Clone, Copy, Debug, Default)]
pub struct Always;

impl<Req> ProbeIf<Req> for Always {
    fn probing(&self, _req: &Req) -> Probing {
        Probing::Yes
    }
}

/// What the closure says; made by [`probe_if`](crate::TenantCircuitBreakerLayer::probe_if).
#[derive(Clone, Copy)]
pub struct ProbeFn<F>(pub(crate) F);

impl<Req, F, R> ProbeIf<Req> for ProbeFn<F>
where
    F: Fn(&Req) -> R,
    R: Into<Probing>,
{
    fn probing(&self, req: &Req) -> Probing {
        (self.0)(req).into()
    }
}

impl<F> fmt::Debug for ProbeFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProbeFn")
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Always {}
    impl<P> Sealed for crate::span::Lent<'_, P> {}
    impl<F> Sealed for super::ProbeFn<F> {}
    #[cfg(feature = "agent")]
    impl Sealed for crate::agent::OfCall {}
}
