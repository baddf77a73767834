//! One synthetic probe, from its permit to its outcome.

use std::future::Future;
use std::pin::{Pin, pin};
use std::time::Duration;

use tokio::time::timeout;

use super::ProbeTarget;
use crate::circuit::Claim;
use crate::event::{Text, say};
use crate::{Classify, Outcome, Permit};

/// How the dependency is asked.
pub(super) trait Ask: Fn(Begun) -> Asking + Send + 'static {}

impl<F: Fn(Begun) -> Asking + Send + 'static> Ask for F {}

pub(super) type Asking = Pin<Box<dyn Future<Output = Ended> + Send>>;

/// A probe that was admitted.
pub(super) struct Begun {
    pub(super) claim: Claim,
    pub(super) permit: Permit,
    pub(super) timeout: Duration,
}

/// A probe whose outcome was recorded.
pub(super) struct Ended {
    pub(super) claim: Claim,
    pub(super) outcome: Outcome,
}

impl Begun {
    pub(super) fn target(&self) -> ProbeTarget {
        let circuit = self.claim.circuit();
        ProbeTarget::of(&circuit.context.name, circuit.tenant())
    }

    /// Asks, and records what the classifier makes of the answer.
    pub(super) async fn run<T, E, F, C>(self, classify: C, asked: F) -> Ended
    where
        F: Future<Output = Result<T, E>>,
        C: Classify<T, E>,
    {
        // In this order, so that an aborted probe drops its request first, and the claim last.
        let Self {
            claim,
            mut permit,
            timeout: limit,
        } = self;
        let mut asked = pin!(asked);
        say(|| {
            let circuit = claim.circuit();
            tracing::trace!(
                dependency = Text::new(&*circuit.context.name).as_value(),
                tenant.id = Text::new(circuit.tenant()).as_value(),
                "a prober probes"
            );
        });
        let judged = timeout(limit, permit.judge(&classify, asked.as_mut())).await;
        let outcome = match &judged {
            Ok((_, outcome)) => *outcome,
            Err(_) => Outcome::failure(),
        };
        permit.record(outcome);
        Ended { claim, outcome }
    }
}
