//! The state word: everything that the admission of a call to a closed circuit must know.

use crate::CircuitState;
use crate::reason::Reason;

/// State, flags, the reason of the last change, and the generation, in one atomic word.
///
/// ```text
/// 63         16 15     8   7       6          5         4        3         2        1..0
/// | generation | reason | free | measured | ramping | own rules | capped | overridden | state |
/// ```
///
/// A call to a closed circuit with none of the flags, but perhaps its own rules or percentiles, is admitted on this word
/// alone. The generation has 48 bits: a stream may outlive any number of trips, and its permit must not find its own
/// number again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Word(pub(crate) u64);

const STATE: u64 = 0b11;
/// An override of the circuit or of its tenant is kept in the rare part.
pub(super) const OVERRIDDEN: u64 = 1 << 2;
/// The policy bounds the calls in flight.
pub(super) const CAPPED: u64 = 1 << 3;
/// The tenant has a policy of its own, kept in the rare part.
pub(super) const OWN_RULES: u64 = 1 << 4;
/// The circuit has closed, and admits a share of its calls.
pub(super) const RAMPING: u64 = 1 << 5;
/// There are percentiles in the rare part.
pub(super) const MEASURED: u64 = 1 << 6;
const REASON_SHIFT: u32 = 8;
const GENERATION_SHIFT: u32 = 16;

impl Word {
    pub(super) fn new(state: CircuitState, capped: bool) -> Self {
        let word = Self(bits(state));
        if capped { word.capped() } else { word }
    }

    pub(crate) fn state(self) -> CircuitState {
        match self.0 & STATE {
            1 => CircuitState::Open,
            2 => CircuitState::HalfOpen,
            _ => CircuitState::Closed,
        }
    }

    #[inline]
    pub(crate) fn generation(self) -> u64 {
        self.0 >> GENERATION_SHIFT
    }

    pub(super) fn reason(self) -> Reason {
        Reason::from_bits(self.reason_bits())
    }

    #[inline]
    pub(super) fn reason_bits(self) -> u8 {
        (self.0 >> REASON_SHIFT) as u8
    }

    #[inline]
    pub(super) fn is_plainly_closed(self) -> bool {
        self.0 & (STATE | OVERRIDDEN | CAPPED | RAMPING) == 0
    }

    /// Whether the circuit is open, and nothing is forced on it or its tenant.
    #[inline]
    pub(super) fn is_plainly_open(self) -> bool {
        self.0 & (STATE | OVERRIDDEN) == bits(CircuitState::Open)
    }

    /// Whether a good call that was admitted by this word, and ends by it, concerns nothing but its window and percentiles.
    #[inline]
    pub(super) fn ends_plainly(self) -> bool {
        self.0 & (STATE | OVERRIDDEN | CAPPED | OWN_RULES | RAMPING) == 0
    }

    pub(super) fn is_measured(self) -> bool {
        self.0 & MEASURED != 0
    }

    /// Whether the end of a call is counted by the dependency's rules in a closed window.
    #[inline]
    pub(super) fn counts_plainly(self) -> bool {
        self.0 & (STATE | OWN_RULES) == 0
    }

    pub(super) fn has_own_rules(self) -> bool {
        self.0 & OWN_RULES != 0
    }

    pub(super) fn is_ramping(self) -> bool {
        self.0 & RAMPING != 0
    }

    pub(super) fn is_overridden(self) -> bool {
        self.0 & OVERRIDDEN != 0
    }

    pub(super) fn is_capped(self) -> bool {
        self.0 & CAPPED != 0
    }

    /// The word of the next generation, with those flags of this one that do not belong to its state.
    pub(super) fn next(self, state: CircuitState, reason: Reason) -> Self {
        let flags = self.0 & (OVERRIDDEN | CAPPED | OWN_RULES | MEASURED);
        let generation = self.generation().wrapping_add(1) << GENERATION_SHIFT;
        Self(generation | u64::from(reason.to_bits()) << REASON_SHIFT | flags | bits(state))
    }

    /// The word of a new circuit that begins in this state.
    pub(super) fn in_state(self, state: CircuitState) -> Self {
        Self(self.0 & !STATE | bits(state))
    }

    pub(super) fn capped(self) -> Self {
        Self(self.0 | CAPPED)
    }

    pub(super) fn ramping(self) -> Self {
        Self(self.0 | RAMPING)
    }
}

const fn bits(state: CircuitState) -> u64 {
    match state {
        CircuitState::Closed => 0,
        CircuitState::Open => 1,
        CircuitState::HalfOpen => 2,
    }
}
