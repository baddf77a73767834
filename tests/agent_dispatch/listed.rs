//! What is listed is what a call meets, in whatever state histories leave the circuits.

use std::collections::BTreeSet;
use std::time::UNIX_EPOCH;

use fastrand::Rng;
use tower_tenant_breaker::{OutagePolicy, Override};

use super::*;

const TENANTS: [&str; 4] = ["acme", "globex", "initech", "umbrella"];

/// One that can be down for all, and one that cannot, of each kind.
fn declared(registry: &CircuitBreakerRegistry) -> Tools {
    let outage = OutagePolicy::default().min_tenants(2).newcomers(true);
    let down_for_all = policy().outage(outage).ramp(0.1, OPEN).build().unwrap();
    let begun = Instant::now();
    let tools = declare(registry)
        .wall_clock(move || UNIX_EPOCH + since(begun))
        .tool(Tool::new("search").policy(down_for_all.clone()))
        .tool(Tool::new("web"))
        .tool(Tool::new("book").policy(down_for_all).has_side_effects())
        .tool(Tool::new("pay").has_side_effects());
    tools.build().unwrap()
}

/// Something happens to a circuit, or to all of them.
async fn happen(rng: &mut Rng, registry: &CircuitBreakerRegistry, tools: &Tools) {
    let tenant = TENANTS[rng.usize(..TENANTS.len())];
    let name = tools.names().nth(rng.usize(..tools.len())).unwrap();
    let dependency = tool(tools, name);
    match rng.u8(..20) {
        0..8 => {
            if let Ok(permit) = dependency.acquire(tenant) {
                permit.record(tower_tenant_breaker::Outcome::failure());
            }
        }
        8..10 => {
            if let Ok(permit) = dependency.acquire(tenant) {
                permit.record(tower_tenant_breaker::Outcome::Success);
            }
        }
        10 => dependency.force_open_for("maintenance", OPEN / 2),
        11 => dependency.circuit(tenant).force_open("maintenance"),
        12 => dependency.circuit(tenant).clear(),
        13 => dependency.set(Override::DryRun),
        14 => dependency.clear(),
        15 => registry.set(Override::Disabled),
        16 => registry.clear(),
        _ => pass(OPEN * rng.u32(1..25) / 10).await,
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_meets_the_reason_and_the_time_that_are_listed_and_none_that_are_not() {
    let mut met = BTreeSet::new();
    for seed in 0..60 {
        let mut rng = Rng::with_seed(seed);
        let registry = registry();
        let tools = declared(&registry);
        let dispatcher = tools.dispatcher(Shop::default().service());
        for step in 0..120 {
            happen(&mut rng, &registry, &tools).await;
            let tenant = TENANTS[rng.usize(..TENANTS.len())];
            let note = tools.prompt_note(tenant);
            let (listed, others): (Vec<_>, Vec<_>) = tools
                .names()
                .map(|name| (name, tools.why_unavailable(tenant, name)))
                .partition(|(_, listed)| listed.is_some());
            for (name, listed) in listed {
                let listed = listed.unwrap();
                let call = ToolCall::new(tenant, name, Work::Answer);
                let signal = signal(&dispatcher, call).await;
                assert_eq!(
                    (signal.reason(), signal.retry_after()),
                    (listed.reason, listed.retry_after),
                    "seed {seed}, step {step}: {name} of {tenant}"
                );
                met.insert((listed.reason.as_str(), listed.retry_after.is_some()));
            }
            assert_eq!(tools.prompt_note(tenant), note, "a rejection ticks");
            // Not each time: they would have all circuits closed again.
            let others = others.into_iter().filter(|_| rng.u8(..20) == 0);
            for (name, _) in others {
                let call = ToolCall::new(tenant, name, Work::Answer);
                if let ToolReply::Unavailable(signal) = ask(&dispatcher, call).await.unwrap() {
                    let left = signal.retry_after();
                    assert_eq!(left, Some(Duration::ZERO), "step {step}: {signal:?}");
                }
            }
        }
    }
    assert_eq!(met.len(), 6, "{met:?}");
}
