//! The list of tools that a tenant cannot use.

use std::time::Duration;

use serde_json::{json, to_value};
use serde_test::{Token, assert_ser_tokens};
use tokio::time::advance;
use tower_tenant_breaker::agent::{DegradationSignal, SignalReason, Tool};
use tower_tenant_breaker::{
    CircuitState, OpenPeriod, OutagePolicy, Outcome, Probing, Reason, Rejection,
};

use crate::{SECOND, at_noon, fail, policy, registry, rejected};

#[tokio::test(start_paused = true)]
async fn an_end_is_never_written_earlier_than_it_is() {
    let registry = registry();
    let (builder, _) = at_noon(&registry);
    let tools = builder.tool(Tool::new("search")).build().unwrap();
    advance(SECOND * 7 / 10).await;
    fail(&registry, "search", "acme");
    let tool = |unavailable: &serde_json::Value| unavailable["tools"][0].clone();
    let written = tool(&to_value(tools.unavailable("acme")).unwrap());
    assert_eq!(
        written,
        json!({
            "name": "search",
            "reason": "circuit_open_failures",
            "since": "2026-11-29T12:00:00Z",
            "until": "2026-11-29T12:00:31Z",
            "retry_after_seconds": 30,
            "alternatives": [],
        })
    );
    advance(Duration::from_nanos(1)).await;
    assert_eq!(tool(&to_value(tools.unavailable("acme")).unwrap()), written);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_knows_is_absent() {
    let registry = registry();
    let (builder, _) = at_noon(&registry);
    let tools = builder.tool(Tool::new("search")).build().unwrap();
    registry.get("search").unwrap().force_open("maintenance");
    assert_eq!(
        to_value(tools.unavailable("acme")).unwrap(),
        json!({
            "tools": [{
                "name": "search",
                "reason": "circuit_forced_open",
                "since": "2026-11-29T12:00:00Z",
                "alternatives": [],
            }],
            "left_out": 0,
        })
    );
    assert_eq!(
        serde_json::to_string(&tools.unavailable("acme")).unwrap(),
        r#"{"tools":[{"name":"search","reason":"circuit_forced_open","since":"2026-11-29T12:00:00Z","alternatives":[]}],"left_out":0}"#
    );
}

#[tokio::test(start_paused = true)]
async fn lists_are_equal_as_long_as_nothing_changes() {
    let registry = registry();
    let (builder, _) = at_noon(&registry);
    let tools = builder.tools(["search", "web"].map(Tool::new)).build();
    let tools = tools.unwrap();
    fail(&registry, "search", "acme");
    let told = tools.unavailable("acme");
    advance(SECOND * 7).await;
    let later = tools.unavailable("acme");
    assert_eq!(later, told);
    assert_ne!(later.tools[0].retry_after, told.tools[0].retry_after);

    let search = registry.get("search").unwrap().circuit("acme");
    let forced = [60, 90].map(|seconds| {
        search.force_open_for("maintenance", SECOND * seconds);
        tools.unavailable("acme")
    });
    assert_ne!(forced[0], told);
    assert_ne!(forced[1], forced[0], "its end alone has changed");
    fail(&registry, "web", "acme");
    assert_ne!(tools.unavailable("acme").tools[1], told.tools[0]);
}

#[tokio::test(start_paused = true)]
async fn a_signal_without_tools_names_no_time_where_the_call_waits_for_probes_of_others() {
    let registry = registry();
    let search = registry.dependency("search").unwrap();
    search.circuit("acme").open_for(SECOND).unwrap();
    let told = |rejection: Rejection| DegradationSignal::from(rejection.circuit_open().unwrap());
    let rejected = search.acquire_barred("acme", Probing::IfNoneElse);
    assert_eq!(told(rejected.unwrap_err()).retry_after_seconds(), Some(1));
    advance(SECOND).await;
    let rejected = search.acquire_barred("acme", Probing::IfNoneElse);
    assert_eq!(told(rejected.unwrap_err()).retry_after_seconds(), None);
}

#[tokio::test(start_paused = true)]
async fn what_a_circuit_once_opened_for_is_not_why_the_ramp_of_an_outage_holds_its_tenant_back() {
    let outage = OutagePolicy::default()
        .min_tenants(3)
        .min_share(0.2)
        .open_for(OpenPeriod::fixed(SECOND).jitter(0.0))
        .recovery_spread(Duration::ZERO);
    let policy = policy()
        .success_threshold(1)
        .ramp(0.1, 10 * SECOND)
        .outage(outage);
    let search = registry()
        .dependency_with("search", policy.build().unwrap())
        .unwrap();
    let record = |tenant: &str, outcome| search.acquire(tenant).unwrap().record(outcome);
    // Opened by hand, and long healthy again.
    search.circuit("acme").open().unwrap();
    search.circuit("acme").half_open().unwrap();
    record("acme", Outcome::Success);
    advance(10 * SECOND).await;

    for tenant in ["acme", "a", "b", "c"] {
        record(tenant, Outcome::Success);
    }
    for tenant in ["a", "b", "c"] {
        record(tenant, Outcome::failure());
    }
    assert!(search.outage().is_some());
    advance(SECOND).await;
    record("acme", Outcome::Success);
    let rejection = (0..100).find_map(|_| search.acquire("acme").err()).unwrap();
    let open = rejection.circuit_open().unwrap();
    assert_eq!(open.reason(), Reason::Recovering);
    let signal = DegradationSignal::from(open);
    assert_eq!(signal.reason(), SignalReason::CircuitOpenFailures);
}

/// What a format is told of search, which is the only tool that is unavailable, where so much is known of it.
fn written(known: &[Token]) -> Vec<Token> {
    let begin = [
        Token::Struct {
            name: "UnavailableTools",
            len: 2,
        },
        Token::Str("tools"),
        Token::Seq { len: Some(1) },
        Token::Struct {
            name: "UnavailableTool",
            len: 2 + known.len() / 2,
        },
        Token::Str("name"),
        Token::Str("search"),
    ];
    let end = [
        Token::Str("alternatives"),
        Token::Seq { len: Some(0) },
        Token::SeqEnd,
        Token::StructEnd,
        Token::SeqEnd,
        Token::Str("left_out"),
        Token::U64(0),
        Token::StructEnd,
    ];
    [&begin, known, &end].concat()
}

#[tokio::test(start_paused = true)]
async fn formats_are_told_how_many_fields_are_known() {
    let registry = registry();
    let (builder, _) = at_noon(&registry);
    let tools = builder.tool(Tool::new("search")).build().unwrap();
    let since = [Token::Str("since"), Token::Str("2026-11-29T12:00:00Z")];

    fail(&registry, "search", "acme");
    let reason = [Token::Str("reason"), Token::Str("circuit_open_failures")];
    let end = [
        Token::Str("until"),
        Token::Str("2026-11-29T12:00:30Z"),
        Token::Str("retry_after_seconds"),
        Token::U64(30),
    ];
    let all = [&reason[..], &since, &end].concat();
    assert_ser_tokens(&tools.unavailable("acme"), &written(&all));

    registry.get("search").unwrap().force_open("maintenance");
    let reason = [Token::Str("reason"), Token::Str("circuit_forced_open")];
    let some = [reason, since].concat();
    assert_ser_tokens(&tools.unavailable("acme"), &written(&some));
}

#[tokio::test(start_paused = true)]
async fn a_tool_of_which_nothing_is_known_is_written_whole() {
    let registry = registry();
    let (builder, _) = at_noon(&registry);
    let policy = policy().initial_state(CircuitState::Open).build().unwrap();
    let search = Tool::new("search").policy(policy).has_side_effects();
    let tools = builder.tool(search).build().unwrap();
    assert_eq!(
        serde_json::to_string(&tools.unavailable("acme")).unwrap(),
        r#"{"tools":[{"name":"search","reason":"circuit_open_unproven","alternatives":[]}],"left_out":0}"#
    );
}

#[tokio::test(start_paused = true)]
async fn formats_are_told_how_many_fields_a_signal_has() {
    let registry = registry();
    let tools = at_noon(&registry).0.tool(Tool::new("search"));
    let tools = tools.build().unwrap();
    let field = |name, text| [Token::Str(name), Token::Str(text)];
    let written = |signal: &DegradationSignal, reason, message, known: &[Token]| {
        let begin = [
            field("status", "tool_unavailable"),
            field("tool_name", "search"),
            field("reason", reason),
            field("message", message),
        ];
        let end = [
            Token::Str("alternatives"),
            Token::Seq { len: None },
            Token::SeqEnd,
            Token::StructEnd,
        ];
        let of = Token::Struct {
            name: "DegradationSignal",
            len: 5 + known.len() / 2,
        };
        let tokens = [&[of][..], begin.as_flattened(), known, &end].concat();
        assert_ser_tokens(signal, &tokens);
    };
    let search = fail(&registry, "search", "acme");
    let signal = rejected(&tools, &search, "acme");
    let since = field("since", "2026-11-29T12:00:00Z");
    let wait = [Token::Str("retry_after_seconds"), Token::U64(30)];
    let message = signal.to_json()["message"].as_str().unwrap().to_owned();
    written(
        &signal,
        "circuit_open_failures",
        message.leak(),
        &[wait, since].concat(),
    );
    search.force_open("maintenance");
    let signal = rejected(&tools, &search, "acme");
    let message = signal.to_json()["message"].as_str().unwrap().to_owned();
    written(&signal, "circuit_forced_open", message.leak(), &since);
}
