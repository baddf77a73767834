//! So many tenants of one kind, in a process of their own.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

use gauge::{Resident, heap};

use crate::child;
use crate::kind::Kind;
use crate::subject::{Breaker, Subject};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) kind: Kind,
    pub(crate) tenants: usize,
}

/// What they cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cost {
    /// The bytes that were asked of the allocator, the registry and the dependency among them.
    pub(crate) live: usize,
    /// How often it was asked, also for what it has back by now.
    pub(crate) allocations: usize,
    /// Of the whole process; none where the system does not say it.
    pub(crate) resident: Option<Resident>,
}

impl Case {
    /// In this process.
    pub(crate) fn measure(self) -> Result<Cost, Box<dyn Error>> {
        let Self { kind, tenants } = self;
        let (live, allocations) = (heap::live(), heap::allocations());
        let breaker = Breaker::new(tenants)?;
        let dependency = breaker.dependency();
        kind.fill(dependency, tenants)?;
        let live = heap::live() - live;
        let allocations = heap::allocations() - allocations;
        let resident = Resident::of_this_process();
        if dependency.len() != tenants {
            return Err(format!("{} of {tenants} have a circuit", dependency.len()).into());
        }
        Ok(Cost {
            live: usize::try_from(live)?,
            allocations,
            resident,
        })
    }

    /// In a process of its own.
    pub(crate) fn ask(self) -> Result<Cost, Box<dyn Error>> {
        let Self { kind, tenants } = self;
        let answer = child::ask(&["--case", &kind.to_string(), &tenants.to_string()])?;
        answer.trim().parse()
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            live,
            allocations,
            resident,
        } = self;
        write!(f, "{live} {allocations}")?;
        match resident {
            Some(Resident { now, peak }) => write!(f, " {now} {peak}"),
            None => Ok(()),
        }
    }
}

impl FromStr for Cost {
    type Err = Box<dyn Error>;

    fn from_str(line: &str) -> Result<Self, Self::Err> {
        let figures: Result<Vec<usize>, _> = line.split(' ').map(str::parse).collect();
        let (live, allocations, resident) = match figures?[..] {
            [live, allocations] => (live, allocations, None),
            [live, allocations, now, peak] => (live, allocations, Some(Resident { now, peak })),
            _ => return Err(format!("not the figures of a case: {line:?}").into()),
        };
        Ok(Self {
            live,
            allocations,
            resident,
        })
    }
}

#[cfg(test)]
mod tests {
    use gauge::Resident;

    use super::Cost;

    #[test]
    fn what_a_case_cost_is_read_as_it_was_written() {
        let resident = Some(Resident { now: 4, peak: 5 });
        for resident in [None, resident] {
            let cost = Cost {
                live: 1,
                allocations: 2,
                resident,
            };
            assert_eq!(cost.to_string().parse::<Cost>().unwrap(), cost);
        }
        assert!("1 2 3".parse::<Cost>().is_err());
        assert!("1 two".parse::<Cost>().is_err());
    }
}
