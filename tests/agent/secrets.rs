//! What must not reach a model: tenants, credentials, what tools and operators say, and what lies behind a tool.

use std::time::Duration;

use tokio::time::timeout;
use tower::{BoxError, service_fn};
use tower_tenant_breaker::agent::{DegradationSignal, MessageTemplate, ToolCall, ToolReply, Tools};
use tower_tenant_breaker::{CallError, CircuitBreakerRegistry, OutagePolicy};

use crate::{SECOND, at_noon, fail, failing, policy, registry, rejected, signal_of, travel};

const TENANT: &str = "tenant-7f3b9c52";
const FOREIGN: &str = "tenant-4d1e0000";
const BODY: &str = "401 from 10.0.0.7: key sk-live-51H8 of user bob@acme.example";
const NOTE: &str = "ticket BILL-X9: the vendor has not been paid";
const INNER: &str = "inner-cluster-eu-3";

const SECRETS: [&str; 10] = [
    TENANT,
    FOREIGN,
    BODY,
    NOTE,
    INNER,
    "sk-live",
    "10.0.0.7",
    "bob@",
    "BILL-X9",
    "inner-cluster",
];

/// Everything that is made of a signal, and of the tools.
fn all_of(tools: &Tools, signal: &DegradationSignal) -> String {
    let unavailable = tools.unavailable(TENANT);
    let reply: ToolReply<String> = ToolReply::Unavailable(signal.clone());
    [
        signal.message(),
        serde_json::to_string(signal).unwrap(),
        signal.to_json().to_string(),
        signal.to_mcp().to_string(),
        signal.to_mcp_text().to_string(),
        signal.to_openai("1").to_string(),
        signal.to_openai_responses("1").to_string(),
        signal.to_anthropic("1").to_string(),
        format!("{signal:?} {signal:#?} {reply:?}"),
        format!("{unavailable:?} {tools:?}"),
        serde_json::to_string(&unavailable).unwrap(),
        tools.prompt_note(TENANT).unwrap_or_default(),
        signal.alternatives().collect::<Vec<_>>().join(" "),
    ]
    .join("\n")
}

fn assert_tells_nothing(tools: &Tools, signal: &DegradationSignal) {
    let all = all_of(tools, signal);
    for secret in SECRETS {
        assert!(!all.contains(secret), "{secret:?} is in {all}");
    }
    assert!(all.contains("search"), "{all}");
}

#[tokio::test(start_paused = true)]
async fn what_a_tool_says_where_it_fails_reaches_nobody() {
    let registry = registry();
    let tools = travel(&registry);
    let failed = signal_of(&tools, failing(BODY), TENANT, "search").await;
    assert_eq!(failed.reason().as_str(), "tool_call_failed");
    assert_tells_nothing(&tools, &failed);
    let rejected = signal_of(&tools, failing(BODY), TENANT, "search").await;
    assert_eq!(rejected.reason().as_str(), "circuit_open_failures");
    assert_tells_nothing(&tools, &rejected);
}

#[tokio::test(start_paused = true)]
async fn what_a_hanging_tool_is_asked_reaches_nobody() {
    let registry = registry();
    let tools = travel(&registry);
    let hanging = service_fn(|_: ToolCall<()>| std::future::pending::<Result<String, BoxError>>());
    let call = signal_of(&tools, hanging, TENANT, "search");
    let signal = timeout(Duration::from_secs(61), call).await.unwrap();
    assert_eq!(signal.reason().as_str(), "tool_call_timeout");
    assert_tells_nothing(&tools, &signal);
}

#[test]
fn what_an_operator_notes_is_for_operators() {
    let force: [fn(&CircuitBreakerRegistry); 4] = [
        |registry| registry.get("search").unwrap().force_open(NOTE),
        |registry| registry.get("search").unwrap().force_open_for(NOTE, SECOND),
        |registry| registry.tenant(TENANT).force_open(NOTE),
        |registry| registry.force_open(NOTE),
    ];
    for force in force {
        let registry = registry();
        let tools = travel(&registry);
        force(&registry);
        let search = registry.get("search").unwrap();
        let rejection = search.acquire(TENANT).unwrap_err();
        let open = rejection.circuit_open().unwrap();
        assert_eq!(open.note(), Some(NOTE));
        assert_tells_nothing(&tools, &tools.signal(open));
        assert_tells_nothing(&tools, &DegradationSignal::from(open));
    }
}

#[tokio::test(start_paused = true)]
async fn a_breaker_further_in_says_why_and_not_whose_it_is() {
    let inner_registry = registry();
    let inner = inner_registry
        .dependency_with(INNER, policy().build().unwrap())
        .unwrap();
    inner
        .acquire(FOREIGN)
        .unwrap()
        .record(tower_tenant_breaker::Outcome::failure());
    let guarded = service_fn(move |_: ToolCall<()>| {
        let inner = inner.clone();
        async move {
            let called = inner.call(FOREIGN, async { Ok::<_, BoxError>(String::new()) });
            called.await.map_err(CallError::into_box_error)
        }
    });
    let registry = registry();
    let tools = travel(&registry);
    let signal = signal_of(&tools, guarded, TENANT, "search").await;
    assert_eq!(signal.tool_name(), "search");
    assert_eq!(signal.reason().as_str(), "circuit_open_failures");
    assert_eq!(signal.retry_after_seconds(), Some(30));
    assert_tells_nothing(&tools, &signal);
}

#[tokio::test(start_paused = true)]
async fn an_outage_names_none_of_those_who_found_it() {
    let outage = OutagePolicy::default().min_tenants(2).newcomers(true);
    let registry = registry();
    let (builder, _) = at_noon(&registry);
    let with_outages = policy().outage(outage).build().unwrap();
    let search = tower_tenant_breaker::agent::Tool::new("search").policy(with_outages);
    let tools = builder.tool(search).build().unwrap();
    for tenant in [FOREIGN, "tenant-4d1e0000-2"] {
        fail(&registry, "search", tenant);
    }
    let search = registry.get("search").unwrap();
    let signal = rejected(&tools, &search, TENANT);
    assert_eq!(signal.reason().as_str(), "circuit_open_outage");
    assert_tells_nothing(&tools, &signal);
}

#[test]
fn a_template_has_no_way_to_say_more() {
    let placeholders: Vec<_> = MessageTemplate::placeholders().collect();
    assert_eq!(
        placeholders,
        [
            "tool_name",
            "reason",
            "retry_after_seconds",
            "since",
            "alternatives"
        ]
    );
}
