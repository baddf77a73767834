use crate::Outcome;

/// Who hears of what a body does besides the circuit: nobody, or the span of its call.
#[doc(hidden)]
pub trait Beside {
    /// Runs code of the body.
    #[inline]
    fn within<R>(&self, run: impl FnOnce() -> R) -> R {
        run()
    }

    /// A judge runs from now on.
    #[inline]
    fn hook(&self) {}

    /// Nothing is decided yet.
    #[inline]
    fn wait(&self) {}

    /// It is settled, and the circuit is told.
    #[inline]
    fn settle(&self, _outcome: Outcome, tell: impl FnOnce()) {
        tell();
    }
}

/// Nobody.
impl Beside for () {}
