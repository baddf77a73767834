//! Random histories: what may happen to one circuit.

use proptest::prelude::*;
use tower_tenant_breaker::{CircuitState, Outcome, Override, Probing};

use super::Model;
use super::circuit::{Ending, Ticket};
use super::drawn::Drawn;
use super::overrides::Level;
use super::rules::{Rules, any_rules, nanos};

/// How long to wait; most of it is up to the circuit, so that edges are hit to the nanosecond.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wait {
    /// Tenths of a slot.
    Tenths(u64),
    /// To a slot's edge.
    Edge {
        slots: u64,
        off: i64,
    },
    Windows {
        windows: u64,
        off: i64,
    },
    /// Very many slots.
    Gap(u64),
    /// To the end of the open period.
    Deadline {
        off: i64,
    },
    /// To when a call with `IfNoneElse` may probe.
    NoneElse {
        off: i64,
    },
    /// To the end of the next probe's lease.
    Lease {
        off: i64,
    },
    /// Until an open call is as old as a latency threshold.
    Threshold {
        which: usize,
        rule: usize,
        off: i64,
    },
    /// To the end of a ramp, or to some instant in it.
    Ramp {
        percent: u64,
        off: i64,
    },
    /// Until the circuit has been closed for a window.
    ClosedForAWindow {
        off: i64,
    },
    /// To the end of an override.
    OverrideEnd {
        off: i64,
    },
}

/// In nanoseconds; the crate's clock counts 584 years.
const CENTURY: u64 = 100 * 365 * 24 * 3600 * 1_000_000_000;

impl Wait {
    /// The instant to wait for; `now` where there is nothing to wait for.
    pub(crate) fn until(self, model: &Model, open_calls: &[Ticket], now: u64) -> u64 {
        let rules = model.rules();
        let circuit = model.circuit.as_ref();
        let not_closed = circuit.filter(|circuit| circuit.state != CircuitState::Closed);
        let (target, off) = match self {
            Self::Tenths(tenths) => (Some(now + tenths * (rules.slot() / 10)), 0),
            Self::Edge { slots, off } => (Some((now / rules.slot() + slots) * rules.slot()), off),
            Self::Windows { windows, off } => (Some(now + windows * rules.window), off),
            Self::Gap(slots) => (now.checked_add(slots.saturating_mul(rules.slot())), 0),
            Self::Deadline { off } => (not_closed.map(|circuit| circuit.deadline), off),
            Self::NoneElse { off } => (not_closed.map(|circuit| circuit.none_else_from()), off),
            Self::Lease { off } => (circuit.and_then(|circuit| circuit.next_lease_end(now)), off),
            Self::Threshold { which, rule, off } => {
                let call = pick(open_calls, which);
                let rule = pick(&rules.latency, rule);
                (
                    call.zip(rule)
                        .map(|(call, rule)| call.started + rule.threshold),
                    off,
                )
            }
            Self::ClosedForAWindow { off } => (
                circuit.map(|circuit| circuit.closed_since + rules.window),
                off,
            ),
            Self::Ramp { percent, off } => {
                let ramp = rules.ramp.filter(|_| not_closed.is_none());
                let at = |since: u64| Some(since + ramp?.over / 100 * percent);
                (circuit.and_then(|circuit| at(circuit.closed_since)), off)
            }
            Self::OverrideEnd { off } => (model.overrides.next_end(now), off),
        };
        target
            .map(|target| target.saturating_add_signed(off))
            .filter(|target| *target >= now && *target < CENTURY)
            .unwrap_or(now)
    }
}

pub(crate) fn pick<T>(among: &[T], which: usize) -> Option<&T> {
    among.get(which.checked_rem(among.len())?)
}

/// An outcome whose hint is in tenths of a slot.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    Success,
    Failure(Option<u64>),
    Throttled(Option<u64>),
    QuotaExhausted,
    Ignored,
    Cancelled,
}

impl End {
    pub(crate) fn ending(self, rules: &Rules) -> Ending {
        let hinted = |outcome: Outcome, hint: Option<u64>| match hint {
            Some(tenths) => outcome.with_retry_after(nanos(tenths * (rules.slot() / 10))),
            None => outcome,
        };
        Ending::Recorded(match self {
            Self::Success => Outcome::Success,
            Self::Failure(hint) => hinted(Outcome::failure(), hint),
            Self::Throttled(hint) => hinted(Outcome::throttled(), hint),
            Self::QuotaExhausted => Outcome::QuotaExhausted,
            Self::Ignored => Outcome::Ignored,
            Self::Cancelled => return Ending::Cancelled,
        })
    }
}

/// One step of a history.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// A call from its begin to its end.
    Call {
        probing: Probing,
        wait: Wait,
        end: End,
    },
    /// Several calls that end at once in the same way.
    Burst {
        calls: u8,
        end: End,
    },
    /// Several calls, each some slots after the one before.
    Trickle {
        calls: u8,
        slots: u64,
        wait: Wait,
        end: End,
    },
    Acquire(Probing),
    End {
        which: usize,
        end: End,
    },
    Wait(Wait),
    Open,
    /// For so many tenths of a slot.
    OpenFor(u64),
    HalfOpen,
    Reset,
    ResetDependency,
    BeginRecovery,
    /// A recovery, and a call that waits for others which do not come.
    RecoveryAlone {
        off: i64,
    },
    /// The dependency's, of those that the history has.
    SetPolicy(usize),
    SetOwnPolicy(usize),
    ClearOwnPolicy,
    /// One of the tenant's own that goes after a call or none.
    PassingPolicy {
        which: usize,
        call: Option<End>,
    },
    Set {
        level: Level,
        what: Override,
        tenths: Option<u64>,
    },
    Clear(Level),
}

pub(crate) fn off() -> impl Strategy<Value = i64> + Clone {
    prop_oneof![1 => Just(-1_i64), 2 => Just(0), 1 => Just(1)]
}

/// How long a call takes, or how long nothing happens within a slot or a few.
fn short_wait() -> impl Strategy<Value = Wait> + Clone {
    prop_oneof![
        4 => Just(Wait::Tenths(0)),
        4 => (0..=12_u64).prop_map(Wait::Tenths),
        2 => (1..=3_u64, off()).prop_map(|(slots, off)| Wait::Edge { slots, off }),
        6 => (any::<usize>(), any::<usize>(), off())
            .prop_map(|(which, rule, off)| Wait::Threshold { which, rule, off }),
    ]
}

fn any_wait() -> impl Strategy<Value = Wait> + Clone {
    let gaps = vec![(1_u64 << 15) + 1, 1 << 16, 1 << 18, (1 << 32) + 1];
    prop_oneof![
        8 => short_wait(),
        6 => (prop::sample::select(vec![1_u64, 1, 2, 5, 9, 10, 11]), off())
            .prop_map(|(slots, off)| Wait::Edge { slots, off }),
        2 => (1..=3_u64, off()).prop_map(|(windows, off)| Wait::Windows { windows, off }),
        20 => off().prop_map(|off| Wait::Deadline { off }),
        2 => off().prop_map(|off| Wait::NoneElse { off }),
        4 => off().prop_map(|off| Wait::Lease { off }),
        2 => off().prop_map(|off| Wait::ClosedForAWindow { off }),
        2 => (prop::sample::select(vec![10_u64, 50, 100, 100]), off())
            .prop_map(|(percent, off)| Wait::Ramp { percent, off }),
        3 => off().prop_map(|off| Wait::OverrideEnd { off }),
        1 => prop::sample::select(gaps).prop_map(Wait::Gap),
    ]
}

fn hint() -> impl Strategy<Value = Option<u64>> + Clone {
    prop_oneof![
        3 => Just(None),
        2 => prop::sample::select(vec![0_u64, 7, 30, 150, 600, 100_000]).prop_map(Some),
    ]
}

pub(crate) fn end() -> impl Strategy<Value = End> + Clone {
    prop_oneof![
        5 => Just(End::Success),
        4 => hint().prop_map(End::Failure),
        2 => hint().prop_map(End::Throttled),
        1 => Just(End::Ignored),
        4 => Just(End::Cancelled),
    ]
}

pub(crate) fn probing() -> impl Strategy<Value = Probing> + Clone {
    prop_oneof![
        8 => Just(Probing::Yes),
        1 => Just(Probing::No),
        2 => Just(Probing::IfNoneElse),
    ]
}

fn level() -> impl Strategy<Value = Level> + Clone {
    prop::sample::select(Level::ALL.to_vec())
}

fn calls_and_time() -> impl Strategy<Value = Step> + Clone {
    // A run can be older than the window, as long as no window passes without a call.
    let spacing = prop::sample::select(vec![1_u64, 3, 5, 8, 9, 9, 10, 11]);
    prop_oneof![
        8 => (probing(), short_wait(), end())
            .prop_map(|(probing, wait, end)| Step::Call { probing, wait, end }),
        2 => (2..=5_u8, end()).prop_map(|(calls, end)| Step::Burst { calls, end }),
        1 => (2..=6_u8, spacing, short_wait(), end()).prop_map(|(calls, slots, wait, end)| {
            Step::Trickle { calls, slots, wait, end }
        }),
        7 => probing().prop_map(Step::Acquire),
        6 => (any::<usize>(), end()).prop_map(|(which, end)| Step::End { which, end }),
        9 => any_wait().prop_map(Step::Wait),
    ]
}

fn by_hand() -> impl Strategy<Value = Step> + Clone {
    prop_oneof![
        2 => Just(Step::Open),
        2 => prop::sample::select(vec![0_u64, 3, 10, 120]).prop_map(Step::OpenFor),
        3 => Just(Step::HalfOpen),
        2 => Just(Step::Reset),
        1 => Just(Step::ResetDependency),
        8 => Just(Step::BeginRecovery),
        2 => off().prop_map(|off| Step::RecoveryAlone { off }),
    ]
}

/// An override, and how many tenths of a slot it lasts, if it ends.
pub(crate) fn any_override() -> impl Strategy<Value = (Level, Override, Option<u64>)> + Clone {
    let what = prop::sample::select(vec![
        Override::ForcedOpen,
        Override::Disabled,
        Override::DryRun,
    ]);
    let end = prop::option::weighted(0.7, prop::sample::select(vec![2_u64, 10, 40, 150]));
    (level(), what, end)
}

fn overriding() -> impl Strategy<Value = Step> + Clone {
    prop_oneof![
        2 => any_override()
            .prop_map(|(level, what, tenths)| Step::Set { level, what, tenths }),
        3 => level().prop_map(Step::Clear),
    ]
}

fn changing() -> impl Strategy<Value = Step> + Clone {
    prop_oneof![
        3 => any::<usize>().prop_map(Step::SetPolicy),
        1 => any::<usize>().prop_map(Step::SetOwnPolicy),
        1 => Just(Step::ClearOwnPolicy),
        2 => (any::<usize>(), prop::option::of(end()))
            .prop_map(|(which, call)| Step::PassingPolicy { which, call }),
    ]
}

/// A quota that is used up, and soon again lifted: else the rest of the history would be rejected.
fn quotas() -> impl Strategy<Value = Step> + Clone {
    let end = End::QuotaExhausted;
    prop_oneof![
        3 => (probing(), short_wait())
            .prop_map(move |(probing, wait)| Step::Call { probing, wait, end }),
        2 => any::<usize>().prop_map(move |which| Step::End { which, end }),
        5 => Just(Step::Reset),
        1 => Just(Step::ResetDependency),
        3 => Just(Step::Clear(Level::Circuit)),
    ]
}

/// Rules to begin with and others to change to, some of which count alike and some of which do not.
fn any_policies() -> impl Strategy<Value = Vec<Rules>> {
    (any_rules(), any_rules()).prop_map(|(one, other)| {
        let alike = other.counting_like(&one);
        let otherwise = one.counting_like(&other);
        vec![one, alike, otherwise, other]
    })
}

/// Rules and at least 200 steps; some histories are left to the automatic machine alone.
pub(crate) fn any_history() -> impl Strategy<Value = (Vec<Rules>, Vec<Step>)> {
    let automatic = calls_and_time();
    let handled = prop_oneof![20 => calls_and_time(), 1 => by_hand()];
    let overridden = prop_oneof![20 => calls_and_time(), 1 => by_hand(), 3 => overriding()];
    let changed = prop_oneof![40 => calls_and_time(), 1 => by_hand(), 4 => changing()];
    let limited =
        prop_oneof![30 => calls_and_time(), 1 => by_hand(), 2 => overriding(), 6 => quotas()];
    let all = prop_oneof![
        40 => calls_and_time(),
        2 => by_hand(),
        3 => overriding(),
        3 => changing(),
        3 => quotas(),
    ];
    let steps = prop_oneof![
        prop::collection::vec(Drawn(automatic), 200..=240),
        prop::collection::vec(Drawn(handled), 200..=240),
        prop::collection::vec(Drawn(overridden), 200..=240),
        prop::collection::vec(Drawn(changed), 200..=240),
        prop::collection::vec(Drawn(limited), 200..=240),
        prop::collection::vec(Drawn(all), 200..=240),
    ];
    (any_policies(), steps)
}
