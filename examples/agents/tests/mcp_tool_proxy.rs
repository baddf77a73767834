//! The proxy for MCP servers: rmcp's server, rmcp's clients, and sockets on loopback.

#[allow(dead_code)]
#[path = "../src/bin/mcp_tool_proxy/agent.rs"]
mod agent;
#[path = "../src/bin/mcp_tool_proxy/availability.rs"]
mod availability;
#[path = "../src/bin/mcp_tool_proxy/client.rs"]
mod client;
#[path = "../src/bin/mcp_tool_proxy/judge.rs"]
mod judge;
#[path = "../src/bin/mcp_tool_proxy/proxy.rs"]
mod proxy;
#[path = "../src/bin/mcp_tool_proxy/serve.rs"]
mod serve;
#[allow(dead_code)]
#[path = "../src/bin/mcp_tool_proxy/stage.rs"]
mod stage;
#[path = "../src/bin/mcp_tool_proxy/tool_server.rs"]
mod tool_server;
#[path = "../src/bin/mcp_tool_proxy/upstream.rs"]
mod upstream;

use std::future::Future;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use rmcp::model::{CallToolRequestParams, CallToolResult, ErrorCode, ErrorData};
use rmcp::service::{NotificationContext, ServiceError};
use rmcp::{ClientHandler, ClientLifecycleMode, RoleClient};
use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::timeout;
use tower_tenant_breaker::CircuitState;

use self::agent::Agent;
use self::stage::{Stage, key_with_proxy, key_with_servers};
use self::tool_server::{Fault, SECRET};

/// Longer than any test: circuits close by hand.
const OPEN_FOR: Duration = Duration::from_secs(3_600);
/// Longer than any call that ends.
const PATIENT: Duration = Duration::from_secs(60);

/// What hangs fails, and does not hang the run.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENT, future).await.expect("it never comes")
}

async fn stage() -> (Stage, Agent) {
    let stage = Stage::set(OPEN_FOR, PATIENT).await.unwrap();
    let agent = stage.agent("acme").await.unwrap();
    (stage, agent)
}

fn state(stage: &Stage, tool: &str) -> CircuitState {
    stage.registry.get(tool).unwrap().state("acme")
}

fn signal(result: &CallToolResult) -> &Value {
    assert_eq!(result.is_error, Some(true), "{result:?}");
    let signal = result.structured_content.as_ref().unwrap();
    assert_eq!(signal["status"], "tool_unavailable");
    signal
}

fn mcp_error<T: std::fmt::Debug>(result: Result<T, ServiceError>) -> ErrorData {
    match result {
        Err(ServiceError::McpError(error)) => error,
        other => panic!("no error of MCP: {other:?}"),
    }
}

#[test]
fn the_program_keeps_its_promises() {
    let run = Command::new(env!("CARGO_BIN_EXE_mcp_tool_proxy"))
        .output()
        .unwrap();
    let broken = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{broken}");
    assert!(run.stdout.ends_with(b"\nall promises held\n"));
}

#[tokio::test]
async fn whatever_a_server_says_as_it_fails_reaches_no_agent() {
    for fault in [Fault::Status500, Fault::Status429, Fault::Internal] {
        let (stage, mut agent) = stage().await;
        stage.search.set("acme", Some(fault));
        let result = soon(agent.call("search", "shoes")).await.unwrap();
        assert_eq!(signal(&result)["reason"], "tool_call_failed", "{fault:?}");
        agent.read_list().await.unwrap();
        for kept in [SECRET, &key_with_servers("acme"), "postgres", "globex"] {
            assert!(
                !agent.heard.contains(kept),
                "{kept} of {fault:?} in {}",
                agent.heard
            );
        }
    }
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_a_signal_that_says_so() {
    let stage = Stage::set(OPEN_FOR, Duration::from_millis(200))
        .await
        .unwrap();
    let mut agent = stage.agent("acme").await.unwrap();
    stage.booking.set("acme", Some(Fault::Hangs));
    let result = soon(agent.call("book", "a journey")).await.unwrap();
    let signal = signal(&result);
    assert_eq!(signal["reason"], "tool_call_timeout");
    let message = signal["message"].as_str().unwrap();
    assert!(message.contains("may have taken effect"), "{message}");
}

#[tokio::test]
async fn a_server_that_says_for_how_long_it_is_busy_is_not_called_again() {
    let (stage, mut agent) = stage().await;
    stage.search.set("acme", Some(Fault::Status429));
    soon(agent.call("search", "shoes")).await.unwrap();
    let arrived = stage.search.requests("acme");

    let result = soon(agent.call("search", "shoes")).await.unwrap();
    let signal = signal(&result);
    assert_eq!(signal["reason"], "circuit_open_throttled");
    // The server's ten minutes, or the policy's period, which is later.
    assert!((1..=3_600).contains(&signal["retry_after_seconds"].as_u64().unwrap()));
    assert_eq!(stage.search.requests("acme"), arrived);
}

#[tokio::test]
async fn what_a_tool_says_of_arguments_reaches_the_model_and_opens_nothing() {
    let (stage, mut agent) = stage().await;
    let client = client::connect(&stage.proxy.url, &key_with_proxy("acme"))
        .await
        .unwrap();
    for _ in 0..5 {
        let result = soon(agent.call("search", "")).await.unwrap();
        assert_eq!(result.is_error, Some(true));
        assert_eq!(
            result.content[0].as_text().unwrap().text,
            "\"about\" is empty"
        );

        let without_arguments = client.call_tool(CallToolRequestParams::new("search")).await;
        let error = mcp_error(without_arguments);
        assert_eq!(error.code, ErrorCode::INVALID_PARAMS);
        assert_eq!(error.message, "there is no \"about\"");
    }
    assert_eq!(state(&stage, "search"), CircuitState::Closed);
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_any_more_leaves_the_tool() {
    let (stage, mut agent) = stage().await;
    stage.search.set("acme", Some(Fault::Hangs));
    {
        let call = agent.call("search", "shoes");
        tokio::select! {
            result = call => panic!("it hangs, but answered {result:?}"),
            () = soon(stage.search.until_hanging(1)) => {}
        }
    }
    soon(stage.search.until_hanging(0)).await;
    assert_eq!(state(&stage, "search"), CircuitState::Closed);
}

#[tokio::test]
async fn forty_calls_of_one_turn_are_one_affected_turn() {
    let (stage, _agent) = stage().await;
    stage.search.set("acme", Some(Fault::Status500));
    let client = client::connect(&stage.proxy.url, &key_with_proxy("acme"))
        .await
        .unwrap();
    let calls = (0..40).map(|_| client.call_tool(agent::call_of("search", "shoes", "turn 17")));
    for result in soon(join_all(calls)).await {
        signal(&result.unwrap());
    }
    let counts = stage.registry.impact().per_tenant()[0].counts;
    assert_eq!(counts.turns.count, 1);
    assert_eq!(counts.failed + counts.rejected, 40);
}

#[tokio::test]
async fn an_unknown_tool_is_an_error_that_lists_the_known_ones_and_makes_no_state() {
    let (stage, mut agent) = stage().await;
    let error = mcp_error(soon(agent.call("serach\n# obey", "shoes")).await);
    assert_eq!(error.code, ErrorCode::INVALID_PARAMS);
    let known = r#"the tools are "book", "encyclopedia", "search""#;
    assert_eq!(
        error.message,
        format!(r#"there is no tool "serach___obey"; {known}"#)
    );
    assert_eq!(stage.registry.dependencies().len(), 3);
}

#[tokio::test]
async fn a_list_is_the_same_while_nothing_changes_and_marks_what_one_tenant_cannot_use() {
    let (stage, mut agent) = stage().await;
    let well = agent.read_list().await.unwrap().clone();
    stage
        .registry
        .get("search")
        .unwrap()
        .circuit("acme")
        .open()
        .unwrap();
    soon(agent.list_changed()).await.unwrap();

    let list = agent.read_list().await.unwrap().clone();
    assert_eq!(&list, agent.read_list().await.unwrap());
    assert!(list.prompt_note.unwrap().contains("\"search\""));
    for (tool, before) in list.tools.iter().zip(&well.tools) {
        let described = tool.description.as_deref().unwrap();
        let is_marked = described.starts_with("Unavailable now (");
        assert_eq!(is_marked, tool.name == "search", "{described}");
        assert!(
            described.ends_with(before.description.as_deref().unwrap()),
            "{described}"
        );
    }
    let mut other = stage.agent("globex").await.unwrap();
    assert_eq!(other.read_list().await.unwrap(), &well);
}

#[tokio::test]
async fn a_tool_with_side_effects_stays_unavailable_when_live_calls_may_probe_others() {
    let (stage, mut agent) = stage().await;
    for tool in ["search", "book"] {
        let circuit = stage.registry.get(tool).unwrap().circuit("acme");
        circuit.open().unwrap();
        circuit.half_open().unwrap();
    }
    let list = agent.read_list().await.unwrap();
    let note = list.prompt_note.as_deref().unwrap();
    assert!(
        note.contains("\"book\"") && !note.contains("\"search\""),
        "{note}"
    );

    let result = soon(agent.call("book", "a journey")).await.unwrap();
    signal(&result);
    let result = soon(agent.call("search", "shoes")).await.unwrap();
    assert_ne!(result.is_error, Some(true));
    assert_eq!(state(&stage, "search"), CircuitState::Closed);
}

#[tokio::test]
async fn who_has_no_key_is_served_nothing() {
    let (stage, _agent) = stage().await;
    assert!(stage.agent("initech").await.is_err());
}

/// An agent of before 2026-07-28, which is told of changes without asking.
#[derive(Clone, Default)]
struct Told(Arc<Notify>);

impl ClientHandler for Told {
    async fn on_tool_list_changed(&self, _context: NotificationContext<RoleClient>) {
        self.0.notify_one();
    }
}

#[tokio::test]
async fn an_agent_with_a_session_calls_tools_and_is_told_of_changes_as_well() {
    let (stage, _agent) = stage().await;
    let told = Told::default();
    let (url, key) = (&stage.proxy.url, key_with_proxy("acme"));
    let initialize = ClientLifecycleMode::Initialize;
    let client = client::connect_as(told.clone(), initialize, url, &key)
        .await
        .unwrap();

    stage
        .registry
        .get("search")
        .unwrap()
        .force_open("maintenance");
    soon(told.0.notified()).await;
    let result = client
        .call_tool(CallToolRequestParams::new("search"))
        .await
        .unwrap();
    assert_eq!(signal(&result)["reason"], "circuit_forced_open");
}
