//! One hour of the platform.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use tokio::runtime;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tower::{BoxError, service_fn};
use tower_tenant_breaker::CircuitBreakerRegistry;
use tower_tenant_breaker::agent::{ToolCall, Tools};
use tower_tenant_breaker::impact::{ImpactPolicy, ImpactReport};

use super::catalog;
use super::script;
use super::turn::{self, TurnRecord};
use super::world::{DOWN, Errand, Reached, World};

const HOUR: Duration = Duration::from_secs(3_600);
/// A full hour, so that the report has one and not two: 2026-11-29T12:00:00Z.
const NOON: Duration = Duration::from_secs(1_795_953_600);

/// Whether circuits open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breaker {
    /// Calls are counted, and no circuit ever opens. Timeouts are the same, and so is what the model is told of them.
    Without,
    /// As a platform would have it.
    With,
}

/// What became of an hour.
#[derive(Clone, Debug)]
pub struct Hour {
    /// The turns, in the order of their scripts.
    pub turns: Vec<TurnRecord>,
    /// Turns that panicked.
    pub panicked: usize,
    /// The calls that reached the tools, as the tools know it.
    pub reached: Vec<Reached>,
    /// What the registry says of it.
    pub impact: ImpactReport,
    /// Over which time calls count as slow, if any does.
    pub slow_over: Option<Duration>,
    /// How many dependencies the registry has in the end.
    pub dependencies: usize,
    /// When the outage was declared and when it was over, to the second.
    pub outage: Option<(Duration, Duration)>,
}

impl Hour {
    /// Lives through an hour of the scripts of this seed.
    ///
    /// # Errors
    ///
    /// Where the runtime, the registry or the tools cannot be made.
    pub fn of(seed: u64, breaker: Breaker) -> Result<Self, BoxError> {
        // The jitter of open periods: the same in each run too.
        fastrand::seed(seed);
        let runtime = runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()?;
        runtime.block_on(live(seed, breaker))
    }
}

/// How long ago something began.
pub(super) fn since(begun: Instant) -> Duration {
    Instant::now().saturating_duration_since(begun)
}

async fn live(seed: u64, breaker: Breaker) -> Result<Hour, BoxError> {
    let noon = UNIX_EPOCH + NOON;
    let impact = ImpactPolicy::default().wall_clock(noon).max_turns(1_024);
    let registry = CircuitBreakerRegistry::builder().impact(impact).build()?;
    let policy = match breaker {
        Breaker::Without => catalog::counting()?,
        Breaker::With => catalog::breaking()?,
    };
    let begun = Instant::now();
    let slow_over = policy.latency_threshold(0);
    let tools = catalog::tools().fold(Tools::builder(&registry), |tools, tool| tools.tool(tool));
    let tools = tools
        .policy(policy)
        .timeout(Duration::from_secs(20))
        .wall_clock(move || noon + since(begun))
        .build()?;
    let down = registry.get(DOWN).ok_or("the tool is not declared")?;
    let world = World::new(down.clone());
    let dispatcher = {
        let world = world.clone();
        tools.dispatcher(service_fn(move |call: ToolCall<Errand>| {
            world.clone().run(call)
        }))
    };

    let scripts: Arc<[_]> = script::draw(seed).into();
    let mut running = JoinSet::new();
    for number in 0..scripts.len() {
        let (scripts, tools) = (Arc::clone(&scripts), tools.clone());
        let dispatcher = dispatcher.clone();
        running.spawn(async move {
            let script = &scripts[number];
            (
                number,
                turn::run(script, number, begun, &tools, dispatcher).await,
            )
        });
    }
    let mut outage = None;
    while since(begun) < HOUR {
        sleep(Duration::from_secs(1)).await;
        if down.outage().is_some() {
            let now = since(begun);
            outage = Some((outage.map_or(now, |(declared, _)| declared), now));
        }
    }
    let mut turns = Vec::new();
    let mut panicked = 0;
    while let Some(ended) = running.join_next().await {
        match ended {
            Ok(turn) => turns.push(turn),
            Err(_panic) => panicked += 1,
        }
    }
    turns.sort_by_key(|(number, _)| *number);
    Ok(Hour {
        turns: turns.into_iter().map(|(_, turn)| turn).collect(),
        panicked,
        reached: world.take_reached(),
        impact: registry.impact(),
        slow_over,
        dependencies: registry.dependencies().len(),
        outage,
    })
}
