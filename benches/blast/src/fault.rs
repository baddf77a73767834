//! What befalls some tenants.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::scenario::TENANTS;

/// How a dependency is sick.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Fault {
    /// It answers 500 at once.
    Fails,
    /// It answers late, by more than the threshold of the latency rules.
    Slow,
    /// It does not answer.
    Hangs,
}

impl Fault {
    pub(crate) const ALL: [Self; 3] = [Self::Fails, Self::Slow, Self::Hangs];

    /// As flags and tables name it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Fails => "fails",
            Self::Slow => "slow",
            Self::Hangs => "hangs",
        }
    }
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|fault| fault.name() == name);
        found.ok_or_else(|| "not fails, slow or hangs".to_owned())
    }
}

/// A fault of one dependency, for some tenants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Trouble {
    pub(crate) fault: Fault,
    /// How many tenants it hits: a divisor of their number.
    pub(crate) hit: usize,
}

impl Trouble {
    /// Whether it hits this one. Those that are hit lie evenly among the others.
    pub(crate) fn hits(self, tenant: usize) -> bool {
        TENANTS
            .checked_div(self.hit)
            .is_some_and(|each| tenant.is_multiple_of(each))
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} for {}", self.fault.name(), self.hit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::HIT;

    #[test]
    fn as_many_tenants_are_hit_as_it_says() {
        for fault in Fault::ALL {
            assert_eq!(fault.name().parse(), Ok(fault));
            for hit in HIT {
                let trouble = Trouble { fault, hit };
                let count = (0..TENANTS).filter(|tenant| trouble.hits(*tenant)).count();
                assert_eq!(count, hit);
            }
        }
        "fail".parse::<Fault>().unwrap_err();
    }
}
