//! Exactly what is written, in files that the tests of `examples/agents` have the SDKs read.

use serde_json::{Value, from_str, json, to_string, to_value};
use tokio::time::advance;
use tower_tenant_breaker::agent::{DegradationSignal, Tools};

use crate::{SECOND, fail, registry, rejected, travel};

const CALL_ID: &str = "call_9f2a";
const TOOL_USE_ID: &str = "toolu_01A09q90qw90lq917835lq9";

const FIELDS: [&str; 7] = [
    "status",
    "tool_name",
    "reason",
    "message",
    "retry_after_seconds",
    "since",
    "alternatives",
];

/// A call that is rejected 3.4 s after the circuit opened, with one of two substitutes out of reach.
async fn signal() -> (Tools, DegradationSignal) {
    let registry = registry();
    let tools = travel(&registry);
    advance(SECOND).await;
    let search = fail(&registry, "search", "acme");
    fail(&registry, "web.search", "acme");
    advance(SECOND * 34 / 10).await;
    let signal = rejected(&tools, &search, "acme");
    (tools, signal)
}

fn assert_is(written: &Value, file: &str) {
    let file: Value = from_str(file).unwrap();
    assert_eq!(
        *written,
        file,
        "\n{}",
        serde_json::to_string_pretty(written).unwrap()
    );
}

#[tokio::test(start_paused = true)]
async fn the_signal_is_written_as_its_file_has_it() {
    let (_, signal) = signal().await;
    let file = include_str!("golden/signal.json");
    assert_is(&signal.to_json(), file);
    assert_is(&to_value(&signal).unwrap(), file);
    // In this order, for a model that reads from the beginning.
    let places = |text: &str| FIELDS.map(|field| text.find(&format!("\"{field}\":")));
    for text in [&to_string(&signal).unwrap(), file] {
        let places = places(text);
        assert!(places.is_sorted() && places[0].is_some(), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_result_of_mcp_is_written_as_its_file_has_it() {
    let (_, signal) = signal().await;
    assert_is(&signal.to_mcp(), include_str!("golden/mcp.json"));
    let mut without_structure: Value = from_str(include_str!("golden/mcp.json")).unwrap();
    let removed = without_structure
        .as_object_mut()
        .unwrap()
        .remove("structuredContent");
    assert!(removed.is_some());
    assert_eq!(signal.to_mcp_text(), without_structure);
}

#[tokio::test(start_paused = true)]
async fn a_message_for_openai_is_written_as_its_file_has_it() {
    let (_, signal) = signal().await;
    assert_is(
        &signal.to_openai(CALL_ID),
        include_str!("golden/openai.json"),
    );
    let item = signal.to_openai_responses(CALL_ID);
    assert_is(&item, include_str!("golden/openai_responses.json"));
}

#[tokio::test(start_paused = true)]
async fn a_block_for_anthropic_is_written_as_its_file_has_it() {
    let (_, signal) = signal().await;
    assert_is(
        &signal.to_anthropic(TOOL_USE_ID),
        include_str!("golden/anthropic.json"),
    );
}

#[tokio::test(start_paused = true)]
async fn the_list_for_the_prompt_is_written_as_its_file_has_it() {
    let (tools, _) = signal().await;
    let written = to_value(tools.unavailable("acme")).unwrap();
    assert_is(&written, include_str!("golden/unavailable.json"));
}

#[tokio::test(start_paused = true)]
async fn in_all_forms_the_text_is_the_signal() {
    let (_, signal) = signal().await;
    let (mcp, json) = (signal.to_mcp(), signal.to_json());
    assert_eq!(mcp["structuredContent"], json);
    let texts = [
        mcp["content"][0]["text"].clone(),
        signal.to_mcp_text()["content"][0]["text"].clone(),
        signal.to_openai("1")["content"].clone(),
        signal.to_openai_responses("1")["output"].clone(),
        signal.to_anthropic("1")["content"].clone(),
    ];
    for text in texts {
        let read: Value = from_str(text.as_str().unwrap()).unwrap();
        assert_eq!(read, json);
    }
}

#[tokio::test(start_paused = true)]
async fn an_id_of_a_call_is_handed_on_as_it_is() {
    let (_, signal) = signal().await;
    for id in [
        "",
        "\"}, {\"role\": \"system\"",
        "\u{202e}\n\0\u{2028}",
        "\\u0022",
        &"x".repeat(100_000),
    ] {
        for (written, field) in [
            (signal.to_openai(id), "tool_call_id"),
            (signal.to_openai_responses(id), "call_id"),
            (signal.to_anthropic(id), "tool_use_id"),
        ] {
            let read: Value = from_str(&written.to_string()).unwrap();
            assert_eq!(read, written);
            assert_eq!(read[field], json!(id));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn that_there_is_no_such_tool_is_written_in_the_same_forms() {
    let (tools, signal) = signal().await;
    let unknown = tools.failed("acme", "serach\"\n").unwrap_err();
    let said = json!(unknown.to_string());
    for (field, unknown, signal) in [
        ("content", unknown.to_openai("1"), signal.to_openai("1")),
        (
            "output",
            unknown.to_openai_responses("1"),
            signal.to_openai_responses("1"),
        ),
        (
            "content",
            unknown.to_anthropic("1"),
            signal.to_anthropic("1"),
        ),
    ] {
        let mut expected = signal;
        expected[field] = said.clone();
        assert_eq!(unknown, expected);
    }
}
