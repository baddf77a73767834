//! Who calls, and how often.

use std::hint::black_box;
use std::time::Duration;

use gauge::Quartiles;

use crate::breaker::{Breaker, Trips, open};
use crate::call::{Answer, drive, tenant};

/// Far longer than anything here takes.
const LONG: Duration = Duration::from_secs(3_600);

/// Whether the calls are admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Closed,
    Open,
}

/// Tenants, and two numbers of calls: what the second costs more than the first, over the calls that it has more, is
/// what one warm call costs.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    pub name: &'static str,
    pub state: State,
    pub tenants: usize,
    /// So many breakers with so many tenants each, where one has not enough calls to be told from what is only paid now
    /// and then.
    breakers: usize,
    /// Calls of each tenant before.
    warm: usize,
    /// Of each breaker.
    calls: [usize; 2],
}

impl Load {
    const fn new(name: &'static str, state: State, tenants: usize) -> Self {
        Self {
            name,
            state,
            tenants,
            breakers: 1,
            warm: 1,
            calls: [4_096, 8_192],
        }
    }
}

/// In numbers of 64 calls, by which moka does what it has put off.
pub const LOADS: [Load; 7] = [
    // Below 100 calls in its window, from which on a circuit of ours keeps a histogram.
    Load {
        breakers: 64,
        calls: [32, 96],
        ..Load::new("1 tenant", State::Closed, 1)
    },
    Load {
        warm: 1_024,
        calls: [1_024, 2_048],
        ..Load::new("1 busy tenant", State::Closed, 1)
    },
    Load::new("1,000 tenants", State::Closed, 1_000),
    Load::new("100,000 tenants", State::Closed, 100_000),
    Load::new("1 tenant", State::Open, 1),
    Load::new("1,000 tenants", State::Open, 1_000),
    Load::new("100,000 tenants", State::Open, 100_000),
];

/// How often each load is measured.
pub const TIMES: usize = 3;

impl Load {
    /// Calls with each of the two numbers of calls, [`TIMES`] times, and returns what `measure` says of them.
    ///
    /// All are of the same breakers; of new ones where so few calls are a part of what is measured.
    pub fn measure<B: Breaker, T>(
        &self,
        make: impl Fn(Trips) -> B,
        mut measure: impl FnMut(&mut dyn FnMut()) -> T,
    ) -> Vec<[T; 2]> {
        let mut warm = self.warm(&make);
        let mut both = || {
            self.calls.map(|calls| {
                let measured = measure(&mut || warm.call(calls));
                warm.check(self.state);
                if self.breakers > 1 {
                    warm = self.warm(&make);
                }
                measured
            })
        };
        (0..TIMES).map(|_| both()).collect()
    }

    /// Of one call, from what was measured: the median, so that what happens at times, as a window that moves on, is no
    /// part of it.
    #[must_use]
    pub fn per_call(&self, measured: &[[f64; 2]]) -> Option<f64> {
        let calls = (self.breakers * (self.calls[1] - self.calls[0])) as f64;
        let per_call = measured.iter().map(|[fewer, more]| (more - fewer) / calls);
        Some(Quartiles::of(per_call)?.median)
    }
}

/// Breakers that were called before, and in which order tenants will call them.
struct Warm<B> {
    breakers: Vec<B>,
    order: Vec<&'static str>,
}

impl Load {
    /// Breakers whose tenants have called before, and are open where this is a load of rejections.
    fn warm<B: Breaker>(&self, make: impl Fn(Trips) -> B) -> Warm<B> {
        let tenants: Vec<_> = (0..self.tenants).map(tenant).collect();
        let trips = match self.state {
            State::Closed => Trips::ByDefault,
            State::Open => Trips::AtOnce(LONG),
        };
        let mut breakers: Vec<B> = (0..self.breakers).map(|_| make(trips)).collect();
        for breaker in &mut breakers {
            for tenant in &tenants {
                match self.state {
                    State::Closed => (0..self.warm).for_each(|_| {
                        let called = drive(breaker.call(tenant, Answer::good()));
                        assert!(called.is_ok(), "calls of closed circuits are admitted");
                    }),
                    State::Open => open(breaker, tenant),
                }
            }
            breaker.settle();
        }
        // Each far from the one before, as tenants that come at random; a prime that divides no number of them.
        let far = 7_919;
        Warm {
            breakers,
            order: (0..self.tenants)
                .map(|number| tenants[number * far % tenants.len()])
                .collect(),
        }
    }
}

impl<B: Breaker> Warm<B> {
    /// So many calls of each breaker, each of the next tenant.
    fn call(&mut self, calls: usize) {
        for breaker in &mut self.breakers {
            calls_that_are_counted(breaker, &self.order, calls);
        }
    }

    /// The circuits stay as they were: admitted calls were, and rejected ones still would be.
    ///
    /// # Panics
    ///
    /// Where they did not.
    fn check(&mut self, state: State) {
        for breaker in &mut self.breakers {
            let result = drive(breaker.call(self.order[0], Answer::good()));
            assert_eq!(B::is_rejected(&result), B::REJECTS && state == State::Open);
        }
    }
}

/// By this name callgrind knows what to count. Nothing else may have it in its own.
#[inline(never)]
fn calls_that_are_counted<B: Breaker>(breaker: &mut B, order: &[&'static str], calls: usize) {
    let mut next = order.iter().cycle();
    for _ in 0..calls {
        let tenant = next.next().expect("at least one tenant");
        let _ = black_box(drive(
            breaker.call(black_box(tenant), black_box(Answer::good())),
        ));
    }
}
