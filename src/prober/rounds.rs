//! The task of a prober: looks at intervals, and sees its probes to their end.

use std::future::{Future, poll_fn};
use std::mem;
use std::pin::Pin;
use std::task::Poll;

use tokio::sync::oneshot::Receiver;
use tokio::sync::oneshot::error::TryRecvError;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, Sleep};

use super::builder::Pace;
use super::most_wanted::most_wanted;
use super::probe::{Ask, Begun, Ended};
use super::seat::Seat;
use crate::caught::{caught, drop_payload};
use crate::circuit::{Circuit, Claim, OutageDemand};
use crate::dependency::Inner;
use crate::event::{Text, say};
use crate::sync::{Arc, Relaxed, Weak};
use crate::{CircuitState, Dependency, Outcome, Permit};

pub(super) struct Rounds {
    /// Held by nothing of ours between two looks, so that it goes when its owners let it go.
    pub(super) dependency: Weak<Inner>,
    pub(super) name: Arc<str>,
    pub(super) pace: Pace,
    pub(super) ask: Box<dyn Ask>,
    /// Aborted when it is dropped, and so when this task is.
    pub(super) in_the_air: JoinSet<Ended>,
    /// The rejected calls of tenants without a circuit, as of the last look.
    pub(super) newcomers: u64,
    /// Whether there were any in this outage since its last probe.
    pub(super) by_newcomers: bool,
    pub(super) said_panicked: bool,
    pub(super) _seat: Seat,
}

enum Woken {
    /// By the end of the dependency, or by who stops the prober.
    Over,
    Ended(Result<Ended, JoinError>),
    Due,
}

/// What a look has found.
struct Found {
    wanted: Vec<Circuit>,
    in_outage: bool,
}

impl Rounds {
    pub(super) async fn run(
        mut self,
        mut due: Pin<Box<Sleep>>,
        mut gone: Receiver<()>,
        mut stop: Receiver<()>,
    ) {
        loop {
            let woken = poll_fn(|cx| {
                // Of both, the sender is dropped.
                if Pin::new(&mut gone).poll(cx).is_ready()
                    || Pin::new(&mut stop).poll(cx).is_ready()
                {
                    return Poll::Ready(Woken::Over);
                }
                if let Poll::Ready(Some(ended)) = self.in_the_air.poll_join_next(cx) {
                    return Poll::Ready(Woken::Ended(ended));
                }
                due.as_mut().poll(cx).map(|()| Woken::Due)
            });
            match woken.await {
                Woken::Over => break,
                Woken::Ended(ended) => self.go_on(ended),
                Woken::Due => {
                    let found = self.look().await;
                    // Others ran meanwhile, and one of them may have stopped it or let the dependency go.
                    if is_over(&mut gone) || is_over(&mut stop) {
                        break;
                    }
                    if let Some(found) = found {
                        self.take_on(found);
                    }
                    due.as_mut().reset(Instant::now() + self.pace.wait());
                }
            }
        }
        self.in_the_air.shutdown().await;
    }

    /// The most wanted circuits, as many as there is room for.
    async fn look(&mut self) -> Option<Found> {
        let dependency = Dependency {
            inner: self.dependency.upgrade()?,
        };
        let room = self.pace.concurrency - self.in_the_air.len();
        let outage = self.whom_to_ask_for(&dependency)?;
        if room == 0 {
            return None;
        }
        Some(Found {
            wanted: most_wanted(&dependency, room, outage).await,
            in_outage: outage.is_some(),
        })
    }

    fn take_on(&mut self, found: Found) {
        let Found { wanted, in_outage } = found;
        let mut probes = 0_usize;
        for circuit in wanted {
            let Some(mut claim) = circuit.claim() else {
                continue;
            };
            if let Some(permit) = claim.probe() {
                self.begin(claim, permit);
                probes += 1;
            }
        }
        if probes > 0 {
            self.by_newcomers = false;
            say(|| {
                tracing::debug!(
                    dependency = Text::new(&*self.name).as_value(),
                    probes,
                    in_the_air = self.in_the_air.len(),
                    in_outage,
                    "a prober's round"
                );
            });
        }
    }

    /// The outage in which to ask, or none where circuits are asked for on their own; nothing where there is nothing
    /// to ask.
    fn whom_to_ask_for(&mut self, dependency: &Dependency) -> Option<Option<OutageDemand>> {
        let context = dependency.context();
        let now = context.now();
        let newcomers = context.counts.rejected.load(Relaxed);
        let more = newcomers > self.newcomers;
        self.newcomers = newcomers;
        let outage = context.outage(now);
        let Some(outage) = outage.filter(|outage| outage.state() != CircuitState::Closed) else {
            self.by_newcomers = false;
            return (context.live() != (0, 0)).then_some(None);
        };
        self.by_newcomers |= more;
        let since = outage.outage_since(now)?;
        Some(Some(OutageDemand {
            since,
            by_newcomers: self.by_newcomers,
        }))
    }

    fn begin(&mut self, claim: Claim, permit: Permit) {
        let begun = Begun {
            claim,
            permit,
            timeout: self.pace.timeout,
        };
        match caught(|| (self.ask)(begun)) {
            Some(asking) => _ = self.in_the_air.spawn(asking),
            None => self.say_panicked(),
        }
    }

    /// After a success that has left its circuit half-open, the next probe of that follows.
    fn go_on(&mut self, ended: Result<Ended, JoinError>) {
        match ended {
            Ok(mut ended) if ended.outcome == Outcome::Success => {
                if let Some(permit) = ended.claim.probe_again() {
                    self.begin(ended.claim, permit);
                }
            }
            Ok(_) => {}
            Err(error) => {
                if let Ok(payload) = error.try_into_panic() {
                    drop_payload(payload);
                    self.say_panicked();
                }
            }
        }
    }

    fn say_panicked(&mut self) {
        if !mem::replace(&mut self.said_panicked, true) {
            say(|| {
                tracing::error!(
                    dependency = Text::new(&*self.name).as_value(),
                    "a probe of a prober panicked; said once"
                );
            });
        }
    }
}

/// Whether the sender is dropped. Where it is, the receiver is not to be polled any more.
fn is_over(end: &mut Receiver<()>) -> bool {
    end.try_recv() == Err(TryRecvError::Closed)
}
