//! What is printed.

use std::time::Duration;

use crate::agent::Heard;
use crate::overload::RETRY_AFTER_SECONDS;
use crate::provider::REFUSAL;

/// A way to use two providers, after its load.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// The calls that reached the primary.
    pub(crate) primary: u64,
    /// The calls that reached the standby.
    pub(crate) standby: u64,
    /// What the calls took that the standby served, sorted.
    pub(crate) times: Vec<Duration>,
}

/// The smallest time within which this share of calls was served.
pub(crate) fn quantile(sorted: &[Duration], quantile: f64) -> Duration {
    let rank = (sorted.len() as f64 * quantile).ceil() as usize;
    let time = sorted.get(rank.saturating_sub(1));
    time.copied().unwrap_or_default()
}

pub(crate) fn print_overload(rows: &[Row; 2], back: Option<Duration>, newcomers: u64) {
    let refusal = REFUSAL.as_millis();
    println!(
        "The primary is overloaded: it takes {refusal} ms to say 529, with `Retry-After: {RETRY_AFTER_SECONDS}`."
    );
    println!(
        "  {:18} {:>8} {:>8} {:>8} {:>10} {:>10}",
        "", "calls", "primary", "standby", "p50", "p99"
    );
    for row in rows {
        println!(
            "  {:18} {:8} {:8} {:8} {:>10} {:>10}",
            row.name,
            row.times.len(),
            row.primary,
            row.standby,
            in_ms(quantile(&row.times, 0.5)),
            in_ms(quantile(&row.times, 0.99)),
        );
    }
    println!("  three tenants that come anew: the primary is asked {newcomers} times");
    match back {
        Some(after) => println!(
            "  well again: the primary serves after {:.1} s",
            after.as_secs_f64()
        ),
        None => println!("  well again: the primary does not serve"),
    }
}

pub(crate) fn print_nobody(hint: Option<&(String, Duration)>) {
    match hint {
        Some((dependency, after)) => println!(
            "  both overloaded: the SDK's error says that {dependency} may admit a call in {:.1} s",
            after.as_secs_f64()
        ),
        None => println!("  both overloaded: the SDK's error does not say until when"),
    }
}

pub(crate) fn begin_streams() {
    println!("\nThe primary's streams end after two tokens.");
}

pub(crate) fn print_stream(how: &str, broken: u64, after: &Heard) {
    let by = after.model.as_deref().unwrap_or("nobody");
    let tokens = after.tokens.len();
    println!("  {how}: {broken} callers got it as it was, the next got {tokens} tokens of {by}");
}

pub(crate) fn begin_limits() {
    println!("\nThe primary limits some tenants.");
    println!(
        "  {:8} {:>8} {:>8} {:>8}",
        "", "refused", "primary", "standby"
    );
}

pub(crate) fn print_limited(tenant: &str, refused: u64, by: [usize; 2]) {
    println!("  {tenant:8} {refused:8} {:8} {:8}", by[0], by[1]);
}

pub(crate) fn print_quota(tenant: &str) {
    println!("  {tenant}'s quota was used up: its circuit is open until it is reset");
}

fn in_ms(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1_000.0)
}
