use tower::{ServiceBuilder, service_fn};
use tower_tenant_breaker::{CircuitState, Outcome};

use super::*;

#[tokio::test(start_paused = true)]
async fn what_a_tool_answers_is_handed_on_as_it_is() {
    let (tools, shop) = (tools(["search"]), Shop::default());
    let dispatcher = tools.dispatcher(shop.service());
    let reply = ask(&dispatcher, call("search", Work::Answer)).await;
    assert_eq!(reply.unwrap().output(), Some("done"));
    let totals = tool(&tools, "search").circuit("acme").snapshot().unwrap();
    assert_eq!((totals.totals.calls, totals.totals.failures), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn failed_calls_are_answered_and_open_the_circuit_of_this_tenant_and_tool() {
    let (tools, shop) = (tools(["search", "calendar"]), Shop::default());
    let dispatcher = tools.dispatcher(shop.service());

    let first = signal(&dispatcher, call("search", Work::Fail)).await;
    assert_eq!(first.reason(), SignalReason::ToolCallFailed);
    // The next call would be admitted.
    assert_eq!(first.retry_after_seconds(), None);
    let second = signal(&dispatcher, call("search", Work::Fail)).await;
    assert_eq!(second.reason(), SignalReason::ToolCallFailed);
    // It has opened the circuit: a model that only knew of the failure would waste its next call.
    assert_eq!(second.retry_after_seconds(), Some(10));

    pass(Duration::from_millis(2_500)).await;
    let third = signal(&dispatcher, call("search", Work::Answer)).await;
    assert_eq!(third.reason(), SignalReason::CircuitOpenFailures);
    assert_eq!(third.retry_after(), Some(Duration::from_millis(7_500)));
    assert_eq!(third.retry_after_seconds(), Some(8));
    assert_eq!(shop.reached(), 2);

    let other_tool = ask(&dispatcher, call("calendar", Work::Answer)).await;
    assert!(other_tool.unwrap().output().is_some());
    let other_tenant = ToolCall::new("globex", "search", Work::Answer);
    assert!(
        ask(&dispatcher, other_tenant)
            .await
            .unwrap()
            .output()
            .is_some()
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_that_a_tool_says_in_an_error_reaches_the_model() {
    let tools = tools(["search"]);
    let dispatcher = tools.dispatcher(Shop::default().service());
    let signal = signal(&dispatcher, call("search", Work::Fail)).await;
    let told = format!("{signal:?} {}", signal.to_json());
    assert!(!told.contains("secret") && !told.contains("acme"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn an_output_that_is_judged_a_failure_is_handed_on_and_counted() {
    let tools = tools(["search"]);
    let judge = |result: Result<&&'static str, &BoxError>| match result {
        Ok(&"bad") | Err(_) => Outcome::failure(),
        Ok(_) => Outcome::Success,
    };
    let dispatcher = tools.dispatcher_with(Shop::default().service(), judge);
    for _ in 0..2 {
        let reply = ask(&dispatcher, call("search", Work::AnswerBadly)).await;
        assert_eq!(reply.unwrap().output(), Some("bad"));
    }
    let reason = reason(&dispatcher, call("search", Work::Answer)).await;
    assert_eq!(reason, SignalReason::CircuitOpenFailures);
}

#[tokio::test(start_paused = true)]
async fn an_error_that_is_judged_no_failure_is_answered_with_a_signal_all_the_same() {
    for outcome in [Outcome::Ignored, Outcome::Success] {
        let tools = tools(["search"]);
        let judge = move |_: Result<&&'static str, &BoxError>| outcome;
        let dispatcher = tools.dispatcher_with(Shop::default().service(), judge);
        for _ in 0..5 {
            let reason = reason(&dispatcher, call("search", Work::Fail)).await;
            assert_eq!(reason, SignalReason::ToolCallFailed, "{outcome:?}");
        }
        assert_eq!(tool(&tools, "search").state("acme"), CircuitState::Closed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_hint_of_the_tool_is_told_with_the_call_that_it_came_with() {
    let policy = policy().trip_on_hint(true).build().unwrap();
    let search = Tool::new("search").policy(policy);
    let tools = declare(&registry()).tool(search).build().unwrap();
    let judge = |result: Result<&&'static str, &BoxError>| match result {
        Ok(_) => Outcome::Success,
        Err(_) => Outcome::throttled().with_retry_after(Duration::from_secs(25)),
    };
    let dispatcher = tools.dispatcher_with(Shop::default().service(), judge);
    let throttled = signal(&dispatcher, call("search", Work::Fail)).await;
    assert_eq!(throttled.reason(), SignalReason::ToolCallFailed);
    assert_eq!(throttled.retry_after_seconds(), Some(25));
    let reason = reason(&dispatcher, call("search", Work::Answer)).await;
    assert_eq!(reason, SignalReason::CircuitOpenThrottled);
}

#[tokio::test(start_paused = true)]
async fn a_rejection_further_in_is_told_with_its_reason_and_time_under_the_tools_own_name() {
    let registry = registry();
    let provider = registry.dependency_with("provider", policy().build().unwrap());
    let provider = provider.unwrap();
    provider.force_open_for("a contract has ended", Duration::from_secs(77));
    let rejection = provider.acquire("acme").unwrap_err();
    let open = rejection.circuit_open().unwrap();

    let tools = declare(&registry)
        .tool(Tool::new("search"))
        .build()
        .unwrap();
    let dispatcher = tools.dispatcher(Shop::default().service());
    for _ in 0..5 {
        let work = Work::BeRejected(open.clone());
        let signal = signal(&dispatcher, call("search", work)).await;
        assert_eq!(signal.tool_name(), "search");
        assert_eq!(signal.reason(), SignalReason::CircuitForcedOpen);
        assert_eq!(signal.retry_after_seconds(), Some(77));
    }
    let search = tool(&tools, "search").circuit("acme").snapshot().unwrap();
    assert_eq!((search.totals.ignored, search.totals.failures), (5, 0));
    assert_eq!(search.state, CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_load_shed_further_in_is_told_as_too_many_calls() {
    let tools = tools(["search"]);
    let dispatcher = tools.dispatcher(Shop::default().service());
    for _ in 0..5 {
        let signal = signal(&dispatcher, call("search", Work::Shed)).await;
        assert_eq!(signal.reason(), SignalReason::TooManyCalls);
        assert_eq!(signal.retry_after_seconds(), Some(1));
    }
    let search = tool(&tools, "search").circuit("acme").snapshot().unwrap();
    assert_eq!((search.totals.ignored, search.totals.failures), (5, 0));
}

#[tokio::test(start_paused = true)]
async fn one_dispatcher_serves_what_its_service_takes() {
    let tools = tools(["search"]);
    let double = service_fn(async |call: ToolCall<u32>| Ok::<_, BoxError>(2 * call.input));
    let dispatcher = tools.dispatcher(double);
    let call = ToolCall::new("acme", "search", 4).call_id("call_1");
    assert_eq!(dispatcher.oneshot(call).await.unwrap().output(), Some(8));
}

#[tokio::test(start_paused = true)]
async fn a_timeout_of_the_tools_own_is_told_as_one() {
    let search = Tool::new("search").without_timeout();
    let tools = declare(&registry()).tool(search).build().unwrap();
    let service = ServiceBuilder::new()
        .map_err(|error: BoxError| BoxError::from(std::io::Error::other(error)))
        .timeout(OPEN)
        .service(Shop::default().service());
    let tower = tools.dispatcher(service);
    let tokio = tools.dispatcher(service_fn(async |_: Call| {
        let answer = tokio::time::timeout(OPEN, std::future::pending()).await?;
        Ok::<&'static str, BoxError>(answer)
    }));
    let told = [
        signal(&tower, call("search", Work::Hang)).await,
        signal(&tokio, call("search", Work::Hang)).await,
    ];
    for signal in told {
        assert_eq!(signal.reason(), SignalReason::ToolCallTimeout);
    }
    assert_eq!(tool(&tools, "search").state("acme"), CircuitState::Open);
}
