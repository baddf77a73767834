//! How calls and instants are counted.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::tape::{Call, Reel};
use crate::report::Counts;

impl Reel {
    /// When the last of the calls had ended that were in the air at this instant: they may have been admitted
    /// before it, and be on their way still.
    pub(crate) fn settled(&self, at: Instant) -> Instant {
        let in_the_air = self.calls.iter().filter(|call| call.sent < at);
        let ends = in_the_air.map(|call| call.ended);
        ends.fold(at, Instant::max)
    }
}

pub(crate) fn counts<'a>(calls: impl Iterator<Item = &'a Call>) -> Counts {
    Counts::of(calls.map(|call| call.answer))
}

pub(crate) fn reasons<'a>(calls: impl Iterator<Item = &'a Call>) -> BTreeMap<String, u64> {
    let mut reasons = BTreeMap::new();
    for reason in calls.filter_map(|call| call.reason.clone()) {
        *reasons.entry(reason).or_default() += 1;
    }
    reasons
}

/// The most of these instants, in their order, that lie within a second.
pub(crate) fn busiest_second(instants: impl Iterator<Item = Instant>) -> u64 {
    let mut within = VecDeque::new();
    let mut most = 0;
    for at in instants {
        within.push_back(at);
        while within
            .front()
            .is_some_and(|first| at - *first >= Duration::from_secs(1))
        {
            within.pop_front();
        }
        most = most.max(within.len());
    }
    most as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_second_may_begin_at_any_instant() {
        let start = Instant::now();
        let at = |ms: &[u64]| {
            let instants = ms.iter().map(|ms| start + Duration::from_millis(*ms));
            busiest_second(instants.collect::<Vec<_>>().into_iter())
        };
        assert_eq!(at(&[]), 0);
        assert_eq!(at(&[0, 1_000, 2_000]), 1);
        assert_eq!(at(&[0, 900, 1_100, 1_899, 1_901]), 3);
    }
}
