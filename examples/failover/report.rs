//! What the run showed: the seconds, the table, and whether it is what it should be.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::load::{Call, INTERVAL, TENANTS};
use crate::provider::{Provider, REFUSAL, RETRY_AFTER_SECONDS};
use crate::stacks::By;
use crate::{OVERLOADED_FROM, OVERLOADED_UNTIL, RUN};

/// One of the two ways, after the load.
#[derive(Debug)]
pub(crate) struct Way {
    name: &'static str,
    calls: Vec<Call>,
    /// How many calls the overloaded primary had to refuse.
    refused: u64,
}

/// The parts of the run, by when a call was sent.
fn parts() -> [(&'static str, Duration, Duration); 4] {
    let first_second = OVERLOADED_FROM + Duration::from_secs(1);
    [
        ("the primary is well", Duration::ZERO, OVERLOADED_FROM),
        (
            "its first second of overload",
            OVERLOADED_FROM,
            first_second,
        ),
        ("the rest of the overload", first_second, OVERLOADED_UNTIL),
        ("well again", OVERLOADED_UNTIL, RUN * 2),
    ]
}

impl Way {
    pub(crate) fn new(name: &'static str, calls: Vec<Call>, primary: &Provider) -> Self {
        Self {
            name,
            calls,
            refused: primary.refused(),
        }
    }

    fn sent_between(&self, from: Duration, until: Duration) -> impl Iterator<Item = &Call> {
        let calls = self.calls.iter();
        calls.filter(move |call| (from..until).contains(&call.sent))
    }

    fn served(&self, by: By, from: Duration, until: Duration) -> usize {
        let calls = self.sent_between(from, until);
        calls.filter(|call| call.by == Some(by)).count()
    }

    /// Of the calls that were sent while the primary was overloaded.
    fn median_of_overload(&self) -> Duration {
        quantile(self.sent_between(OVERLOADED_FROM, OVERLOADED_UNTIL), 0.5)
    }

    fn first_back(&self) -> Option<Duration> {
        let calls = self.sent_between(OVERLOADED_UNTIL, RUN * 2);
        let by_primary = calls.filter(|call| call.by == Some(By::Primary));
        by_primary.map(|call| call.sent - OVERLOADED_UNTIL).min()
    }
}

pub(crate) fn introduce() {
    let (seconds, refusal) = (RUN.as_secs(), REFUSAL.as_millis());
    let tenants = TENANTS.len();
    let prompts = tenants * (1_000 / INTERVAL.as_millis() as usize);
    println!(
        "A primary and a hot standby, on loopback. {tenants} tenants send {prompts} prompts a second for {seconds} s, by hand
(\"ask the primary, and where it refuses, the standby\") and through Failover, each with servers of its own.
The primary answers in 20 ms, the standby in 40 ms. Overloaded, the primary takes {refusal} ms to say 529,
with `Retry-After: {RETRY_AFTER_SECONDS}`.
"
    );
}

pub(crate) fn announce(at: Duration, overloaded: bool) {
    let now = if overloaded {
        "overloaded"
    } else {
        "well again"
    };
    println!("second {}: the primary is {now}", at.as_secs());
}

/// Who served the calls of each second.
pub(crate) fn print_seconds(ways: &[Way; 2]) {
    println!("\nwho served the calls that were sent in each second");
    println!("  second | by hand: primary  standby | Failover: primary  standby");
    for second in 0..RUN.as_secs() {
        let from = Duration::from_secs(second);
        let until = from + Duration::from_secs(1);
        let [by_hand, failover] = ways.each_ref().map(|way| {
            [By::Primary, By::Standby].map(|by| match way.served(by, from, until) {
                0 => "-".to_owned(),
                calls => calls.to_string(),
            })
        });
        println!(
            "  {second:6} | {:>16} {:>8} | {:>17} {:>8}",
            by_hand[0], by_hand[1], failover[0], failover[1]
        );
    }
}

pub(crate) fn print_table(ways: &[Way; 2]) {
    println!("\nhow long the callers waited, and how often the primary was asked for nothing");
    println!(
        "  {:29} {:9} {:>6} {:>10} {:>10}",
        "", "", "calls", "p50", "p99"
    );
    for (part, from, until) in parts() {
        for (way, title) in ways.iter().zip([part, ""]) {
            let calls = || way.sent_between(from, until);
            println!(
                "  {title:29} {:9} {:6} {:>10} {:>10}",
                way.name,
                calls().count(),
                in_ms(quantile(calls(), 0.5)),
                in_ms(quantile(calls(), 0.99)),
            );
        }
    }
    for way in ways {
        println!(
            "  {:9} the overloaded primary had to refuse {} calls",
            way.name, way.refused
        );
    }
}

pub(crate) fn print_last_resort(calls: &[Call]) {
    println!("\nthen both are overloaded, and acme calls three times through Failover");
    for call in calls {
        let by = match call.by {
            Some(By::LastResort) => "the last resort",
            Some(By::Primary) => "the primary",
            Some(By::Standby) => "the standby",
            None => "nobody",
        };
        println!("  served by {by} after {}", in_ms(call.took));
    }
}

pub(crate) fn conclude(ways: &[Way; 2]) {
    let [by_hand, failover] = ways;
    let [slow, quick] = ways.each_ref().map(|way| in_ms(way.median_of_overload()));
    println!(
        "
By hand, each call of the overload waited for a refusal first: {slow} for half of them, where the standby
takes 40 ms. Through Failover it was {quick}: a tenant's first refusal sent its next calls to the standby at
once. The primary had {} useless calls instead of {}, and as it was well again, calls were back",
        failover.refused,
        by_hand.refused,
    );
    match failover.first_back() {
        Some(after) => println!(
            "{:.1} s later, without anybody's doing. With both down, the last resort answered.",
            after.as_secs_f64()
        ),
        None => println!("never."),
    }
}

/// Why the run is not what it should be; empty where it is.
pub(crate) fn complaints(ways: &[Way; 2], last: &[Call]) -> Vec<String> {
    let [by_hand, failover] = ways;
    let mut complaints = Vec::new();
    let mut expect = |held: bool, complaint: &str| {
        if !held {
            complaints.push(complaint.to_owned());
        }
    };
    expect(
        failover.calls.iter().all(|call| call.by.is_some()),
        "a call through Failover failed",
    );
    expect(
        failover.refused > 0 && failover.refused * 2 < by_hand.refused,
        "the overloaded primary was not spared half of its calls",
    );
    expect(
        failover.median_of_overload() < REFUSAL && by_hand.median_of_overload() >= REFUSAL,
        "the median of the overload was not the difference between waiting for a refusal and not",
    );
    let last_second = RUN - Duration::from_secs(1);
    expect(
        failover.served(By::Primary, last_second, RUN) > 0,
        "calls did not return to the primary",
    );
    expect(
        last.last()
            .is_some_and(|call| call.by == Some(By::LastResort)),
        "the last resort did not answer where both were overloaded",
    );
    complaints
}

fn quantile<'a>(calls: impl Iterator<Item = &'a Call>, quantile: f64) -> Duration {
    // Three digits, of microseconds, up to a minute: nothing that a client waits for is longer.
    let Ok(mut histogram) = Histogram::<u64>::new_with_bounds(1, 60_000_000, 3) else {
        return Duration::ZERO;
    };
    for call in calls {
        histogram.saturating_record(call.took.as_micros().try_into().unwrap_or(u64::MAX));
    }
    Duration::from_micros(histogram.value_at_quantile(quantile))
}

fn in_ms(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1_000.0)
}
