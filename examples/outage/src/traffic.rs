//! When which tenant calls.

use std::time::Duration;

use fastrand::Rng;

pub(crate) const TENANTS: usize = 1_000;

/// How the traffic of the tenants is distributed. All of them call at least once a minute, in even spaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traffic {
    /// A fifth of the tenants are programs that call twice a second; the others are people, who call once in ten
    /// seconds.
    ProgramsAndPeople,
    /// The rates are log-normal, from forty calls a second to one a minute.
    LogNormal,
    /// Each tenant calls once in two seconds.
    Even,
}

/// The calls of one tenant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Calls {
    pub(crate) first: Duration,
    pub(crate) every: Duration,
}

impl Traffic {
    pub(crate) fn of_tenants(self) -> Vec<Calls> {
        let mut random = Rng::with_seed(7);
        let calls = |tenant| {
            let per_second = match self {
                Self::ProgramsAndPeople if tenant < TENANTS / 5 => 2.0,
                Self::ProgramsAndPeople => 0.1,
                Self::LogNormal => (normal(&mut random) * 2.0 - 2.5)
                    .exp()
                    .clamp(1.0 / 60.0, 40.0),
                Self::Even => 0.5,
            };
            let every = Duration::from_secs_f64(1.0 / per_second);
            Calls {
                first: every.mul_f64(random.f64()),
                every,
            }
        };
        (0..TENANTS).map(calls).collect()
    }

    /// The share of all calls that the busiest fifth of the tenants makes.
    #[must_use]
    pub(crate) fn of_busiest_fifth(self) -> f64 {
        let rate = |calls: &Calls| calls.every.as_secs_f64().recip();
        let mut rates: Vec<_> = self.of_tenants().iter().map(rate).collect();
        rates.sort_by(|one, other| other.total_cmp(one));
        rates[..TENANTS / 5].iter().sum::<f64>() / rates.iter().sum::<f64>()
    }
}

/// A standard normal number, by Box and Muller.
fn normal(random: &mut Rng) -> f64 {
    let radius = (-2.0 * (1.0 - random.f64()).ln()).sqrt();
    radius * (std::f64::consts::TAU * random.f64()).cos()
}
