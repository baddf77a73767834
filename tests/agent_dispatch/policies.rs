use std::sync::Barrier;

use tower_tenant_breaker::DeclareError;
use tower_tenant_breaker::agent::ToolsError;

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn a_tool_has_its_own_policy_or_that_of_all() {
    let one = policy().consecutive_failures(1).build().unwrap();
    let tools = declare(&registry())
        .tools([Tool::new("search"), Tool::new("calendar").policy(one)])
        .build()
        .unwrap();
    let dispatcher = tools.dispatcher(Shop::default().service());
    for name in ["search", "calendar"] {
        signal(&dispatcher, call(name, Work::Fail)).await;
    }
    let unavailable = tools.unavailable("acme").tools;
    assert_eq!(unavailable.len(), 1);
    assert_eq!(&*unavailable[0].name, "calendar");
    signal(&dispatcher, call("search", Work::Fail)).await;
    assert_eq!(tools.unavailable("acme").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn without_any_policy_that_of_low_traffic_holds_and_abandoned_calls_do_not_count() {
    let registry = registry();
    let tools = Tools::builder(&registry).tool(Tool::new("search")).build();
    let search = tools.unwrap().dependency("search").unwrap().clone();
    let low_traffic = Policy::low_traffic().abandoned_run(0).build().unwrap();
    assert!(registry.dependency_with("search", low_traffic).is_ok());
    assert_eq!(search.name(), "search");
}

#[tokio::test(start_paused = true)]
async fn a_dependency_that_is_declared_already_keeps_its_policy() {
    let registry = registry();
    let one = policy().consecutive_failures(1).build().unwrap();
    let search = registry.dependency_with("search", one.clone()).unwrap();
    let of_all = declare(&registry).tool(Tool::new("search")).build();
    let dispatcher = of_all.unwrap().dispatcher(Shop::default().service());
    signal(&dispatcher, call("search", Work::Fail)).await;
    assert!(search.acquire("acme").is_err());

    let same = Tool::new("search").policy(one);
    assert!(Tools::builder(&registry).tool(same).build().is_ok());
    let other = Tool::new("search").policy(policy().build().unwrap());
    let error = Tools::builder(&registry).tool(other).build().unwrap_err();
    let (tool, error_of) = ("search".into(), DeclareError::OtherPolicy("search".into()));
    assert_eq!(
        error,
        ToolsError::Declare {
            tool,
            error: error_of
        }
    );
}

#[test]
fn whoever_declares_a_tool_without_a_policy_at_the_same_time_takes_what_the_other_declared() {
    for round in 0..300 {
        let (registry, start) = (registry(), Barrier::new(2));
        let build = |failures| {
            start.wait();
            let policy = policy().consecutive_failures(failures).build().unwrap();
            let tools = Tools::builder(&registry).policy(policy);
            tools.tool(Tool::new("search")).build().map(drop)
        };
        let built = std::thread::scope(|scope| {
            let other = scope.spawn(|| build(1));
            [build(2), other.join().unwrap()]
        });
        assert_eq!(built, [Ok(()), Ok(())], "round {round}");
    }
}

async fn time_until_given_up(tools: &Tools, name: &str) -> Duration {
    let dispatcher = tools.dispatcher(Shop::default().service());
    let begun = Instant::now();
    let signal = signal(&dispatcher, call(name, Work::Hang)).await;
    assert_eq!(signal.reason(), SignalReason::ToolCallTimeout);
    since(begun)
}

#[tokio::test(start_paused = true)]
async fn a_tool_has_its_own_timeout_or_that_of_all_or_a_minute() {
    let names = || [Tool::new("search"), Tool::new("calendar").timeout(3 * OPEN)];
    let by_default = declare(&registry()).tools(names()).build().unwrap();
    let of_all = declare(&registry())
        .timeout(OPEN)
        .tools(names())
        .build()
        .unwrap();
    assert_eq!(time_until_given_up(&by_default, "search").await, MINUTE);
    assert_eq!(time_until_given_up(&by_default, "calendar").await, 3 * OPEN);
    assert_eq!(time_until_given_up(&of_all, "search").await, OPEN);
    assert_eq!(time_until_given_up(&of_all, "calendar").await, 3 * OPEN);
}

#[tokio::test(start_paused = true)]
async fn a_tool_without_a_timeout_is_waited_for() {
    let tools = declare(&registry())
        .timeout(OPEN)
        .tool(Tool::new("research").without_timeout())
        .build()
        .unwrap();
    let dispatcher = tools.dispatcher(Shop::default().service());
    let two_days = Work::Take(Duration::from_secs(48 * 3_600));
    let reply = ask(&dispatcher, call("research", two_days)).await.unwrap();
    assert_eq!(reply.output(), Some("done"));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_ends_in_time_is_no_timeout() {
    let tools = declare(&registry()).timeout(OPEN).tool(Tool::new("search"));
    let dispatcher = tools.build().unwrap().dispatcher(Shop::default().service());
    let just = Work::Take(OPEN - Duration::from_millis(1));
    let reply = ask(&dispatcher, call("search", just)).await.unwrap();
    assert_eq!(reply.output(), Some("done"));
}

#[tokio::test(start_paused = true)]
async fn a_timeout_is_a_failure_of_the_circuit_and_ends_the_call_behind_it() {
    let tools = declare(&registry()).timeout(OPEN).tool(Tool::new("search"));
    let (tools, shop) = (tools.build().unwrap(), Shop::default());
    let dispatcher = tools.dispatcher(shop.service());
    let first = signal(&dispatcher, call("search", Work::Hang)).await;
    assert_eq!(
        (first.reason(), first.retry_after()),
        (SignalReason::ToolCallTimeout, None)
    );
    assert_eq!(shop.in_the_air(), 0);
    let second = signal(&dispatcher, call("search", Work::Hang)).await;
    assert_eq!(second.retry_after_seconds(), Some(10));
    let search = tool(&tools, "search").circuit("acme").snapshot().unwrap();
    assert_eq!((search.totals.failures, search.totals.cancelled), (2, 0));
    let reason = reason(&dispatcher, call("search", Work::Answer)).await;
    assert_eq!(reason, SignalReason::CircuitOpenFailures);
}
