//! Who calls what, how often, through a gateway of which size; and by which numbers breakers open.

use std::time::Duration;

/// How many tenants call, each as often as the others.
pub(crate) const TENANTS: usize = 200;

/// From one call of a tenant to its next. Those of all tenants lie evenly between.
pub(crate) const INTERVAL: Duration = Duration::from_millis(100);

/// The dependency that is sick for some, and the one that is well for all.
pub(crate) const DEPENDENCIES: [&str; 2] = ["search", "billing"];

/// Of so many calls of a tenant, one is to the dependency that is well.
pub(crate) const TURNS: usize = 5;

/// What the upstream takes for a good answer.
pub(crate) const WORK: Duration = Duration::from_millis(5);

/// What it takes where it is slow.
pub(crate) const SLOW: Duration = Duration::from_millis(400);

/// The gateway's calls to the upstream at a time, of all tenants together. More wait for a place.
pub(crate) const POOL: usize = 144;

/// After which the gateway gives a call up, its wait for a place included.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(2);

/// How many calls one tenant may have in the air to one dependency, where a breaker bounds that: in the pool there is then
/// room for 50 tenants that hang, and for what the others need.
pub(crate) const MAX_IN_FLIGHT: u32 = 2;

/// Over which time breakers count.
pub(crate) const WINDOW: Duration = Duration::from_secs(4);

/// Over which a call is slow.
pub(crate) const THRESHOLD: Duration = Duration::from_millis(250);

/// The share of calls that fail, or are slow, at which breakers open.
pub(crate) const SHARE: f64 = 0.1;

/// How many calls a circuit must have seen before its share is asked: of one tenant, and of all tenants together.
pub(crate) const MIN_CALLS: u32 = 10;
pub(crate) const MIN_CALLS_OF_ALL: usize = 100;

/// Of one tenant, so many failures in a row open as well.
pub(crate) const IN_A_ROW: u32 = 3;

/// How long breakers stay open.
pub(crate) const OPEN: Duration = Duration::from_secs(1);

/// How many probes half-open breakers admit.
pub(crate) const PROBES: u32 = 3;

/// How long a run goes on before the fault begins: connections are made, and code is in the caches.
pub(crate) const SETTLING: Duration = Duration::from_secs(1);

/// The numbers of the tenants.
pub(crate) const HIT: [usize; 4] = [0, 1, 10, 50];

/// The header that says who calls.
pub(crate) const HEADER: &str = "x-tenant-id";

/// The id of a tenant, of 27 bytes.
pub(crate) fn id(tenant: usize) -> String {
    format!("tenant-{tenant:020}")
}

/// The tenant of an id.
pub(crate) fn tenant(id: &str) -> Option<usize> {
    id.strip_prefix("tenant-")?.parse().ok()
}

/// The dependency that a tenant calls in this turn.
pub(crate) fn dependency(tenant: usize, turn: usize) -> &'static str {
    let is_other = (tenant + turn).is_multiple_of(TURNS);
    DEPENDENCIES[usize::from(is_other)]
}

/// All of it in words, beside the table.
pub(crate) fn in_words(share: f64) -> String {
    let each = INTERVAL.as_millis();
    let all = TENANTS as u128 * 1_000 / each;
    format!(
        "{TENANTS} tenants, each with a call every {each} ms over TCP, {all} a second in all: {} of {TURNS} to `{}`, which is \
         sick for some, the others to `{}`, which is well. A good answer takes {} ms, a slow one {} ms. The gateway has {POOL} \
         calls to the upstream at a time, for which the others wait, and gives a call up after {} s. Breakers open where {:.0} % \
         of the calls of the last {} s fail or take over {} ms, for {} s, and then admit {PROBES} probes: of one tenant, from \
         {MIN_CALLS} calls on or by {IN_A_ROW} failures in a row; of all together, from {MIN_CALLS_OF_ALL} calls on.",
        TURNS - 1,
        DEPENDENCIES[0],
        DEPENDENCIES[1],
        WORK.as_millis(),
        SLOW.as_millis(),
        TIMEOUT.as_secs(),
        share * 100.0,
        WINDOW.as_secs(),
        THRESHOLD.as_millis(),
        OPEN.as_secs(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_of_27_bytes_and_names_its_tenant() {
        for number in [0, 7, 199] {
            assert_eq!(id(number).len(), 27);
            assert_eq!(tenant(&id(number)), Some(number));
        }
        assert_eq!(tenant("tenant-x"), None);
        assert_eq!(tenant("7"), None);
    }

    #[test]
    fn in_every_five_turns_each_tenant_calls_the_other_dependency_once() {
        for number in 0..TENANTS {
            let turns = 20..20 + TURNS;
            let other = turns.filter(|turn| dependency(number, *turn) == DEPENDENCIES[1]);
            assert_eq!(other.count(), 1, "{number}");
        }
    }

    #[test]
    fn the_pool_has_room_for_all_that_hang_and_twice_for_what_the_others_need() {
        let hang = *HIT.last().unwrap() * MAX_IN_FLIGHT as usize;
        let needed = TENANTS as f64 * WORK.as_secs_f64() / INTERVAL.as_secs_f64();
        assert!(hang as f64 + 2.0 * needed <= POOL as f64);
    }
}
