//! The calls, one after another, and what reaches the upstream.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use tokio::runtime;
use tokio::time::{Instant, advance};
use tower_tenant_breaker::{CircuitBreakerRegistry, OutagePolicy, Outcome, Permit, Policy};

use crate::traffic::Traffic;

pub(crate) const DOWN_FROM: Duration = Duration::from_secs(120);
pub(crate) const DOWN_UNTIL: Duration = Duration::from_secs(420);
const END: Duration = Duration::from_secs(720);
/// How long a call takes that the upstream answers, and one that it does not.
const ANSWERED: Duration = Duration::from_millis(20);
const FAILED: Duration = Duration::from_millis(100);

/// What one way of breaking circuits did to the upstream.
#[derive(Clone, Debug)]
pub struct Run {
    /// The calls that reached it, by second.
    seconds: Vec<u64>,
    /// The calls that reached it while it was down.
    reached: Vec<Duration>,
    /// When the outage was declared, if it was, and when it was over.
    pub(crate) declared: Option<Duration>,
    pub(crate) over: Option<Duration>,
}

/// What happens next: a tenant calls, or a call ends.
#[derive(Debug)]
enum Step {
    Begin(usize),
    End(Permit, Outcome),
}

/// Steps by instant; those of one instant in the order in which they were made.
#[derive(Default)]
struct Steps {
    due: BinaryHeap<Reverse<(Duration, usize)>>,
    steps: Vec<Option<Step>>,
}

impl Steps {
    fn add(&mut self, at: Duration, step: Step) {
        self.due.push(Reverse((at, self.steps.len())));
        self.steps.push(Some(step));
    }

    fn next(&mut self) -> Option<(Duration, Step)> {
        let Reverse((at, number)) = self.due.pop()?;
        Some((at, self.steps[number].take()?))
    }
}

impl Run {
    /// The calls that reached the upstream while it was down, from this instant on.
    #[must_use]
    pub fn while_down_after(&self, from: Duration) -> usize {
        self.reached.iter().filter(|at| **at >= from).count()
    }

    /// The calls of an average second before the upstream went down.
    #[must_use]
    pub fn normal(&self) -> f64 {
        // Not the first seconds, in which some tenants have not come yet.
        let seconds = &self.seconds[60..DOWN_FROM.as_secs() as usize];
        seconds.iter().sum::<u64>() as f64 / seconds.len() as f64
    }

    /// The calls of the busiest second since the upstream was back.
    #[must_use]
    pub fn busiest_after(&self) -> u64 {
        let seconds = &self.seconds[DOWN_UNTIL.as_secs() as usize..];
        seconds.iter().copied().max().unwrap_or_default()
    }

    /// How long after the upstream was back its traffic was as it had been.
    #[must_use]
    pub fn whole_again(&self) -> Option<Duration> {
        let is_whole = |calls: &&u64| **calls as f64 >= 0.95 * self.normal();
        let since = &self.seconds[DOWN_UNTIL.as_secs() as usize..];
        let short = since.iter().rev().take_while(is_whole).count();
        let seconds = since.len() - short;
        (short > 0).then(|| Duration::from_secs(seconds as u64))
    }
}

/// Runs the twelve minutes, with a policy for outages or without.
#[must_use]
pub(crate) fn run(traffic: Traffic, policy: &Policy) -> Run {
    let runtime = runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(simulate(traffic, policy.clone()))
}

/// The default policy, and for outages the default again.
#[must_use]
pub(crate) fn with_outages() -> Policy {
    let policy = Policy::builder().outage(OutagePolicy::default());
    policy.build().expect("the defaults are within all bounds")
}

async fn simulate(traffic: Traffic, policy: Policy) -> Run {
    let registry = CircuitBreakerRegistry::builder()
        .build()
        .expect("the defaults");
    let search = registry
        .dependency_with("search", policy)
        .expect("a new name");
    let tenants = traffic.of_tenants();
    let names: Vec<_> = (0..tenants.len()).map(|n| format!("tenant-{n}")).collect();
    let mut steps = Steps::default();
    for (tenant, calls) in tenants.iter().enumerate() {
        steps.add(calls.first, Step::Begin(tenant));
    }
    let mut run = Run {
        seconds: vec![0; END.as_secs() as usize],
        reached: Vec::new(),
        declared: None,
        over: None,
    };
    let begin = Instant::now();
    while let Some((at, step)) = steps.next()
        && at < END
    {
        advance(at.saturating_sub(Instant::now().saturating_duration_since(begin))).await;
        let is_down = (DOWN_FROM..DOWN_UNTIL).contains(&at);
        match step {
            Step::End(permit, outcome) => permit.record(outcome),
            Step::Begin(tenant) => {
                steps.add(at + tenants[tenant].every, Step::Begin(tenant));
                if let Ok(permit) = search.acquire(&names[tenant]) {
                    run.seconds[at.as_secs() as usize] += 1;
                    let (took, outcome) = if is_down {
                        run.reached.push(at);
                        (FAILED, Outcome::failure())
                    } else {
                        (ANSWERED, Outcome::Success)
                    };
                    steps.add(at + took, Step::End(permit, outcome));
                }
            }
        }
        match (run.declared, run.over, search.outage()) {
            (None, _, Some(_)) => run.declared = Some(at),
            (Some(_), None, None) => run.over = Some(at),
            _ => {}
        }
    }
    run
}
