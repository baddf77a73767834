//! The loop of an agent, as one writes it with `async-openai`: the model asks for tools, the dispatcher calls them, and the
//! model is told what came of it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_openai::types::chat::{
    ChatCompletionMessageToolCalls, ChatCompletionRequestMessage,
    ChatCompletionRequestSystemMessage, ChatCompletionRequestToolMessage,
    ChatCompletionRequestUserMessage,
};
use futures_util::future::join_all;
use serde_json::Value;
use tokio::time::Instant;
use tower::{BoxError, Service, ServiceExt};
use tower_tenant_breaker::agent::{DispatchError, SignalReason, ToolCall, ToolReply, Tools};

use super::catalog;
use super::hour::since;
use super::model::Model;
use super::script::Script;
use super::told::{NamedBy, Told};
use super::world::Errand;

/// A model that calls tools more often than this in one turn goes round in circles.
const MOST_ROUNDS: usize = 32;

/// How a turn ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The model was done.
    Finished,
    /// It was stopped after as many rounds as a turn may have.
    Looped,
    /// What an agent cannot go on with.
    Crashed(String),
}

/// A call, as the agent saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// By which the tool knows it.
    pub call_id: Arc<str>,
    /// The tool.
    pub tool: Arc<str>,
    /// What had named the tool in another's place before it was called, first in this turn.
    pub named_by: Option<NamedBy>,
    /// Why there is no answer.
    pub signal: Option<SignalReason>,
    /// How long the agent waited for it.
    pub took: Duration,
}

/// A turn that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnRecord {
    /// Whose it was.
    pub tenant: Arc<str>,
    /// When it began and ended, since the beginning of the hour.
    pub lasted: (Duration, Duration),
    /// How it ended.
    pub end: End,
    /// How long it waited for more than tools take that are well and answer.
    pub waited: Duration,
    /// The tools that the note in its prompt named as unavailable; none where there was no note.
    pub noted: BTreeSet<String>,
    /// The tools that the model wanted, and found nothing in the place of.
    pub without: BTreeSet<String>,
    /// How many calls went to a tool in another's place.
    pub replanned: usize,
    /// Its calls of tools that there are.
    pub calls: Vec<Seen>,
}

impl TurnRecord {
    /// The tools for which the turn waited until a timeout.
    pub fn timed_out(&self) -> impl Iterator<Item = &str> {
        let is_timeout = |seen: &&Seen| seen.signal == Some(SignalReason::ToolCallTimeout);
        self.calls.iter().filter(is_timeout).map(|seen| &*seen.tool)
    }

    /// It had to do without a tool that it wanted, and found nothing in its place, or it waited until a timeout.
    #[must_use]
    pub fn is_degraded(&self) -> bool {
        !self.without.is_empty() || self.timed_out().next().is_some()
    }

    /// How long it took.
    #[must_use]
    pub fn took(&self) -> Duration {
        self.lasted.1.saturating_sub(self.lasted.0)
    }
}

/// Runs a turn from its beginning to its end.
pub(super) async fn run<D>(
    script: &Script,
    number: usize,
    begun: Instant,
    tools: &Tools,
    dispatcher: D,
) -> TurnRecord
where
    D: Service<ToolCall<Errand>, Response = ToolReply<String>, Error = DispatchError> + Clone,
{
    tokio::time::sleep_until(begun + script.begins).await;
    let tenant = catalog::tenant(script.tenant);
    let mut prompt = String::from("You are an assistant that uses tools.");
    let mut told = Told::default();
    if let Some(note) = tools.prompt_note(&tenant) {
        told.by_note(&note, &tools.unavailable(&tenant));
        prompt = format!("{prompt}\n\n{note}");
    }
    let mut conversation = vec![
        ChatCompletionRequestSystemMessage::from(prompt).into(),
        ChatCompletionRequestUserMessage::from("Please.").into(),
    ];
    let mut model = Model::new(script, number);
    let agent = Agent {
        tenant,
        turn_id: format!("turn_{number}").into(),
        dispatcher,
    };
    let (mut end, mut waited, mut calls) = (End::Looped, Duration::ZERO, Vec::new());
    for _ in 0..MOST_ROUNDS {
        let message = model.complete(&conversation).await;
        let asked = message.tool_calls.clone().unwrap_or_default();
        conversation.push(message.into());
        if asked.is_empty() {
            end = End::Finished;
            break;
        }
        let round = Instant::now();
        let answers = join_all(asked.into_iter().map(|call| agent.answer(call, &told))).await;
        let answers: Vec<_> = match answers.into_iter().collect() {
            Ok(answers) => answers,
            Err(error) => {
                end = End::Crashed(error.to_string());
                break;
            }
        };
        let of_the_well = answers.iter().map(|answer| answer.of_the_well).max();
        waited += since(round).saturating_sub(of_the_well.unwrap_or_default());
        for answer in answers {
            conversation.push(answer.message);
            told.by_signal(answer.stand_ins);
            calls.extend(answer.seen);
        }
    }
    TurnRecord {
        tenant: agent.tenant,
        lasted: (script.begins, since(begun)),
        end,
        waited,
        noted: told.noted,
        without: model.without,
        replanned: model.replanned,
        calls,
    }
}

struct Agent<D> {
    tenant: Arc<str>,
    turn_id: Arc<str>,
    dispatcher: D,
}

struct Answer {
    message: ChatCompletionRequestMessage,
    seen: Option<Seen>,
    /// The tools that a signal names in the place of this one.
    stand_ins: Vec<String>,
    /// How long the answer takes where its tool is well; nothing without an answer.
    of_the_well: Duration,
}

impl<D> Agent<D>
where
    D: Service<ToolCall<Errand>, Response = ToolReply<String>, Error = DispatchError> + Clone,
{
    /// What the model is told in answer to a call.
    async fn answer(
        &self,
        call: ChatCompletionMessageToolCalls,
        told: &Told,
    ) -> Result<Answer, BoxError> {
        let ChatCompletionMessageToolCalls::Function(asked) = call else {
            return Err("the model has asked for a custom tool, and there is none".into());
        };
        let arguments: Value = serde_json::from_str(&asked.function.arguments)?;
        let takes = arguments["takes_ms"]
            .as_u64()
            .ok_or("takes_ms is missing")?;
        let takes = Duration::from_millis(takes);
        let (tool, call_id) = (Arc::from(asked.function.name), Arc::from(asked.id.as_str()));
        let call = ToolCall::new(self.tenant.clone(), Arc::clone(&tool), Errand { takes })
            .call_id(Arc::clone(&call_id))
            .turn_id(self.turn_id.clone());

        let begun = Instant::now();
        let reply = self.dispatcher.clone().oneshot(call).await;
        let seen = |signal| Seen {
            call_id,
            named_by: told.stand_ins.get(&*tool).copied(),
            tool,
            signal,
            took: since(begun),
        };
        Ok(match reply {
            Ok(ToolReply::Output(text)) => Answer {
                message: result(asked.id, text),
                seen: Some(seen(None)),
                stand_ins: Vec::new(),
                of_the_well: takes,
            },
            Ok(ToolReply::Unavailable(signal)) => Answer {
                message: serde_json::from_value(signal.to_openai(&asked.id))?,
                seen: Some(seen(Some(signal.reason()))),
                stand_ins: signal.alternatives().map(str::to_owned).collect(),
                of_the_well: Duration::ZERO,
            },
            // A model can choose another name, and knows which there are from the text.
            Err(DispatchError::UnknownTool(unknown)) => Answer {
                message: serde_json::from_value(unknown.to_openai(&asked.id))?,
                seen: None,
                stand_ins: Vec::new(),
                of_the_well: Duration::ZERO,
            },
            Err(error) => return Err(error.into()),
        })
    }
}

fn result(tool_call_id: String, text: String) -> ChatCompletionRequestMessage {
    let content = text.into();
    ChatCompletionRequestToolMessage {
        content,
        tool_call_id,
    }
    .into()
}
