//! What the run showed: the figures, the tables, and whether it is what it should be.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::load::{Answer, Call, Lane};
use crate::scenario::{OUTAGES, is_healthy};
use crate::upstream::{Health, Upstream};

/// When an outage really was: the script's times, as the clock kept them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sickness {
    pub(crate) began: Instant,
    pub(crate) ended: Instant,
}

/// Calls by their answers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) sent: u64,
    pub(crate) served: u64,
    pub(crate) failed: u64,
    pub(crate) rejected: u64,
}

/// One gateway's figures.
#[derive(Clone, Debug)]
pub(crate) struct Figures {
    pub(crate) gateway: &'static str,
    pub(crate) healthy: Counts,
    /// Of the healthy tenants' served calls: rejections are quick, and would flatter it.
    pub(crate) p99: Duration,
    pub(crate) sick: Vec<Sick>,
}

/// The figures of a tenant whose upstream was sick for a while.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sick {
    pub(crate) tenant: &'static str,
    pub(crate) health: Health,
    pub(crate) counts: Counts,
    /// Calls that were sent while the upstream was sick.
    pub(crate) sent_sick: u64,
    /// Those of them that were rejected, and so never reached it.
    pub(crate) spared: u64,
    /// What the upstream itself received while it was sick.
    pub(crate) received_sick: u64,
    /// From the upstream's falling sick to the opening of the circuit.
    pub(crate) opened_after: Option<Duration>,
    /// From the upstream's recovery to the first call that was served again.
    pub(crate) recovered_after: Option<Duration>,
}

impl Counts {
    pub(crate) fn of(answers: impl Iterator<Item = Answer>) -> Self {
        let mut counts = Self::default();
        for answer in answers {
            counts.sent += 1;
            match answer {
                Answer::Served => counts.served += 1,
                Answer::Failed => counts.failed += 1,
                Answer::Rejected => counts.rejected += 1,
            }
        }
        counts
    }
}

impl Figures {
    /// Counts what went through one gateway.
    pub(crate) fn of(lane: &Lane, upstream: &Upstream, sickness: &[Sickness]) -> Self {
        let calls = lane.calls_after(0);
        let healthy = || calls.iter().filter(|call| is_healthy(call.tenant));
        let sick = OUTAGES.iter().zip(sickness).map(|(outage, sickness)| {
            let tenant = outage.tenant;
            let own = || calls.iter().filter(move |call| call.tenant == tenant);
            let answers = own().map(|call| call.answer);
            let while_sick = own().filter(|call| call.sick).map(|call| call.answer);
            let while_sick = Counts::of(while_sick);
            let served_again = own()
                .filter(|call| call.answer == Answer::Served && call.ended >= sickness.ended)
                .map(|call| call.ended)
                .min();
            let opened = lane.gateway.opened(tenant, sickness.began);
            Sick {
                tenant,
                health: outage.health,
                counts: Counts::of(answers),
                sent_sick: while_sick.sent,
                spared: while_sick.rejected,
                received_sick: upstream.received_sick(tenant, lane.gateway.name),
                opened_after: opened.map(|at| at - sickness.began),
                recovered_after: served_again.map(|at| at - sickness.ended),
            }
        });
        Self {
            gateway: lane.gateway.name,
            healthy: Counts::of(healthy().map(|call| call.answer)),
            p99: p99(healthy().filter(|call| call.answer == Answer::Served)),
            sick: sick.collect(),
        }
    }

    fn json(&self) -> Value {
        let sick = self.sick.iter().map(|sick| {
            json!({
                "tenant": sick.tenant,
                "sent": sick.counts.sent,
                "ok": sick.counts.served,
                "failed": sick.counts.failed,
                "rejected": sick.counts.rejected,
                "spared": sick.spared,
                "opened_after_ms": sick.opened_after.map(whole_ms),
                "recovered_after_ms": sick.recovered_after.map(whole_ms),
            })
        });
        json!({
            "healthy": {
                "sent": self.healthy.sent,
                "ok": self.healthy.served,
                "failed": self.healthy.failed,
                "rejected": self.healthy.rejected,
                "p99_ms": (self.p99.as_secs_f64() * 10_000.0).round() / 10.0,
            },
            "sick": sick.collect::<Vec<_>>(),
        })
    }
}

/// Everything as one JSON object on one line.
pub(crate) fn json_line(isolated: &Figures, shared: &Figures) -> String {
    json!({ "isolated": isolated.json(), "shared": shared.json() }).to_string()
}

/// Why the run is not what it should be; empty where it is.
pub(crate) fn complaints(isolated: &Figures, shared: &Figures) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut expect = |held: bool, complaint: String| {
        if !held {
            complaints.push(complaint);
        }
    };
    let Counts {
        sent,
        failed,
        rejected,
        ..
    } = isolated.healthy;
    expect(sent > 0, "the healthy tenants made no call".to_owned());
    expect(
        failed == 0,
        format!("isolated: {failed} healthy calls failed"),
    );
    expect(
        rejected == 0,
        format!("isolated: {rejected} healthy calls were rejected"),
    );
    for sick in &isolated.sick {
        let tenant = sick.tenant;
        expect(
            sick.opened_after.is_some(),
            format!("isolated: the circuit of {tenant} never opened"),
        );
        expect(
            sick.recovered_after.is_some(),
            format!("isolated: {tenant} was not served again"),
        );
        expect(
            sick.spared > 0 && sick.spared * 2 >= sick.sent_sick,
            format!(
                "isolated: the upstream of {tenant} was spared {} of {} calls, less than half",
                sick.spared, sick.sent_sick
            ),
        );
    }
    expect(
        shared.healthy.rejected > 0,
        "shared: no healthy call was rejected, so the run shows no difference".to_owned(),
    );
    complaints
}

/// The tables at the end.
pub(crate) fn print_tables(gateways: &[&Figures]) {
    println!("\nthe healthy tenants");
    println!(
        "  {:9}{:>7}{:>8}{:>8}{:>10}{:>17}",
        "gateway", "sent", "served", "failed", "rejected", "p99 of served"
    );
    for figures in gateways {
        let Counts {
            sent,
            served,
            failed,
            rejected,
        } = figures.healthy;
        println!(
            "  {:9}{sent:7}{served:8}{failed:8}{rejected:10}{:14.1} ms",
            figures.gateway,
            figures.p99.as_secs_f64() * 1_000.0
        );
    }
    println!("\nthe sick tenants: the whole run | while the upstream was sick | how soon");
    println!(
        "  {:9}{:7}{:12}{:>5}{:>7}{:>7}{:>9} |{:>8}{:>10} |{:>8}{:>13}",
        "gateway",
        "tenant",
        "upstream",
        "sent",
        "served",
        "failed",
        "rejected",
        "reached",
        "spared",
        "opened",
        "served again"
    );
    for figures in gateways {
        for sick in &figures.sick {
            let counts = sick.counts;
            println!(
                "  {:9}{:7}{:12}{:5}{:7}{:7}{:9} |{:8}{:>10} |{:>8}{:>13}",
                figures.gateway,
                sick.tenant,
                sick.health.in_words(),
                counts.sent,
                counts.served,
                counts.failed,
                counts.rejected,
                sick.received_sick,
                format!("{} of {}", sick.spared, sick.sent_sick),
                in_words(sick.opened_after),
                in_words(sick.recovered_after),
            );
        }
    }
    println!(
        "  reached: what the upstream itself counted. spared: rejected, so that they never reached it.
  opened: after the upstream fell sick (a shared circuit opens for any tenant).
  served again: after it recovered."
    );
}

fn p99<'a>(calls: impl Iterator<Item = &'a Call>) -> Duration {
    // Three digits, of microseconds, up to a minute: nothing that a client waits for is longer.
    let Ok(mut histogram) = Histogram::<u64>::new_with_bounds(1, 60_000_000, 3) else {
        return Duration::ZERO;
    };
    for call in calls {
        histogram.saturating_record(call.took.as_micros().try_into().unwrap_or(u64::MAX));
    }
    Duration::from_micros(histogram.value_at_quantile(0.99))
}

pub(crate) fn whole_ms(duration: Duration) -> u64 {
    duration.as_millis().try_into().unwrap_or(u64::MAX)
}

fn in_words(duration: Option<Duration>) -> String {
    duration.map_or("never".to_owned(), |after| {
        format!("{} ms", whole_ms(after))
    })
}
