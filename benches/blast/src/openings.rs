//! Which circuits opened, and when.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::fault::Trouble;
use crate::scenario::TENANTS;

/// Whose circuit opened: a tenant's, or one of many.
type Whose = Option<usize>;

/// What a gateway notes of its circuits.
#[derive(Clone, Debug, Default)]
pub(crate) struct Openings(Arc<Mutex<Vec<(Whose, Instant)>>>);

impl Openings {
    pub(crate) fn note(&self, whose: Whose) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.push((whose, Instant::now()));
    }

    /// How long after this instant the circuits of all tenants were open that have this trouble, or the one that they
    /// share; none where one never was.
    pub(crate) fn opened_after(&self, trouble: Trouble, since: Instant) -> Option<Duration> {
        let first = self.first_since(since);
        let shared = first.get(&None).copied();
        let hit = (0..TENANTS).filter(|tenant| trouble.hits(*tenant));
        let own = hit.map(|tenant| first.get(&Some(tenant)).copied());
        let own = own.collect::<Option<Vec<Instant>>>();
        let last = shared.or_else(|| own?.into_iter().max());
        last.map(|at| at.saturating_duration_since(since))
    }

    /// How many tenants without this trouble had a circuit of their own open after this instant.
    pub(crate) fn of_healthy(&self, trouble: Option<Trouble>, since: Instant) -> usize {
        let first = self.first_since(since);
        let tenants = first.keys().flatten();
        let is_healthy = |tenant: &&usize| trouble.is_none_or(|trouble| !trouble.hits(**tenant));
        tenants.filter(is_healthy).count()
    }

    fn first_since(&self, since: Instant) -> HashMap<Whose, Instant> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut first = HashMap::new();
        for (whose, at) in all.iter().filter(|(_, at)| *at >= since) {
            first.entry(*whose).or_insert(*at);
        }
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Fault;

    #[test]
    fn all_that_are_hit_must_be_open_and_others_are_counted() {
        let trouble = Trouble {
            fault: Fault::Fails,
            hit: 10,
        };
        let begun = Instant::now();
        let openings = Openings::default();
        for tenant in (0..180).step_by(20) {
            openings.note(Some(tenant));
        }
        openings.note(Some(3));
        openings.note(Some(3));
        assert_eq!(openings.opened_after(trouble, begun), None);
        assert_eq!(openings.of_healthy(Some(trouble), begun), 1);
        openings.note(Some(180));
        assert!(openings.opened_after(trouble, begun).is_some());
        let later = Instant::now() + Duration::from_secs(1);
        assert_eq!(openings.opened_after(trouble, later), None);
        assert_eq!(openings.of_healthy(Some(trouble), later), 0);
    }

    #[test]
    fn a_shared_one_is_open_for_all() {
        let trouble = Trouble {
            fault: Fault::Slow,
            hit: 50,
        };
        let begun = Instant::now();
        let openings = Openings::default();
        openings.note(None);
        assert!(openings.opened_after(trouble, begun).is_some());
        assert_eq!(openings.of_healthy(Some(trouble), begun), 0);
    }
}
