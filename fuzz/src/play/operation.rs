//! What may be done to a registry, and how it is written.

use std::time::Duration;

use arbitrary::{Arbitrary, Result, Unstructured};
use tower_tenant_breaker::{Outcome, Override, Probing};

use super::menu;

pub const DEPENDENCIES: usize = 2;
/// Of each dependency; tenants that are minted come on top.
pub const TENANTS: usize = 8;

/// A tenant of a dependency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Who {
    pub dependency: usize,
    pub tenant: usize,
}

impl Who {
    pub fn all() -> impl Iterator<Item = Self> {
        (0..DEPENDENCIES * TENANTS).map(Self::of)
    }

    /// Its place among all.
    pub(super) fn number(self) -> usize {
        self.dependency * TENANTS + self.tenant
    }

    fn of(number: usize) -> Self {
        Self {
            dependency: number / TENANTS % DEPENDENCIES,
            tenant: number % TENANTS,
        }
    }
}

/// How a call ends.
#[derive(Clone, Copy, Debug)]
pub enum End {
    Recorded(Outcome),
    Dropped,
}

/// Where an override is set.
#[derive(Clone, Copy, Debug)]
pub enum Level {
    Circuit,
    Dependency,
    Tenant,
    Registry,
}

#[derive(Clone, Copy, Debug)]
pub enum Operation {
    Nothing,
    Acquire(Who, Probing),
    End(usize, End),
    Call(Who, End),
    Mint(usize, usize),
    Wait(Duration),
    WaitForDeadline(Who),
    Open(Who, Option<Duration>),
    HalfOpen(Who),
    Reset(Who),
    ResetAll(usize),
    Recover(usize),
    Set(Level, Who, Override, Option<Duration>),
    Clear(Level, Who),
    Policy(usize, usize),
    OwnPolicy(Who, Option<usize>),
}

/// A room, the policies of the two dependencies, and operations.
///
/// Everything is a letter or a digit: `3 01 a0 c1f w5` has room for three circuits, policies 0 and 1, an `a`cquire of
/// tenant 0, a `c`all of tenant 1 that `f`ails, and a `w`ait for the fifth of some periods. Digits from `8` on are tenants
/// of the second dependency. What is no letter of an operation is skipped.
#[derive(Clone, Debug)]
pub struct Script {
    pub room: usize,
    pub policies: [usize; DEPENDENCIES],
    pub operations: Vec<Operation>,
}

const MOST: usize = 200;

impl Script {
    pub fn read(data: &[u8]) -> Self {
        let mut letters = Unstructured::new(data);
        let letters = &mut letters;
        let mut setting = || {
            // After spaces, which are there for the reader.
            while letters.peek_bytes(1) == Some(b" ") {
                let _ = u8::arbitrary(letters);
            }
            digit(letters).unwrap_or_default()
        };
        let room = setting() % 6 + 1;
        let policies = [setting() % menu::POLICIES, setting() % menu::POLICIES];
        let mut operations = Vec::new();
        while !letters.is_empty() && operations.len() < MOST {
            let Ok(operation) = Operation::arbitrary(letters) else {
                break;
            };
            if !matches!(operation, Operation::Nothing) {
                operations.push(operation);
            }
        }
        Self {
            room,
            policies,
            operations,
        }
    }
}

fn digit(letters: &mut Unstructured<'_>) -> Result<usize> {
    Ok(u8::arbitrary(letters)?.wrapping_sub(b'0').into())
}

impl<'a> Arbitrary<'a> for Operation {
    fn arbitrary(letters: &mut Unstructured<'a>) -> Result<Self> {
        Ok(match u8::arbitrary(letters)? {
            b'a' => Self::Acquire(who(letters)?, Probing::Yes),
            b'b' => Self::Acquire(who(letters)?, Probing::No),
            b'n' => Self::Acquire(who(letters)?, Probing::IfNoneElse),
            b'e' => Self::End(digit(letters)?, end(letters)?),
            b'c' => Self::Call(who(letters)?, end(letters)?),
            b'm' => Self::Mint(digit(letters)? % DEPENDENCIES, digit(letters)? % 10 + 1),
            b'w' => Self::Wait(period(letters)?),
            b'W' => Self::WaitForDeadline(who(letters)?),
            b'o' => Self::Open(who(letters)?, None),
            b'O' => Self::Open(who(letters)?, Some(period(letters)?)),
            b'h' => Self::HalfOpen(who(letters)?),
            b'r' => Self::Reset(who(letters)?),
            b'R' => Self::ResetAll(digit(letters)? % DEPENDENCIES),
            b'B' => Self::Recover(digit(letters)? % DEPENDENCIES),
            b's' => Self::Set(level(letters)?, who(letters)?, kind(letters)?, None),
            b'S' => {
                let (level, who, kind) = (level(letters)?, who(letters)?, kind(letters)?);
                Self::Set(level, who, kind, Some(period(letters)?))
            }
            b'x' => Self::Clear(level(letters)?, who(letters)?),
            b'p' => Self::Policy(
                digit(letters)? % DEPENDENCIES,
                digit(letters)? % menu::POLICIES,
            ),
            b'P' => Self::OwnPolicy(who(letters)?, Some(digit(letters)? % menu::POLICIES)),
            b'X' => Self::OwnPolicy(who(letters)?, None),
            _ => Self::Nothing,
        })
    }
}

fn who(letters: &mut Unstructured<'_>) -> Result<Who> {
    Ok(Who::of(digit(letters)?))
}

fn period(letters: &mut Unstructured<'_>) -> Result<Duration> {
    Ok(menu::period(digit(letters)?))
}

fn level(letters: &mut Unstructured<'_>) -> Result<Level> {
    const LEVELS: [Level; 4] = [
        Level::Circuit,
        Level::Dependency,
        Level::Tenant,
        Level::Registry,
    ];
    Ok(LEVELS[digit(letters)? % LEVELS.len()])
}

fn kind(letters: &mut Unstructured<'_>) -> Result<Override> {
    const KINDS: [Override; 3] = [Override::ForcedOpen, Override::Disabled, Override::DryRun];
    Ok(KINDS[digit(letters)? % KINDS.len()])
}

fn end(letters: &mut Unstructured<'_>) -> Result<End> {
    Ok(End::Recorded(match u8::arbitrary(letters)? {
        b'f' => Outcome::failure(),
        b'F' => Outcome::failure().with_retry_after(period(letters)?),
        b't' => Outcome::throttled(),
        b'T' => Outcome::throttled().with_retry_after(period(letters)?),
        b'q' => Outcome::QuotaExhausted,
        b'i' => Outcome::Ignored,
        b'k' => Outcome::Cancelled,
        b'd' => return Ok(End::Dropped),
        _ => Outcome::Success,
    }))
}
