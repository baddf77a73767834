//! The tenants' ids, of 27 bytes, and in which order they call.

use std::fmt::Write;

/// Writes the id of a tenant over what is there.
pub(crate) fn write(id: &mut String, number: usize) {
    id.clear();
    write!(id, "tenant-{number:020}").expect("a string takes what is written");
}

/// Who calls next.
#[derive(Debug)]
pub(crate) enum Order {
    /// As they came.
    InTurn(usize),
    /// The state of a generator of random numbers.
    AtRandom(u64),
}

impl Order {
    /// The next of so many tenants.
    pub(crate) fn next(&mut self, tenants: usize) -> usize {
        match self {
            Self::InTurn(next) => {
                let number = *next % tenants;
                *next = number + 1;
                number
            }
            // SplitMix64, the same numbers in each run.
            Self::AtRandom(state) => {
                *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
                let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
                let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
                ((mixed ^ (mixed >> 31)) % tenants as u64) as usize
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Order, write};

    #[test]
    fn ids_have_27_bytes() {
        let mut id = "another".to_owned();
        write(&mut id, 1_000_000);
        assert_eq!(id, "tenant-00000000000001000000");
    }

    #[test]
    fn in_turn_all_come_round_and_at_random_any_of_them_comes() {
        let mut in_turn = Order::InTurn(0);
        let turns: Vec<_> = (0..5).map(|_| in_turn.next(3)).collect();
        assert_eq!(turns, [0, 1, 2, 0, 1]);
        let mut at_random = Order::AtRandom(1);
        let mut came = [0; 8];
        (0..800).for_each(|_| came[at_random.next(8)] += 1);
        assert!(
            came.iter().all(|times| (60..140).contains(times)),
            "{came:?}"
        );
    }
}
