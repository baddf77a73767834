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

#[cfg(test)]
mod tests {
    use super::{CAPPED, MEASURED, OVERRIDDEN, OWN_RULES, RAMPING, Word};
    use crate::CircuitState::{self, Closed, HalfOpen, Open};
    use crate::Reason;

    /// In all states with all flags: those words of which it holds are the ones of these states with some of these flags.
    fn holds_of(question: impl Fn(Word) -> bool, states: &[CircuitState], flags: u64) {
        const FLAGS: [u64; 5] = [OVERRIDDEN, CAPPED, OWN_RULES, RAMPING, MEASURED];
        for state in [Closed, Open, HalfOpen] {
            for some in 0..1 << FLAGS.len() {
                let set = (0..FLAGS.len()).filter(|at| some >> at & 1 != 0);
                let set = set.fold(0, |set, at| set | FLAGS[at]);
                let word = Word::new(state, false).next(state, Reason::Latency { rule: 3 });
                let word = Word(word.0 | set);
                let expected = states.contains(&state) && set & !flags == 0;
                assert_eq!(question(word), expected, "{state:?} {set:b}");
            }
        }
    }

    #[test]
    fn what_goes_the_short_way_is_told_by_the_word_alone() {
        holds_of(Word::is_plainly_closed, &[Closed], OWN_RULES | MEASURED);
        let any = CAPPED | OWN_RULES | RAMPING | MEASURED;
        holds_of(Word::is_plainly_open, &[Open], any);
        holds_of(Word::ends_plainly, &[Closed], MEASURED);
        let any = OVERRIDDEN | CAPPED | RAMPING | MEASURED;
        holds_of(Word::counts_plainly, &[Closed], any);
    }

    #[test]
    fn each_flag_is_one_of_its_own() {
        let of = |flag| move |word: Word| word.0 & flag != 0;
        for state in [Closed, Open, HalfOpen] {
            for flag in [OVERRIDDEN, CAPPED, OWN_RULES, RAMPING, MEASURED] {
                let word = Word(Word::new(state, false).0 | flag);
                assert_eq!(word.state(), state);
                assert_eq!(word.is_overridden(), of(OVERRIDDEN)(word));
                assert_eq!(word.is_capped(), of(CAPPED)(word));
                assert_eq!(word.has_own_rules(), of(OWN_RULES)(word));
                assert_eq!(word.is_ramping(), of(RAMPING)(word));
                assert_eq!(word.is_measured(), of(MEASURED)(word));
            }
        }
    }

    #[test]
    fn a_flag_that_is_set_again_stays() {
        for state in [Closed, Open, HalfOpen] {
            let word = Word::new(state, false);
            assert!(word.capped().capped().is_capped());
            assert!(word.ramping().ramping().is_ramping());
        }
    }

    #[test]
    fn the_next_word_keeps_what_does_not_belong_to_the_state() {
        let word = Word::new(Open, true).ramping();
        let word = Word(word.0 | OVERRIDDEN | OWN_RULES | MEASURED);
        let next = word.next(HalfOpen, Reason::PeriodOver);
        assert_eq!(next.state(), HalfOpen);
        assert_eq!((next.reason(), next.generation()), (Reason::PeriodOver, 1));
        assert!(!next.is_ramping());
        assert!(next.is_overridden() && next.is_capped());
        assert!(next.has_own_rules() && next.is_measured());
        let last = Word(u64::MAX).next(Closed, Reason::PeriodOver);
        assert_eq!((last.generation(), last.state()), (0, Closed));
    }
}
