//! seatbelt, which is keyed: `breaker_id` with the tenant as a `String`.
//!
//! Ours is the `String`: an id that is borrowed from a request must be owned to become a `BreakerId`, of which
//! `From<String>` and `From<&'static str>` exist. (Here the ids happen to be static. Those of requests are not.)

use std::future::Future;
use std::sync::LazyLock;

use layered::{Execute, Service, Stack};
use seatbelt::breaker::{Breaker as Seatbelt, BreakerId};
use seatbelt::{RecoveryInfo, ResilienceContext};
use tick::Clock;
use tokio::runtime::{Builder, Runtime};

use super::About;
use crate::breaker::{Breaker, Trips};
use crate::call::{Answer, Call, Failed};

pub(super) const ABOUT: About = About {
    name: "seatbelt {}",
    packages: &["seatbelt"],
    percentile: "no",
};

/// Where the clock's timers would run. A breaker has none.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let runtime = Builder::new_current_thread().enable_time().build();
    runtime.expect("a runtime without threads")
});

/// What a call ends with.
#[derive(Debug)]
pub enum Refused {
    Rejected,
    Failed(Failed),
}

#[derive(Clone)]
struct ById<S>(S);

pub(super) fn make(trips: Trips) -> impl Breaker {
    let _within = RUNTIME.enter();
    let context = ResilienceContext::new(Clock::new_tokio());
    let layer = Seatbelt::layer("breaker", &context)
        .recovery_with(|result: &Result<u32, Refused>, _| match result {
            Ok(_) => RecoveryInfo::never(),
            Err(_) => RecoveryInfo::retry(),
        })
        .rejected_input_error(|_: Call, _| Refused::Rejected)
        .breaker_id(|call: &Call| BreakerId::from(call.tenant.to_owned()));
    let layer = match trips {
        Trips::ByDefault => layer,
        Trips::AtOnce(period) => layer.min_throughput(1).break_duration(period),
    };
    let inner =
        Execute::new(|call: Call| async move { call.answer.await.map_err(Refused::Failed) });
    ById((layer, inner).into_service())
}

impl<S> Breaker for ById<S>
where
    S: Service<Call, Out = Result<u32, Refused>> + Clone,
{
    type Error = Refused;

    fn call(
        &mut self,
        tenant: &'static str,
        answer: Answer,
    ) -> impl Future<Output = Result<u32, Refused>> {
        self.0.execute(Call { tenant, answer })
    }

    fn is_rejected(result: &Result<u32, Refused>) -> bool {
        matches!(result, Err(Refused::Rejected))
    }
}
