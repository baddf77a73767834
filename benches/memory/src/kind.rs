//! What tenants have been through.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

use tower_tenant_breaker::{Dependency, Outcome};

use crate::ids;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A call, which was good.
    Idle,
    /// A few calls, one of them bad.
    Light,
    /// So many calls in a window, one of them bad, that the circuit is given histograms as long as there is memory left
    /// for them.
    Busy,
}

impl Kind {
    const ALL: [(Self, &str); 3] = [
        (Self::Idle, "idle"),
        (Self::Light, "light"),
        (Self::Busy, "busy"),
    ];

    /// How many calls a tenant of that kind has made.
    pub(crate) const fn calls(self) -> usize {
        match self {
            Self::Idle => 1,
            Self::Light => 4,
            Self::Busy => 200,
        }
    }

    /// Makes the calls of so many tenants, one tenant's after another's.
    pub(crate) fn fill(
        self,
        dependency: &Dependency,
        tenants: usize,
    ) -> Result<(), Box<dyn Error>> {
        let mut id = String::new();
        for number in 0..tenants {
            ids::write(&mut id, number);
            for call in 0..self.calls() {
                let outcome = match call {
                    1 => Outcome::failure(),
                    _ => Outcome::Success,
                };
                dependency.acquire(&id)?.record(outcome);
            }
        }
        Ok(())
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = Self::ALL.iter().find(|(kind, _)| kind == self);
        f.pad(found.map_or("", |(_, name)| name))
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|(_, known)| *known == name);
        let (kind, _) = found.ok_or_else(|| format!("{name:?} is neither idle, light nor busy"))?;
        Ok(*kind)
    }
}
