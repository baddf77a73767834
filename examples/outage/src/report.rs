//! The table, and whether it is what it should be.

use std::time::Duration;

use tower_tenant_breaker::Policy;

use crate::simulation::{DOWN_FROM, DOWN_UNTIL, Run, run, with_outages};
use crate::traffic::{TENANTS, Traffic};

/// The same traffic, broken by circuits per tenant alone, and with a policy for outages besides.
#[derive(Clone, Debug)]
pub struct Comparison {
    traffic: Traffic,
    alone: Run,
    with_outages: Run,
    declared: Duration,
}

impl Comparison {
    /// Runs both.
    ///
    /// # Panics
    ///
    /// Where no outage is declared.
    #[must_use]
    pub fn of(traffic: Traffic) -> Self {
        let with_outages = run(traffic, &with_outages());
        Self {
            traffic,
            alone: run(traffic, &Policy::default()),
            declared: with_outages.declared.expect("an outage is declared"),
            with_outages,
        }
    }

    /// How many times fewer calls reached the sick upstream in all.
    #[must_use]
    pub fn fewer_in_all(&self) -> f64 {
        self.alone.while_down_after(DOWN_FROM) as f64
            / self.with_outages.while_down_after(DOWN_FROM) as f64
    }

    /// How many times fewer since the outage was declared.
    #[must_use]
    pub fn fewer_after_detection(&self) -> f64 {
        self.alone.while_down_after(self.declared) as f64
            / self.with_outages.while_down_after(self.declared) as f64
    }

    /// How many times its normal rate the busiest second of the upstream had after it was back.
    #[must_use]
    pub fn surge(&self) -> f64 {
        self.with_outages.busiest_after() as f64 / self.with_outages.normal()
    }

    /// Prints what happened.
    pub fn print(&self) {
        let Self {
            traffic,
            alone,
            with_outages,
            declared,
        } = self;
        println!(
            "{traffic:?} traffic: {:.0} calls a second of {TENANTS} tenants, the busiest fifth of which make {:.0} %",
            with_outages.normal(),
            100.0 * traffic.of_busiest_fifth()
        );
        let seconds = |since: Duration, at: Duration| at.saturating_sub(since).as_secs_f64();
        println!(
            "  outage declared {:.1} s after the upstream went down",
            seconds(DOWN_FROM, *declared)
        );
        if let Some(over) = with_outages.over {
            println!(
                "  and over {:.1} s after it was back",
                seconds(DOWN_UNTIL, over)
            );
        }
        println!(
            "  {:<46}{:>10}{:>14}{:>8}",
            "calls that reached the sick upstream", "per tenant", "with outages", "fewer"
        );
        let row = |what, from, fewer: f64| {
            let (alone, with) = (
                alone.while_down_after(from),
                with_outages.while_down_after(from),
            );
            println!("  {what:<46}{alone:>10}{with:>14}{fewer:>7.1}x");
        };
        row("  in all five minutes", DOWN_FROM, self.fewer_in_all());
        row(
            "  since it was declared",
            *declared,
            self.fewer_after_detection(),
        );
        for (name, run) in [("per tenant", alone), ("with outages", with_outages)] {
            let surge = run.busiest_after() as f64 / run.normal();
            let whole = run
                .whole_again()
                .map_or(f64::NAN, |whole| whole.as_secs_f64());
            println!(
                "  {name}: back at its normal rate after {whole:.0} s, its busiest second at {surge:.2} times that rate"
            );
        }
        println!();
    }
}
