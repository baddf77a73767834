//! A signal, or that there is no such tool, in the forms in which agents hand tool results to a model.

use serde_json::{Value, json};

use super::{DegradationSignal, UnknownTool};

/// # As a tool's result
///
/// Plain JSON values, for the caller's SDK to read or to send. In each of them the text is the signal as JSON, written
/// once: where it stands in two places, it is the same. An id of a call is handed on as it is, whatever is in it; it is a
/// string of JSON and nothing else.
impl DegradationSignal {
    /// As a `CallToolResult` of the [Model Context Protocol], an error of the tool that the model sees.
    ///
    /// For its revisions from 2025-06-18 on, which have `structuredContent`; `resultType`, which the one of 2026-07-28 asks
    /// for, is ignored by clients of those before.
    ///
    /// A tool that has declared an `outputSchema` is answered with [`to_mcp_text`](Self::to_mcp_text) instead: clients
    /// hold `structuredContent` against that schema, also of an error, and what they find wrong is all that the model is
    /// told ([typescript-sdk, `callTool`][client]).
    ///
    /// ```
    /// use tower_tenant_breaker::agent::DegradationSignal;
    ///
    /// let result = DegradationSignal::timed_out("search").to_mcp();
    /// assert_eq!(result["isError"], true);
    /// assert_eq!(result["structuredContent"]["reason"], "tool_call_timeout");
    ///
    /// let text = result["content"][0]["text"].as_str().unwrap();
    /// let read: serde_json::Value = serde_json::from_str(text)?;
    /// assert_eq!(read, result["structuredContent"]);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    ///
    /// Source: `CallToolResult` in [schema/2026-07-28/schema.json], read on 2026-11-29.
    ///
    /// [Model Context Protocol]: https://modelcontextprotocol.io/specification/2026-07-28/server/tools
    /// [client]: https://github.com/modelcontextprotocol/typescript-sdk/blob/3dd074f8a25b92994e0e8cc69d3ffe9112a1f32b/src/client/index.ts#L442-L475
    /// [schema/2026-07-28/schema.json]: https://github.com/modelcontextprotocol/modelcontextprotocol/blob/main/schema/2026-07-28/schema.json
    #[must_use]
    pub fn to_mcp(&self) -> Value {
        let text = self.to_text();
        let structured: Value = serde_json::from_str(&text).unwrap_or_default();
        json!({
            "resultType": "complete",
            "content": [{"type": "text", "text": text}],
            "structuredContent": structured,
            "isError": true,
        })
    }

    /// As [`to_mcp`](Self::to_mcp), without `structuredContent`: for a tool that has declared an `outputSchema`.
    ///
    /// ```
    /// use tower_tenant_breaker::agent::DegradationSignal;
    ///
    /// let result = DegradationSignal::failed("search").to_mcp_text();
    /// assert_eq!(result["isError"], true);
    /// assert_eq!(result.get("structuredContent"), None);
    /// ```
    #[must_use]
    pub fn to_mcp_text(&self) -> Value {
        json!({
            "resultType": "complete",
            "content": [{"type": "text", "text": self.to_text()}],
            "isError": true,
        })
    }

    /// As a `tool` message of OpenAI's chat completions. It has no field that says that the call failed: the text does.
    ///
    /// ```
    /// use tower_tenant_breaker::agent::DegradationSignal;
    ///
    /// let message = DegradationSignal::failed("search").to_openai("call_1");
    /// assert_eq!((&message["role"], &message["tool_call_id"]), (&"tool".into(), &"call_1".into()));
    /// ```
    ///
    /// Source: `ChatCompletionToolMessageParam` in OpenAI's npm package [`openai`] 6.49.0 of 2026-07-24, and the
    /// [reference of chat completions], read on 2026-11-29.
    ///
    /// [`openai`]: https://www.npmjs.com/package/openai/v/6.49.0
    /// [reference of chat completions]: https://platform.openai.com/docs/api-reference/chat/create
    #[must_use]
    pub fn to_openai(&self, call_id: &str) -> Value {
        openai(call_id, &self.to_text())
    }

    /// As a `function_call_output` item of OpenAI's responses.
    ///
    /// ```
    /// use tower_tenant_breaker::agent::DegradationSignal;
    ///
    /// let item = DegradationSignal::failed("search").to_openai_responses("call_1");
    /// assert_eq!((&item["type"], &item["call_id"]), (&"function_call_output".into(), &"call_1".into()));
    /// ```
    ///
    /// Source: `ResponseInputItem.FunctionCallOutput` in OpenAI's npm package [`openai`] 6.49.0 of 2026-07-24, read on
    /// 2026-11-29.
    ///
    /// [`openai`]: https://www.npmjs.com/package/openai/v/6.49.0
    #[must_use]
    pub fn to_openai_responses(&self, call_id: &str) -> Value {
        openai_responses(call_id, &self.to_text())
    }

    /// As a `tool_result` block of Anthropic's messages, to be put in the next message of the user.
    ///
    /// Anthropic takes ids of ASCII letters, digits, `_` and `-` alone, as its own are.
    ///
    /// ```
    /// use tower_tenant_breaker::agent::DegradationSignal;
    ///
    /// let block = DegradationSignal::failed("search").to_anthropic("toolu_1");
    /// assert_eq!((&block["type"], &block["tool_use_id"]), (&"tool_result".into(), &"toolu_1".into()));
    /// assert_eq!(block["is_error"], true);
    /// ```
    ///
    /// Source: [Handle tool calls], and `ToolResultBlockParam` in Anthropic's npm package [`@anthropic-ai/sdk`] 1.14.0 of
    /// 2026-11-24, read on 2026-11-29.
    ///
    /// [Handle tool calls]: https://platform.claude.com/docs/en/agents-and-tools/tool-use/handle-tool-calls
    /// [`@anthropic-ai/sdk`]: https://www.npmjs.com/package/@anthropic-ai/sdk/v/1.14.0
    #[must_use]
    pub fn to_anthropic(&self, call_id: &str) -> Value {
        anthropic(call_id, &self.to_text())
    }

    /// The signal as the text of its JSON, its fields in the order in which they are declared.
    fn to_text(&self) -> String {
        // Of strings and numbers alone, under keys that are strings: nothing in it can fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// # As a tool's result
///
/// Models' providers refuse a conversation in which a call has no result, so one of a tool that the model made up has to
/// be answered too. The text is what [`Display`](std::fmt::Display) says. In MCP it is an error of the protocol, and no
/// result.
impl UnknownTool {
    /// As [`DegradationSignal::to_openai`].
    ///
    /// ```
    /// use tower_tenant_breaker::CircuitBreakerRegistry;
    /// use tower_tenant_breaker::agent::{Tool, Tools};
    ///
    /// let registry = CircuitBreakerRegistry::builder().build()?;
    /// let tools = Tools::builder(&registry).tool(Tool::new("search")).build()?;
    /// let message = tools.failed("acme", "serach").unwrap_err().to_openai("call_1");
    /// assert_eq!(message["tool_call_id"], "call_1");
    /// assert_eq!(message["content"], r#"there is no tool "serach"; the tools are "search""#);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn to_openai(&self, call_id: &str) -> Value {
        openai(call_id, &self.to_string())
    }

    /// As [`DegradationSignal::to_openai_responses`].
    #[must_use]
    pub fn to_openai_responses(&self, call_id: &str) -> Value {
        openai_responses(call_id, &self.to_string())
    }

    /// As [`DegradationSignal::to_anthropic`].
    #[must_use]
    pub fn to_anthropic(&self, call_id: &str) -> Value {
        anthropic(call_id, &self.to_string())
    }
}

fn openai(call_id: &str, text: &str) -> Value {
    json!({"role": "tool", "tool_call_id": call_id, "content": text})
}

fn openai_responses(call_id: &str, text: &str) -> Value {
    json!({"type": "function_call_output", "call_id": call_id, "output": text})
}

fn anthropic(call_id: &str, text: &str) -> Value {
    json!({"type": "tool_result", "tool_use_id": call_id, "content": text, "is_error": true})
}
