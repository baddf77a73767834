//! Random histories: what may happen to the tenants of one dependency.

use proptest::prelude::*;
use tower_tenant_breaker::{CircuitState, Override, Probing};

use super::super::circuit::Circuit;
use super::super::drawn::Drawn;
use super::super::history::{End, any_override, end, off, probing};
use super::super::overrides::Level;
use super::super::rules::{Rules, any_rules};
use super::{OutageRules, Setting, TENANTS, Whole};

/// How long to wait; much of it is up to the circuits, so that edges are hit to the nanosecond.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wait {
    /// Tenths of a slot.
    Tenths(u64),
    /// To a slot's edge.
    Slots { slots: u64, off: i64 },
    /// To the end of the open period, of the outage or of a tenant.
    Deadline { of: Option<usize>, off: i64 },
    /// To the end of the next lease of a probe of the outage.
    Lease { off: i64 },
    /// To the end of the outage's ramp, or to some instant in it.
    Ramp { percent: u64, off: i64 },
}

/// In nanoseconds; the crate's clock counts 584 years.
const CENTURY: u64 = 100 * 365 * 24 * 3600 * 1_000_000_000;

impl Wait {
    pub(crate) fn until(self, model: &Whole, now: u64) -> u64 {
        let rules = &model.setting.rules;
        let outage = model.outage.as_ref().map(|outage| &outage.circuit);
        let (target, off) = match self {
            Self::Tenths(tenths) => (Some(now + tenths * (rules.slot() / 10)), 0),
            Self::Slots { slots, off } => {
                let slots = now / rules.slot() + slots;
                (slots.checked_mul(rules.slot()), off)
            }
            Self::Deadline { of, off } => {
                let own = |of| model.tenants.get(&of).map(|tenant| &tenant.circuit);
                let circuit = of.map_or(outage, own);
                let is_open = |circuit: &&Circuit| circuit.state == CircuitState::Open;
                (circuit.filter(is_open).map(|open| open.deadline), off)
            }
            Self::Lease { off } => (outage.and_then(|outage| outage.next_lease_end(now)), off),
            Self::Ramp { percent, off } => {
                let ramp = rules.ramp.map_or(0, |ramp| ramp.over / 100 * percent);
                (outage.map(|outage| outage.closed_since + ramp), off)
            }
        };
        target
            .map(|target| target.saturating_add_signed(off))
            .filter(|target| *target >= now && *target < CENTURY)
            .unwrap_or(now)
    }
}

/// One step of a history; tenants are told by their numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// Each of several tenants makes some calls that end at once in the same way.
    Calls {
        first: usize,
        tenants: usize,
        calls: usize,
        end: End,
    },
    Acquire(usize, Probing),
    End {
        which: usize,
        end: End,
    },
    Wait(Wait),
    Open(usize),
    HalfOpen(usize),
    Reset(usize),
    ResetAll,
    BeginRecovery,
    Set {
        level: Level,
        tenant: usize,
        what: Override,
        tenths: Option<u64>,
    },
    Clear(Level, usize),
    /// A call, perhaps one that probes for all, that an override of the dependency overtakes.
    Overtaken {
        tenant: usize,
        what: Override,
        end: End,
    },
}

fn tenant() -> impl Strategy<Value = usize> + Clone {
    0..TENANTS
}

fn wait() -> impl Strategy<Value = Wait> + Clone {
    // Also to where the same slot numbers come around again.
    let gaps = vec![
        1_u64,
        1,
        1,
        2,
        5,
        9,
        10,
        11,
        1 << 12,
        20_480,
        327_680,
        1 << 16,
        1 << 32,
    ];
    prop_oneof![
        4 => (1..=12_u64).prop_map(Wait::Tenths),
        4 => (prop::sample::select(gaps), off()).prop_map(|(slots, off)| Wait::Slots { slots, off }),
        6 => off().prop_map(|off| Wait::Deadline { of: None, off }),
        2 => (tenant(), off()).prop_map(|(of, off)| Wait::Deadline { of: Some(of), off }),
        1 => off().prop_map(|off| Wait::Lease { off }),
        1 => (prop::sample::select(vec![10_u64, 50, 100]), off())
            .prop_map(|(percent, off)| Wait::Ramp { percent, off }),
    ]
}

fn calls() -> impl Strategy<Value = Step> + Clone {
    let several = |most: usize| (tenant(), 1..=most);
    prop_oneof![
        6 => (several(TENANTS), 1..=2_usize, end()).prop_map(|((first, tenants), calls, end)| {
            Step::Calls { first, tenants, calls, end }
        }),
        // Tenants that prosper, and a dependency that is down.
        6 => several(TENANTS).prop_map(|(first, tenants)| {
            Step::Calls { first, tenants, calls: 1, end: End::Success }
        }),
        6 => (several(8), 1..=7_usize).prop_map(|((first, tenants), calls)| {
            Step::Calls { first, tenants, calls, end: End::Failure(None) }
        }),
        6 => (tenant(), probing()).prop_map(|(tenant, probing)| Step::Acquire(tenant, probing)),
        6 => (any::<usize>(), end()).prop_map(|(which, end)| Step::End { which, end }),
        9 => wait().prop_map(Step::Wait),
    ]
}

fn by_hand() -> impl Strategy<Value = Step> + Clone {
    prop_oneof![
        2 => tenant().prop_map(Step::Open),
        1 => tenant().prop_map(Step::HalfOpen),
        3 => tenant().prop_map(Step::Reset),
        1 => Just(Step::ResetAll),
        2 => Just(Step::BeginRecovery),
    ]
}

fn overriding() -> impl Strategy<Value = Step> + Clone {
    prop_oneof![
        2 => (any_override(), tenant()).prop_map(|((level, what, tenths), tenant)| {
            Step::Set { level, tenant, what, tenths }
        }),
        2 => (tenant(), any_override(), end()).prop_map(|(tenant, (_, what, _), end)| {
            Step::Overtaken { tenant, what, end }
        }),
        3 => (prop::sample::select(Level::ALL.to_vec()), tenant())
            .prop_map(|(level, tenant)| Step::Clear(level, tenant)),
    ]
}

/// Quotas that are used up, and lifted again.
fn quotas() -> impl Strategy<Value = Step> + Clone {
    let end = End::QuotaExhausted;
    prop_oneof![
        3 => (tenant(), 1..=4_usize).prop_map(move |(first, tenants)| {
            Step::Calls { first, tenants, calls: 2, end }
        }),
        2 => any::<usize>().prop_map(move |which| Step::End { which, end }),
        3 => tenant().prop_map(Step::Reset),
        1 => Just(Step::ResetAll),
        2 => tenant().prop_map(|tenant| Step::Clear(Level::Circuit, tenant)),
    ]
}

fn setting() -> impl Strategy<Value = Setting> {
    let shares = prop::sample::select(vec![0.01, 0.2, 0.25, 0.5, 1.0]);
    let periods = (
        prop::sample::select(vec![4_u64, 25, 100]),
        prop::sample::select(vec![1_u64, 4, 20]),
    );
    let outage = (2..=5_usize, shares, prop::bool::weighted(0.25), periods);
    let room = prop_oneof![1 => 3..=TENANTS, 1 => Just(TENANTS)];
    let enough = prop::option::weighted(0.8, 1..=3_u32);
    (any_rules(), outage, room, enough).prop_map(|(rules, outage, room, consecutive)| {
        let tenths = |tenths: u64| tenths * (rules.window / 100);
        let (min_tenants, min_share, newcomers, (first, grown)) = outage;
        let outage = OutageRules {
            min_tenants,
            min_share,
            newcomers,
            first_period: tenths(first),
            longest_period: tenths(first * grown),
        };
        let rules = Rules {
            consecutive: consecutive.or(rules.consecutive),
            initial: CircuitState::Closed,
            ..rules
        };
        Setting {
            rules,
            outage,
            room,
        }
    })
}

pub(crate) fn any_history() -> impl Strategy<Value = (Setting, Vec<Step>)> {
    let automatic = calls();
    let handled = prop_oneof![15 => calls(), 1 => by_hand()];
    let overridden = prop_oneof![15 => calls(), 1 => by_hand(), 2 => overriding()];
    let limited = prop_oneof![15 => calls(), 1 => by_hand(), 1 => overriding(), 3 => quotas()];
    let steps = prop_oneof![
        prop::collection::vec(Drawn(automatic), 60..=80),
        prop::collection::vec(Drawn(handled), 60..=80),
        prop::collection::vec(Drawn(overridden), 60..=80),
        prop::collection::vec(Drawn(limited), 60..=80),
    ];
    (setting(), steps)
}
