//! The troubles that are on.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::scenario::{Service, place};

/// What can be wrong with a dependency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Trouble {
    /// It fails for all.
    Outage,
    /// It fails for the busiest tenant.
    Tenant,
    /// It fails for the busiest tenants in turn, so that at any moment some circuit is open, and none for long.
    Flap,
    /// Nothing is wrong with it, but tenants call that nobody knows, each of them once.
    Overflow,
}

/// How many tenants it fails for in turn.
pub(crate) const FLAPPING: usize = 6;

/// A tenant's turn: so long it is sick in each round. Three calls of a busy tenant fall into it, which open its circuit,
/// and what is left of the round is enough to recover.
const SICK: Duration = Duration::from_secs(2);
const ROUND: Duration = Duration::from_secs(9);

/// What is on, and since when.
#[derive(Debug, Default)]
pub(crate) struct Stage {
    on: Mutex<HashMap<(Service, Trouble), Instant>>,
}

impl Stage {
    pub(crate) fn provoke(&self, service: Service, trouble: Trouble) {
        self.with(|on| _ = on.entry((service, trouble)).or_insert_with(Instant::now));
    }

    /// Ends everything.
    pub(crate) fn be_well(&self) {
        self.with(HashMap::clear);
    }

    pub(crate) fn is_on(&self, service: Service, trouble: Trouble) -> bool {
        self.with(|on| on.contains_key(&(service, trouble)))
    }

    /// Whether the dependency fails for this tenant.
    pub(crate) fn is_sick(&self, service: Service, tenant: &str) -> bool {
        let place = place(tenant);
        self.with(|on| {
            let since = |trouble| on.get(&(service, trouble)).copied();
            since(Trouble::Outage).is_some()
                || (since(Trouble::Tenant).is_some() && place == Some(0))
                || since(Trouble::Flap).is_some_and(|since| {
                    place.is_some_and(|place| {
                        has_turn(place, Instant::now().saturating_duration_since(since))
                    })
                })
        })
    }

    fn with<T>(&self, read: impl FnOnce(&mut HashMap<(Service, Trouble), Instant>) -> T) -> T {
        read(&mut self.on.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Whether it is this tenant's turn to be sick. The turns follow one another, spread over the round.
fn has_turn(place: usize, elapsed: Duration) -> bool {
    if place >= FLAPPING {
        return false;
    }
    let round = ROUND.as_millis();
    let first = round * place as u128 / FLAPPING as u128;
    (elapsed.as_millis() + round - first) % round < SICK.as_millis()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_any_moment_it_is_the_turn_of_somebody_and_of_nobody_for_long() {
        for millis in 0..20_000 {
            let at = Duration::from_millis(millis);
            let sick = (0..FLAPPING).filter(|place| has_turn(*place, at)).count();
            assert!((1..=2).contains(&sick), "{sick} at {at:?}");
        }
        let turns = (0..9_000).filter(|millis| has_turn(4, Duration::from_millis(*millis)));
        assert_eq!(turns.count(), 2_000);
        assert!(!has_turn(FLAPPING, Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn a_trouble_is_of_its_dependency_and_of_those_it_is_for_until_all_is_well() {
        let stage = Stage::default();
        stage.provoke(Service::Search, Trouble::Outage);
        stage.provoke(Service::Billing, Trouble::Tenant);
        stage.provoke(Service::Llm, Trouble::Overflow);
        assert!(stage.is_sick(Service::Search, "tenant-0777"));
        assert!(stage.is_sick(Service::Search, "visitor-1"));
        assert!(stage.is_sick(Service::Billing, "tenant-0001"));
        assert!(!stage.is_sick(Service::Billing, "tenant-0002"));
        assert!(!stage.is_sick(Service::Llm, "tenant-0001"));
        assert!(stage.is_on(Service::Llm, Trouble::Overflow));
        stage.be_well();
        for service in Service::ALL {
            assert!(!stage.is_sick(service, "tenant-0001"), "{service:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_flapping_tenant_is_sick_and_well_in_turn() {
        let stage = Stage::default();
        stage.provoke(Service::Search, Trouble::Flap);
        assert!(stage.is_sick(Service::Search, "tenant-0001"));
        assert!(!stage.is_sick(Service::Search, "tenant-0007"));
        tokio::time::advance(SICK).await;
        assert!(!stage.is_sick(Service::Search, "tenant-0001"));
        assert!(stage.is_sick(Service::Search, "tenant-0002"));
    }
}
