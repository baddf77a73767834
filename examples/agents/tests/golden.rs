//! The SDKs read what the library writes: the files with which its own tests compare it.

use async_openai::types::chat::{
    ChatCompletionRequestMessage, ChatCompletionRequestToolMessage,
    ChatCompletionRequestToolMessageContent,
};
use async_openai::types::responses::{FunctionCallOutput, Item};
use jsonschema::Validator;
use rmcp::model::{CallToolResult, ContentBlock};
use serde_json::{Value, from_str, from_value, json, to_value};

const SIGNAL: &str = include_str!("../../../tests/agent/golden/signal.json");
const MCP: &str = include_str!("../../../tests/agent/golden/mcp.json");
const OPENAI: &str = include_str!("../../../tests/agent/golden/openai.json");
const OPENAI_RESPONSES: &str = include_str!("../../../tests/agent/golden/openai_responses.json");
const ANTHROPIC: &str = include_str!("../../../tests/agent/golden/anthropic.json");
/// The type of Anthropic's newest package, and an older document that is stricter; each says where it comes from.
const SCHEMA: &str = include_str!("../../../tests/agent/golden/anthropic.schema.json");
const STRICT_SCHEMA: &str =
    include_str!("../../../tests/agent/golden/anthropic.strict.schema.json");

const CALL_ID: &str = "call_9f2a";

fn value(file: &str) -> Value {
    from_str(file).unwrap()
}

fn assert_is_the_signal(text: &str) {
    assert_eq!(value(text), value(SIGNAL));
}

#[test]
fn rmcp_reads_a_result() {
    let result: CallToolResult = from_str(MCP).unwrap();
    assert_eq!(result.is_error, Some(true));
    assert_eq!(result.structured_content, Some(value(SIGNAL)));
    let [ContentBlock::Text(text)] = &result.content[..] else {
        panic!("{:?} is no text", result.content);
    };
    assert_is_the_signal(&text.text);
    // Nothing was passed over.
    assert_eq!(to_value(&result).unwrap(), value(MCP));
}

#[test]
fn async_openai_reads_a_tool_message() {
    let message: ChatCompletionRequestToolMessage = from_str(OPENAI).unwrap();
    assert_eq!(message.tool_call_id, CALL_ID);
    let ChatCompletionRequestToolMessageContent::Text(text) = &message.content else {
        panic!("{:?} is no text", message.content);
    };
    assert_is_the_signal(text);
    // Among the messages of a conversation it is known by its role.
    let message: ChatCompletionRequestMessage = from_str(OPENAI).unwrap();
    assert!(matches!(message, ChatCompletionRequestMessage::Tool(_)));
    assert_eq!(to_value(&message).unwrap(), value(OPENAI));
}

#[test]
fn async_openai_reads_an_item_of_a_response() {
    let item: Item = from_str(OPENAI_RESPONSES).unwrap();
    let Item::FunctionCallOutput(output) = &item else {
        panic!("{item:?} is another item");
    };
    assert_eq!(output.call_id.as_deref(), Some(CALL_ID));
    let FunctionCallOutput::Text(text) = &output.output else {
        panic!("{:?} is no text", output.output);
    };
    assert_is_the_signal(text);
    assert_eq!(to_value(&item).unwrap(), value(OPENAI_RESPONSES));
}

fn validator(schema: &str) -> Validator {
    jsonschema::validator_for(&value(schema)).unwrap()
}

#[test]
fn a_block_keeps_to_the_schema_of_anthropic() {
    let block = value(ANTHROPIC);
    for schema in [SCHEMA, STRICT_SCHEMA] {
        let errors: Vec<_> = validator(schema)
            .iter_errors(&block)
            .map(|error| error.to_string())
            .collect();
        assert_eq!(errors, [""; 0]);
    }
    // The package's type says nothing of fields that it does not know: there are none.
    let (block, schema) = (block.as_object().unwrap(), value(SCHEMA));
    for field in block.keys() {
        assert!(
            schema["properties"].get(field).is_some(),
            "{field} is unknown"
        );
    }
    assert_eq!(block["is_error"], true);
    assert_is_the_signal(block["content"].as_str().unwrap());
}

/// Lest a schema be one that lets everything pass.
#[test]
fn the_schema_of_anthropic_finds_what_is_wrong() {
    let with = |field: &str, wrong: Value| {
        let mut block = value(ANTHROPIC);
        block[field] = wrong;
        block
    };
    for wrong in [
        with("type", json!("tool_use")),
        with("is_error", json!("true")),
        with("content", json!(7)),
        with("content", json!([{"type": "text"}])),
        with("tool_use_id", json!(null)),
    ] {
        for schema in [SCHEMA, STRICT_SCHEMA] {
            assert!(!validator(schema).is_valid(&wrong), "{wrong}");
        }
    }
    for wrong in [
        with("tool_use_id", json!("call 1")),
        with("isError", json!(true)),
    ] {
        assert!(!validator(STRICT_SCHEMA).is_valid(&wrong), "{wrong}");
    }
}

/// What the library writes today, without a file between.
#[test]
fn the_types_of_the_sdks_read_a_signal_of_any_kind() {
    use tower_tenant_breaker::agent::DegradationSignal;

    let hostile = "\"}]}\n\u{202e}{{tool}}\0";
    for signal in [
        DegradationSignal::failed(hostile),
        DegradationSignal::timed_out("search"),
    ] {
        let result: CallToolResult = from_value(signal.to_mcp()).unwrap();
        let structured = result.structured_content.unwrap();
        assert_eq!(structured["tool_name"], signal.tool_name());
        let result: CallToolResult = from_value(signal.to_mcp_text()).unwrap();
        assert_eq!(
            (result.is_error, result.structured_content),
            (Some(true), None)
        );
        let message: ChatCompletionRequestToolMessage =
            from_value(signal.to_openai(hostile)).unwrap();
        assert_eq!(message.tool_call_id, hostile);
        let item: Item = from_value(signal.to_openai_responses(hostile)).unwrap();
        assert!(matches!(item, Item::FunctionCallOutput(_)));
        assert!(validator(SCHEMA).is_valid(&signal.to_anthropic(hostile)));
    }
}
