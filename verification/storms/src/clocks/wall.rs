//! The clock on the wall, by which the tools of agents name moments, is set by years, forth and back, before 1970 and to
//! where it ends. Circuits do not go by it, and moments are those that it shows.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::{Instant, advance};
use tower_tenant_breaker::agent::{Tool, Tools};
use tower_tenant_breaker::{CircuitBreakerRegistry, OpenPeriod, Outcome, Policy};

use super::LONGEST;
use crate::figure::Figure;

/// How far a moment may be from what the clock shows: that far the two clocks may be apart before they are set anew.
const TOLERANCE: Duration = Duration::from_secs(1);
const TENANTS: usize = 8;
/// In 1970, in seconds: from the year 0 to 9999, where dates end that can be written.
const BEGIN: i64 = -62_167_219_200;
const END: i64 = 253_402_300_799;

fn at(seconds: i64) -> SystemTime {
    let by = Duration::from_secs(seconds.unsigned_abs());
    let moment = if seconds < 0 {
        UNIX_EPOCH.checked_sub(by)
    } else {
        UNIX_EPOCH.checked_add(by)
    };
    moment.unwrap_or(UNIX_EPOCH)
}

pub async fn jump(steps: u64) -> Vec<Figure> {
    let policy = Policy::builder()
        .consecutive_failures(2)
        .open_for(OpenPeriod::exponential(Duration::from_secs(1), LONGEST).jitter(0.0))
        .build()
        .expect("a policy");
    let registry = CircuitBreakerRegistry::builder();
    let registry = registry.build().expect("a registry");
    // What the clock was set to, and when it was.
    let (set, begun) = (Arc::new(AtomicI64::new(0)), Instant::now());
    let read = {
        let set = Arc::clone(&set);
        move || {
            let passed = Instant::now().saturating_duration_since(begun);
            let says = at(set.load(Relaxed));
            says.checked_add(passed).unwrap_or(says)
        }
    };
    let tools = Tools::builder(&registry)
        .tool(Tool::new("search"))
        .policy(policy)
        .wall_clock(read.clone())
        .build()
        .expect("tools");
    let search = tools.dependency("search").expect("it was declared").clone();
    let tenants: Vec<_> = (0..TENANTS)
        .map(|number| format!("tenant {number}"))
        .collect();
    let (mut backwards, mut told, mut off, mut too_long, mut without) = (0_u64, 0_u64, 0, 0, 0);
    for step in 0..steps {
        if step.is_multiple_of(4) {
            let seconds = fastrand::i64(BEGIN..END);
            backwards += u64::from(set.swap(seconds, Relaxed) > seconds);
        }
        advance(Duration::from_millis(fastrand::u64(..500))).await;
        let tenant = &tenants[fastrand::usize(..TENANTS)];
        if let Ok(permit) = search.acquire(tenant) {
            permit.record(if fastrand::u8(..4) > 0 {
                Outcome::failure()
            } else {
                Outcome::Success
            });
        }
        let Some(tool) = tools.why_unavailable(tenant, "search") else {
            continue;
        };
        told += 1;
        let shown = read();
        match (tool.since, tool.until, tool.retry_after) {
            (Some(since), Some(until), Some(left)) => {
                too_long += u64::from(left > LONGEST);
                off +=
                    u64::from(apart(until, shown + left) > TOLERANCE || since > shown + TOLERANCE);
            }
            _ => too_long += 1,
        }
        without += u64::from(tools.prompt_note(tenant).is_none_or(|note| note.is_empty()));
    }
    vec![
        Figure::at_least(
            "times that the clock on the wall was set back",
            backwards,
            steps / 16,
        ),
        Figure::at_least(
            ".. that a tool's moments were asked for while it was unavailable",
            told,
            steps / 4,
        ),
        Figure::exactly(".. that they were not what the clock shows", off, 0),
        Figure::exactly(
            ".. that it was to be for too long, or nobody knew",
            too_long,
            0,
        ),
        Figure::exactly(".. that the prompt's note was missing", without, 0),
    ]
}

fn apart(one: SystemTime, other: SystemTime) -> Duration {
    one.duration_since(other)
        .unwrap_or_else(|later| later.duration())
}
