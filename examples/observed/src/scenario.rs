//! Which dependencies there are, how long they take, and when their circuits open.

use std::str::FromStr;
use std::time::Duration;

use tower_tenant_breaker::agent::llm::llm_policy;
use tower_tenant_breaker::{OpenPeriod, OutagePolicy, Policy, PolicyError};

/// A dependency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Service {
    Search,
    Billing,
    /// A provider of language models.
    Llm,
}

/// So many tenants, the busiest, make half of the calls.
pub(crate) const BUSY: usize = 40;

/// Places for circuits beside those of the tenants that call every day.
pub(crate) const ROOM: usize = 100;

/// After which the front gives a call up.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(2);

/// Seconds, where yours are half a minute: a trouble here lasts for as long as somebody looks.
fn open_for() -> OpenPeriod {
    OpenPeriod::exponential(Duration::from_secs(1), Duration::from_secs(4))
}

impl Service {
    pub(crate) const ALL: [Self; 3] = [Self::Search, Self::Billing, Self::Llm];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Search => "search",
            Self::Billing => "billing",
            Self::Llm => "llm",
        }
    }

    /// What an answer takes at least.
    pub(crate) const fn work(self) -> Duration {
        match self {
            Self::Search => Duration::from_millis(4),
            Self::Billing => Duration::from_millis(12),
            Self::Llm => Duration::from_millis(60),
        }
    }

    /// Search has each tenant find out for itself that it is down; the provider of models is down for all as soon as it
    /// is for some.
    pub(crate) fn policy(self) -> Result<Policy, PolicyError> {
        match self {
            Self::Search | Self::Billing => Policy::builder()
                .window(Duration::from_secs(30))
                .consecutive_failures(3)
                .open_for(open_for())
                .build(),
            // 40 of 1,000 tenants make half of the calls, and find out first.
            Self::Llm => llm_policy()
                .open_for(open_for())
                .outage(OutagePolicy::default().min_share(0.02).open_for(open_for()))
                .build(),
        }
    }
}

impl FromStr for Service {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|service| service.name() == name);
        known.ok_or_else(|| format!("there is no dependency {name:?}: search, billing or llm"))
    }
}

/// The name of a tenant, by its place: the busy ones come first.
pub(crate) fn tenant(place: usize) -> String {
    format!("tenant-{:04}", place + 1)
}

/// The place of a tenant that has one.
pub(crate) fn place(tenant: &str) -> Option<usize> {
    let number: usize = tenant.strip_prefix("tenant-")?.parse().ok()?;
    number.checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_is_known_by_its_name_and_a_visitor_is_not() {
        for at in [0, 39, 999, 99_999] {
            assert_eq!(place(&tenant(at)), Some(at));
        }
        for stranger in ["visitor-3", "tenant-", "tenant-0", "acme"] {
            assert_eq!(place(stranger), None, "{stranger}");
        }
    }

    #[test]
    fn every_policy_is_one() {
        for service in Service::ALL {
            assert!(service.policy().is_ok(), "{service:?}");
            assert_eq!(service.name().parse(), Ok(service));
        }
    }
}
