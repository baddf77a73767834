//! Those that are compared, in the order of the table.

mod none;
mod ours;
mod tower_resilience;

use std::str::FromStr;

use axum::Router;
use serde::{Deserialize, Serialize};
use tower::BoxError;

use crate::gateway::Proxy;
use crate::openings::Openings;
use crate::scenario::MAX_IN_FLIGHT;
use crate::versions::locked;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Breaker {
    None,
    /// One for all tenants and dependencies.
    Shared,
    PerDependency,
    /// One for each tenant and dependency.
    OursUnbounded,
    /// The same, with a bound on the calls that each tenant has in the air.
    Ours,
}

impl Breaker {
    pub(crate) const ALL: [Self; 5] = [
        Self::None,
        Self::Shared,
        Self::PerDependency,
        Self::OursUnbounded,
        Self::Ours,
    ];

    /// As the flag names it, and the figures for programs.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Shared => "shared",
            Self::PerDependency => "per-dependency",
            Self::OursUnbounded => "ours-unbounded",
            Self::Ours => "ours",
        }
    }

    /// As the picture and the short table name it.
    pub(crate) const fn in_short(self) -> &'static str {
        match self {
            Self::None => "no breaker",
            Self::Shared => "one shared breaker",
            Self::PerDependency => "one per dependency",
            Self::OursUnbounded => "ours, without max_in_flight",
            Self::Ours => "ours, with max_in_flight",
        }
    }

    /// As the table names it.
    pub(crate) fn in_full(self) -> String {
        let theirs = || locked("tower-resilience-circuitbreaker");
        let ours = || locked("tower-tenant-breaker");
        match self {
            Self::None => "none".to_owned(),
            Self::Shared => format!("one for all, tower-resilience {}", theirs()),
            Self::PerDependency => format!("one per dependency, tower-resilience {}", theirs()),
            Self::OursUnbounded => format!("ours {}, no `max_in_flight`", ours()),
            Self::Ours => format!("ours {}, `max_in_flight({MAX_IN_FLIGHT})`", ours()),
        }
    }

    /// What the gateway serves: the proxy behind this breaker.
    pub(crate) fn guard(
        self,
        share: f64,
        proxy: Proxy,
        openings: &Openings,
    ) -> Result<Router, BoxError> {
        Ok(match self {
            Self::None => none::guard(proxy),
            Self::Shared => tower_resilience::shared(share, proxy, openings)?,
            Self::PerDependency => tower_resilience::per_dependency(share, &proxy, openings)?,
            Self::OursUnbounded => ours::guard(ours::policy(share)?, &proxy, openings)?,
            Self::Ours => ours::guard(ours::bounded(share)?, &proxy, openings)?,
        })
    }
}

impl FromStr for Breaker {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|breaker| breaker.name() == name);
        found.ok_or_else(|| format!("not one of {}", Self::ALL.map(Self::name).join(", ")))
    }
}
