//! A model that follows a script, and plans anew by what it is told: by the note in its prompt, and by what stands in the
//! place of results. It reads text, as a real one does, and knows nothing of circuits.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use async_openai::types::chat::{
    ChatCompletionMessageToolCall, ChatCompletionMessageToolCalls,
    ChatCompletionRequestAssistantMessage, ChatCompletionRequestMessage,
    ChatCompletionRequestSystemMessageContent, ChatCompletionRequestToolMessage,
    ChatCompletionRequestToolMessageContent, FunctionCall,
};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::catalog::TOOLS;
use super::script::{Script, Want};

/// How often the model asks once more for a tool that is to be back in a second.
const MOST_REPEATS: u8 = 2;

pub(super) struct Model<'a> {
    script: &'a Script,
    turn: usize,
    step: usize,
    calls: usize,
    /// What is asked for, by the ids of the calls.
    asked: HashMap<String, Asked>,
    /// The tools that it does not call any more in this turn, and what it was told to use in their place.
    avoids: HashMap<String, Vec<String>>,
    /// The tools that it had to do without.
    pub(super) without: BTreeSet<String>,
    /// How many calls went to a tool in another's place.
    pub(super) replanned: usize,
}

struct Asked {
    want: Want,
    /// The tool of the script, or what stands in for it.
    tool: String,
    repeats: u8,
}

impl<'a> Model<'a> {
    pub(super) fn new(script: &'a Script, turn: usize) -> Self {
        Self {
            script,
            turn,
            step: 0,
            calls: 0,
            asked: HashMap::new(),
            avoids: HashMap::new(),
            without: BTreeSet::new(),
            replanned: 0,
        }
    }

    /// What the model says next: without calls, it is done.
    pub(super) async fn complete(
        &mut self,
        conversation: &[ChatCompletionRequestMessage],
    ) -> ChatCompletionRequestAssistantMessage {
        if self.step == 0 {
            self.read_prompt(conversation);
        }
        let (mut calls, mut thinks) = self.read_results(conversation);
        while calls.is_empty()
            && let Some(step) = self.script.steps.get(self.step)
        {
            self.step += 1;
            thinks += step.thinks;
            calls = step
                .wants
                .iter()
                .filter_map(|want| self.plan(*want))
                .collect();
        }
        sleep(thinks).await;
        ChatCompletionRequestAssistantMessage {
            content: calls.is_empty().then(|| "That is all.".into()),
            tool_calls: (!calls.is_empty()).then_some(calls),
            ..Default::default()
        }
    }

    /// Avoids the tools that the note in the prompt names.
    fn read_prompt(&mut self, conversation: &[ChatCompletionRequestMessage]) {
        let Some(ChatCompletionRequestMessage::System(prompt)) = conversation.first() else {
            return;
        };
        if let ChatCompletionRequestSystemMessageContent::Text(text) = &prompt.content {
            let noted = TOOLS
                .into_iter()
                .filter_map(|tool| Some((tool.to_owned(), alternatives_noted(text, tool)?)));
            self.avoids.extend(noted);
        }
    }

    /// The calls that take the place of those that came to nothing, and how long it is to wait before.
    fn read_results(
        &mut self,
        conversation: &[ChatCompletionRequestMessage],
    ) -> (Vec<ChatCompletionMessageToolCalls>, Duration) {
        let mut waits = Duration::ZERO;
        let mut calls = Vec::new();
        let results = conversation
            .iter()
            .rev()
            .map_while(|message| match message {
                ChatCompletionRequestMessage::Tool(result) => Some(result),
                _ => None,
            });
        for result in results {
            let Some(asked) = self.asked.remove(&result.tool_call_id) else {
                continue;
            };
            match Told::by(result) {
                Told::Answer => {}
                Told::NoSuchTool => {
                    let want = Want {
                        is_misspelt: false,
                        ..asked.want
                    };
                    calls.push(self.call(want, asked.tool, 0));
                }
                Told::BackInAMoment if asked.repeats < MOST_REPEATS => {
                    waits = Duration::from_secs(1);
                    calls.push(self.call(asked.want, asked.tool, asked.repeats + 1));
                }
                Told::BackInAMoment => calls.extend(self.plan_without(&asked, &[])),
                Told::Unavailable(alternatives) => {
                    calls.extend(self.plan_without(&asked, &alternatives));
                }
            }
        }
        (calls, waits)
    }

    fn plan_without(
        &mut self,
        asked: &Asked,
        alternatives: &[String],
    ) -> Option<ChatCompletionMessageToolCalls> {
        self.avoids
            .insert(asked.tool.clone(), alternatives.to_vec());
        self.instead(asked.want, &asked.tool)
    }

    /// What the script wants, as far as the model knows it can be had.
    fn plan(&mut self, want: Want) -> Option<ChatCompletionMessageToolCalls> {
        if !self.avoids.contains_key(want.tool) {
            return Some(self.call(want, want.tool.to_owned(), 0));
        }
        self.instead(want, want.tool)
    }

    /// A call of what may stand in for a tool that it avoids.
    fn instead(&mut self, want: Want, tool: &str) -> Option<ChatCompletionMessageToolCalls> {
        let mut told = self.avoids.get(tool).into_iter().flatten();
        let other = told.find(|tool| !self.avoids.contains_key(*tool));
        let Some(other) = other.cloned() else {
            self.without.insert(want.tool.to_owned());
            return None;
        };
        self.replanned += 1;
        Some(self.call(want, other, 0))
    }

    fn call(&mut self, want: Want, tool: String, repeats: u8) -> ChatCompletionMessageToolCalls {
        let id = format!("call_{}_{}", self.turn, self.calls);
        self.calls += 1;
        let mut name = tool.clone();
        if want.is_misspelt {
            name.push('s');
        }
        let arguments = json!({ "takes_ms": want.takes.as_millis() as u64 }).to_string();
        let asked = Asked {
            want,
            tool,
            repeats,
        };
        self.asked.insert(id.clone(), asked);
        let function = FunctionCall { name, arguments };
        ChatCompletionMessageToolCalls::Function(ChatCompletionMessageToolCall { id, function })
    }
}

/// What the note in a prompt says of this tool; none where it does not name it as unavailable.
fn alternatives_noted(prompt: &str, tool: &str) -> Option<Vec<String>> {
    let (_, noted) = prompt.split_once(&format!("\"{tool}\" ("))?;
    let (noted, _) = noted.split_once(')')?;
    let names = noted.split_once("; use ").map(|(_, names)| names);
    let names = names.into_iter().flat_map(|names| names.split(" or "));
    Some(
        names
            .map(|name| name.trim_matches('"').to_owned())
            .collect(),
    )
}

/// What the text in a result's place says.
enum Told {
    Answer,
    NoSuchTool,
    BackInAMoment,
    Unavailable(Vec<String>),
}

impl Told {
    fn by(result: &ChatCompletionRequestToolMessage) -> Self {
        let ChatCompletionRequestToolMessageContent::Text(text) = &result.content else {
            return Self::Answer;
        };
        if text.starts_with("there is no tool") {
            return Self::NoSuchTool;
        }
        let Ok(signal) = serde_json::from_str::<Value>(text) else {
            return Self::Answer;
        };
        let alternatives = signal["alternatives"].as_array();
        let names = alternatives
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned);
        match (
            signal["status"].as_str(),
            signal["retry_after_seconds"].as_u64(),
        ) {
            (Some("tool_unavailable"), Some(1)) => Self::BackInAMoment,
            (Some("tool_unavailable"), _) => Self::Unavailable(names.collect()),
            _ => Self::Answer,
        }
    }
}
