//! A history in which crate and model once differed, as it was found.
//!
//! As values, since a seed stands for another history once what is drawn from it has changed.

use tower_tenant_breaker::{CircuitState, Override, Probing};

use super::super::history::End;
use super::super::overrides::Level;
use super::super::rules::{CountAndRate, Latency, Rules};
use super::history::{Step, Wait};
use super::{OutageRules, Setting};

#[rustfmt::skip]
pub(crate) fn history() -> (Setting, Vec<Step>) {
    (Setting { rules: Rules { window: 10000000,
        count_and_rate: Some(CountAndRate { failures: 2, rate: 0.5, min_calls: 7 }), consecutive: Some(1),
        latency: vec![Latency { quantile: 0.5, threshold: 1000000, min_calls: 5 },
        Latency { quantile: 0.99, threshold: 12000000, min_calls: 4 },
        Latency { quantile: 0.95, threshold: 300000, min_calls: 4 },
        Latency { quantile: 0.3, threshold: 3000000, min_calls: 3 }],
        digits: 3, first_period: 400000, longest_period: 400000, multiplier: 1.0,
        places: 1, successes: 3, hint_cap: 0, trip_on_hint: false, abandoned_run: 0, lease: Some(500000),
        initial: CircuitState::Closed, max_in_flight: None, ramp: None },
        outage: OutageRules { min_tenants: 3, min_share: 0.2, newcomers: false, first_period: 10000000, longest_period: 10000000 },
        room: 9 }, vec![Step::End { which: 2827022554824878830, end: End::Success },
        Step::Calls { first: 15, tenants: 4, calls: 5, end: End::Failure(None) },
        Step::End { which: 10240978757800057603, end: End::Ignored }, Step::Acquire(19, Probing::Yes), Step::Open(9),
        Step::Calls { first: 15, tenants: 4, calls: 2, end: End::Failure(Some(7)) },
        Step::Calls { first: 15, tenants: 17, calls: 1, end: End::Success }, Step::Wait(Wait::Tenths(12)),
        Step::Calls { first: 10, tenants: 4, calls: 2, end: End::Failure(None) },
        Step::Calls { first: 18, tenants: 1, calls: 3, end: End::Failure(None) },
        Step::Wait(Wait::Slots { slots: 65536, off: 0 }), Step::Acquire(11, Probing::Yes),
        Step::Calls { first: 18, tenants: 3, calls: 1, end: End::Success }, Step::Reset(17),
        Step::Acquire(7, Probing::Yes), Step::Calls { first: 13, tenants: 10, calls: 2, end: End::Cancelled },
        Step::Calls { first: 13, tenants: 7, calls: 6, end: End::Failure(None) },
        Step::Calls { first: 14, tenants: 3, calls: 2, end: End::Failure(None) },
        Step::Calls { first: 15, tenants: 10, calls: 2, end: End::Failure(Some(150)) }, Step::ResetAll,
        Step::End { which: 4762312398937095921, end: End::Success }, Step::Wait(Wait::Tenths(8)),
        Step::Calls { first: 6, tenants: 2, calls: 3, end: End::Failure(None) },
        Step::Calls { first: 2, tenants: 3, calls: 2, end: End::Success }, Step::Acquire(2, Probing::Yes),
        Step::Calls { first: 12, tenants: 18, calls: 1, end: End::Success }, Step::ResetAll,
        Step::Calls { first: 12, tenants: 14, calls: 2, end: End::Failure(None) },
        Step::Calls { first: 10, tenants: 17, calls: 1, end: End::Success }, Step::Wait(Wait::Tenths(6)),
        Step::Acquire(19, Probing::IfNoneElse), Step::Clear(Level::Circuit, 0),
        Step::End { which: 10455430902561319075, end: End::Cancelled },
        Step::Calls { first: 5, tenants: 11, calls: 2, end: End::Success },
        Step::Calls { first: 7, tenants: 5, calls: 2, end: End::Cancelled },
        Step::Calls { first: 13, tenants: 5, calls: 2, end: End::Failure(None) },
        Step::End { which: 2433627368703931968, end: End::QuotaExhausted },
        Step::Calls { first: 11, tenants: 2, calls: 1, end: End::Failure(None) }, Step::ResetAll,
        Step::Acquire(12, Probing::Yes), Step::Wait(Wait::Slots { slots: 4096, off: 0 }),
        Step::Wait(Wait::Deadline { of: None, off: 1 }),
        Step::Calls { first: 3, tenants: 4, calls: 2, end: End::QuotaExhausted }, Step::Wait(Wait::Tenths(12)),
        Step::Calls { first: 14, tenants: 20, calls: 1, end: End::Success },
        Step::Calls { first: 8, tenants: 19, calls: 1, end: End::Cancelled },
        Step::Calls { first: 1, tenants: 6, calls: 2, end: End::Failure(None) },
        Step::Wait(Wait::Slots { slots: 1, off: 1 }), Step::Acquire(16, Probing::Yes), Step::Acquire(9, Probing::Yes),
        Step::Clear(Level::Circuit, 5), Step::Calls { first: 6, tenants: 16, calls: 1, end: End::Cancelled },
        Step::Reset(16), Step::Wait(Wait::Ramp { percent: 10, off: 0 }),
        Step::Set { level: Level::Tenant, tenant: 7, what: Override::DryRun, tenths: None },
        Step::Wait(Wait::Deadline { of: None, off: 0 }),
        Step::End { which: 7166106668440469075, end: End::QuotaExhausted },
        Step::Wait(Wait::Deadline { of: None, off: 0 }), Step::Acquire(16, Probing::Yes),
        Step::Calls { first: 1, tenants: 4, calls: 4, end: End::Failure(None) },
        Step::Wait(Wait::Deadline { of: Some(11), off: -1 }), Step::BeginRecovery,
        Step::Calls { first: 5, tenants: 13, calls: 2, end: End::Failure(Some(7)) },
        Step::Wait(Wait::Deadline { of: None, off: 0 }), Step::Acquire(13, Probing::Yes),
        Step::Calls { first: 5, tenants: 5, calls: 2, end: End::Throttled(Some(150)) },
        Step::End { which: 8270871199473669162, end: End::Failure(None) },
        Step::Calls { first: 11, tenants: 8, calls: 1, end: End::Success }, Step::Acquire(12, Probing::Yes),
        Step::Wait(Wait::Deadline { of: None, off: 1 }),
        Step::Calls { first: 15, tenants: 20, calls: 2, end: End::Cancelled },
        Step::Calls { first: 19, tenants: 7, calls: 1, end: End::Throttled(None) },
        Step::Clear(Level::Dependency, 13), Step::Calls { first: 11, tenants: 2, calls: 1, end: End::Success }])
}
