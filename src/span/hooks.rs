//! The parts of a layer as a call with a span has them: each does its own work, and says on the span what it has seen.

use std::borrow::Cow;

use tower::BoxError;

use super::CallSpan;
use crate::answer::{Answer, Cause, OnError, OnRejection};
use crate::probe::ProbeIf;
use crate::settle::{AtHead, Settle};
use crate::{
    CircuitOpen, Classify, Dependency, MissingTenant, Outcome, Permit, Probing, SelectDependency,
    Tenant, TenantCircuitBreakerLayer, TenantExtractor, UnknownDependency,
};

/// A part that the call takes along.
#[derive(Clone, Debug)]
pub struct OnSpan<X> {
    pub(crate) part: X,
    pub(crate) span: CallSpan,
}

/// A part that is only asked whether the call may pass.
#[derive(Debug)]
pub(crate) struct Lent<'a, X> {
    part: &'a X,
    span: &'a CallSpan,
}

/// The layer of a single call.
pub(super) type OfCall<'a, D, E, C, O, G, P, T> = TenantCircuitBreakerLayer<
    Lent<'a, D>,
    Lent<'a, E>,
    OnSpan<C>,
    OnSpan<O>,
    OnSpan<G>,
    Lent<'a, P>,
    OnSpan<T>,
>;

pub(super) fn of_call<'a, D, E, C, O, G, P, T>(
    layer: &'a TenantCircuitBreakerLayer<D, E, C, O, G, P, T>,
    span: &'a CallSpan,
) -> OfCall<'a, D, E, C, O, G, P, T>
where
    C: Clone,
    O: Clone,
    G: Clone,
    T: Clone,
{
    TenantCircuitBreakerLayer {
        dependency: Lent::new(&layer.dependency, span),
        extractor: Lent::new(&layer.extractor, span),
        classify: OnSpan::new(&layer.classify, span),
        on_rejection: OnSpan::new(&layer.on_rejection, span),
        on_error: OnSpan::new(&layer.on_error, span),
        probe_if: Lent::new(&layer.probe_if, span),
        on_missing_tenant: layer.on_missing_tenant,
        settle: OnSpan::new(&layer.settle, span),
    }
}

impl<X: Clone> OnSpan<X> {
    fn new(part: &X, span: &CallSpan) -> Self {
        let (part, span) = (part.clone(), span.clone());
        Self { part, span }
    }
}

impl<'a, X> Lent<'a, X> {
    const fn new(part: &'a X, span: &'a CallSpan) -> Self {
        Self { part, span }
    }
}

impl<Req, D: SelectDependency<Req>> SelectDependency<Req> for Lent<'_, D> {
    fn select<'a>(&'a self, req: &Req) -> Result<Cow<'a, Dependency>, UnknownDependency> {
        let selected = self.part.select(req);
        if let Ok(dependency) = &selected {
            self.span.of_dependency(dependency.name());
        }
        selected
    }
}

impl<Req, E: TenantExtractor<Req>> TenantExtractor<Req> for Lent<'_, E> {
    fn extract<'a>(&self, req: &'a Req) -> Result<Tenant<'a>, MissingTenant> {
        let extracted = self.part.extract(req);
        if let Ok(tenant) = &extracted {
            self.span.of_tenant(tenant.as_str());
        }
        extracted
    }
}

impl<Req, P: ProbeIf<Req>> ProbeIf<Req> for Lent<'_, P> {
    fn probing(&self, req: &Req) -> Probing {
        self.part.probing(req)
    }
}

impl<Res, Err, C: Classify<Res, Err>> Classify<Res, Err> for OnSpan<C> {
    fn classify(&self, result: Result<&Res, &Err>) -> Outcome {
        self.span.hook();
        let is_response = result.is_ok();
        let outcome = self.part.classify(result);
        // What becomes of a response that is good so far is for `Settle` to say.
        if !(is_response && outcome == Outcome::Success) {
            self.span.ended(outcome);
        }
        outcome
    }
}

impl<Req, Res, O: OnRejection<Req, Res>> OnRejection<Req, Res> for OnSpan<O> {
    type Error = O::Error;
    type Kept = O::Kept;
    type Credit = O::Credit;
    type Future = O::Future;

    fn keep(&self, req: &Req) -> O::Kept {
        self.span.hook();
        self.part.keep(req)
    }

    fn rejected(&self, req: Req, open: CircuitOpen) -> Answer<Res, O::Error, O::Future> {
        self.span.rejected(&open);
        self.part.rejected(req, open)
    }

    fn failed(&self, kept: O::Kept, cause: Cause<Res>) -> Result<O::Future, Cause<Res>> {
        self.part.failed(kept, cause)
    }
}

impl<Res, Rejected, G: OnError<Res, Rejected>> OnError<Res, Rejected> for OnSpan<G> {
    type Error = G::Error;

    fn answer(&self, error: BoxError) -> Result<Res, G::Error> {
        self.span.refused();
        self.part.answer(error)
    }

    fn rejected(rejected: Rejected) -> G::Error {
        G::rejected(rejected)
    }
}

impl<Req, Res> Settle<Req, Res> for OnSpan<AtHead> {
    type Begun = CallSpan;
    type Response = Res;

    fn begin(&self, _req: &Req) -> CallSpan {
        self.span.admitted();
        self.span.clone()
    }

    fn settle(span: CallSpan, response: Res, permit: &mut Permit) -> Res {
        span.ended(Outcome::Success);
        permit.record_in_place(Outcome::Success);
        response
    }

    fn pass(response: Res) -> Res {
        response
    }
}
