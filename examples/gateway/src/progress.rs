//! What a person sees while it runs: a line per second and gateway, a cell per tenant.

use std::io::IsTerminal;
use std::time::Duration;

use tokio::time::{Instant, interval_at};
use tower_tenant_breaker::CircuitState;

use crate::load::{Answer, Call, Lane};
use crate::scenario::{POLICY_IN_WORDS, RUN, TENANTS};

const LEGEND: &str = "\
each cell: the circuit's state (C closed, O open, H half-open) at the end of the second, then the
calls that ended in it: served/failed/rejected";

const CELL: usize = 10;

/// Says what is about to happen.
pub(crate) fn introduce(lanes: &[Lane], upstream: std::net::SocketAddr) {
    println!("upstream on {upstream}");
    for lane in lanes {
        let tenants = match lane.gateway.name {
            "isolated" => "a circuit for each tenant",
            _ => "one circuit for all tenants",
        };
        println!(
            "gateway {:8} on {}: {tenants}",
            lane.gateway.name, lane.gateway.address
        );
    }
    println!("{POLICY_IN_WORDS}\n\n{LEGEND}\n");
    let names: String = TENANTS.map(|tenant| format!("{tenant:CELL$}")).concat();
    println!("{:13}{}", "  s", names.trim_end());
}

/// Prints a line per second and lane, for as long as load is offered.
pub(crate) async fn show(lanes: &[Lane], start: Instant) {
    const SECOND: Duration = Duration::from_secs(1);
    // A moment before the second is full, so that what changes with the next one is on its line.
    const BEFORE: Duration = Duration::from_millis(10);
    let colours = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let mut seen = vec![0; lanes.len()];
    let mut ticks = interval_at(start + SECOND - BEFORE, SECOND);
    for second in 1..=RUN.as_secs() {
        ticks.tick().await;
        for (lane, seen) in lanes.iter().zip(&mut seen) {
            let calls = lane.calls_after(*seen);
            *seen += calls.len();
            let cells = TENANTS
                .map(|tenant| cell(lane, tenant, &calls, colours))
                .concat();
            println!("{second:3} {:9}{}", lane.gateway.name, cells.trim_end());
        }
    }
}

fn cell(lane: &Lane, tenant: &str, calls: &[Call], colours: bool) -> String {
    let count = |answer| {
        let of_tenant = calls.iter().filter(|call| call.tenant == tenant);
        of_tenant.filter(|call| call.answer == answer).count()
    };
    let (letter, colour) = match lane.gateway.state(tenant) {
        CircuitState::Closed => ('C', 32),
        CircuitState::Open => ('O', 31),
        CircuitState::HalfOpen => ('H', 33),
    };
    // A dash for none, so that what is not zero stands out.
    let [served, failed, rejected] =
        [Answer::Served, Answer::Failed, Answer::Rejected].map(|answer| match count(answer) {
            0 => "-".to_owned(),
            calls => calls.to_string(),
        });
    let text = format!("{letter} {served}/{failed}/{rejected}");
    if colours {
        format!("\x1b[{colour}m{text:CELL$}\x1b[0m")
    } else {
        format!("{text:CELL$}")
    }
}
