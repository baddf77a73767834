//! A scripted agent, on a real MCP client. It reasons as a model does that reads what it is told.

use std::error::Error;

use futures_util::FutureExt;
use rmcp::RoleClient;
use rmcp::model::{
    CallToolRequestParams, CallToolResult, ClientConfig, RequestMetaObject, SubscriptionFilter,
    Tool,
};
use rmcp::service::{RunningService, ServiceError, Subscription};
use serde_json::{Value, json};

use crate::client;
use crate::proxy::{PROMPT_NOTE, TURN};

type BoxError = Box<dyn Error + Send + Sync>;

/// An agent and all that it has heard.
pub struct Agent {
    client: RunningService<RoleClient, ClientConfig>,
    changes: Subscription,
    list: List,
    turns: usize,
    /// All that it was told, as it was written.
    pub heard: String,
}

/// The tools, as they were listed last.
#[derive(Clone, Debug, PartialEq)]
pub struct List {
    pub tools: Vec<Tool>,
    /// What the next prompt says of those that cannot be used.
    pub prompt_note: Option<String>,
}

/// What an agent did for a question.
#[derive(Debug)]
pub struct Turn {
    pub calls: Vec<Call>,
    /// None where it had to tell the user that it cannot answer.
    pub answer: Option<String>,
}

#[derive(Debug)]
pub struct Call {
    pub tool: String,
    /// The signal that came in the place of a result.
    pub signal: Option<Value>,
}

impl List {
    /// The tools that are listed as unavailable.
    pub fn unavailable(&self) -> Vec<&str> {
        let marked = self.tools.iter().filter(|tool| {
            let described = tool.description.as_deref().unwrap_or_default();
            described.starts_with("Unavailable now")
        });
        marked.map(|tool| &*tool.name).collect()
    }
}

impl Turn {
    /// Whether these tools were called, in this order and no other, and the last of them answered.
    pub fn is_answered_by(&self, tools: &[&str]) -> bool {
        let called = self.calls.iter().map(|call| &*call.tool);
        let signals = self.calls.iter().filter(|call| call.signal.is_some());
        let answers = self.calls.len() - signals.count();
        called.eq(tools.iter().copied()) && answers == 1 && self.answer.is_some()
    }

    /// The first signal; null without one.
    pub fn signal(&self) -> &Value {
        let mut signals = self.calls.iter().filter_map(|call| call.signal.as_ref());
        signals.next().unwrap_or(&Value::Null)
    }
}

impl Agent {
    /// Connects, asks to be told of changes, and reads the list of tools.
    pub async fn connect(url: &str, key: &str) -> Result<Self, BoxError> {
        let client = client::connect(url, key).await?;
        let changes = SubscriptionFilter::builder().tools_list_changed().build();
        let changes = client.listen(changes).await?;
        let mut agent = Self {
            client,
            changes,
            list: List {
                tools: Vec::new(),
                prompt_note: None,
            },
            turns: 0,
            heard: String::new(),
        };
        agent.read_list().await?;
        Ok(agent)
    }

    /// The list of tools as it is now.
    pub async fn read_list(&mut self) -> Result<&List, BoxError> {
        let listed = self.client.list_tools(None).await?;
        self.heard += &serde_json::to_string(&listed)?;
        let note = listed.meta.as_ref().and_then(|meta| meta.get(PROMPT_NOTE));
        self.list = List {
            prompt_note: note.and_then(Value::as_str).map(str::to_owned),
            tools: listed.tools,
        };
        Ok(&self.list)
    }

    /// Waits until the server says that its list has changed.
    pub async fn list_changed(&mut self) -> Result<(), BoxError> {
        let told = self.changes.next().await?;
        self.heard += &serde_json::to_string(&told)?;
        told.map(drop)
            .ok_or_else(|| "the server has nothing more to say".into())
    }

    /// Whether the server has said so, and nobody has waited for it.
    pub fn was_told_of_a_change(&mut self) -> bool {
        self.changes.next().now_or_never().is_some()
    }

    /// Answers a question with the first of these tools that is listed as usable. A tool that is unavailable all the
    /// same is not called again in this turn: the agent plans with what the signal names.
    pub async fn turn(&mut self, about: &str, tools: &[&str]) -> Result<Turn, BoxError> {
        self.turns += 1;
        let mut turn = Turn {
            calls: Vec::new(),
            answer: None,
        };
        let unavailable = self.list.unavailable();
        let usable = tools.iter().find(|tool| !unavailable.contains(tool));
        let mut next = usable.map(|tool| (*tool).to_owned());
        while let Some(tool) = next.take() {
            let result = self.call(&tool, about).await?;
            let signal = signal(&result);
            if signal.is_none() {
                turn.answer = text(&result);
            }
            let named = signal.as_ref().map(alternatives).unwrap_or_default();
            turn.calls.push(Call { tool, signal });
            let is_untried = |name: &String| turn.calls.iter().all(|call| call.tool != *name);
            next = named.into_iter().find(is_untried);
        }
        Ok(turn)
    }

    /// One call of a tool, in the turn that it is in.
    pub async fn call(&mut self, tool: &str, about: &str) -> Result<CallToolResult, ServiceError> {
        let params = call_of(tool, about, &format!("turn {}", self.turns));
        let result = self.client.call_tool(params).await;
        self.heard += &match &result {
            Ok(result) => serde_json::to_string(result).unwrap_or_default(),
            Err(error) => format!("{error:?}"),
        };
        result
    }
}

/// A call of a tool in a turn.
pub fn call_of(tool: &str, about: &str, turn: &str) -> CallToolRequestParams {
    let given = json!({ "about": about });
    let mut meta = RequestMetaObject::default();
    meta.insert(TURN.to_owned(), turn.into());
    let mut params = CallToolRequestParams::new(tool.to_owned())
        .with_arguments(given.as_object().cloned().unwrap_or_default());
    params.meta = Some(meta);
    params
}

/// What says that there is no result.
fn signal(result: &CallToolResult) -> Option<Value> {
    let structured = result.structured_content.as_ref();
    let signal = structured.filter(|content| content["status"] == "tool_unavailable");
    signal.filter(|_| result.is_error == Some(true)).cloned()
}

fn alternatives(signal: &Value) -> Vec<String> {
    let names = signal["alternatives"].as_array();
    let names = names.into_iter().flatten().filter_map(Value::as_str);
    names.map(str::to_owned).collect()
}

fn text(result: &CallToolResult) -> Option<String> {
    let text = result.content.first()?.as_text()?;
    Some(text.text.clone())
}
