//! What else can go wrong, told after the outage.

use std::time::Duration;

use rmcp::model::ErrorCode;
use rmcp::service::ServiceError;
use serde_json::Value;
use tower::BoxError;

use crate::agent::Agent;
use crate::stage::{ANSWERING, Stage, TENANTS};
use crate::tool_server::Fault;
use crate::transcript::Transcript;

/// What operators write for each other.
pub const TICKET: &str = "OPS-4711";

pub async fn unknown_tool(transcript: &mut Transcript, acme: &mut Agent) -> Result<(), BoxError> {
    transcript.chapter("A tool that the model has made up.");
    let (code, said) = match acme.call("serach", "red shoes").await {
        Err(ServiceError::McpError(error)) => (Some(error.code), error.message.into_owned()),
        other => (None, format!("{other:?}")),
    };
    transcript.say("acme", &format!("serach        -> {said}"));
    transcript.promise(
        code == Some(ErrorCode::INVALID_PARAMS),
        "a call of an unknown tool is an error of its parameters",
    );
    let names_all = ["\"book\"", "\"encyclopedia\"", "\"search\""]
        .iter()
        .all(|name| said.contains(name));
    transcript.promise(names_all, "it says which tools there are");
    Ok(())
}

pub async fn out_of_service(
    transcript: &mut Transcript,
    stage: &Stage,
    mut agents: [&mut Agent; 2],
) -> Result<(), BoxError> {
    transcript.chapter("An operator takes search out of service, for everyone.");
    let told = agents.iter_mut().any(|agent| agent.was_told_of_a_change());
    transcript.promise(
        !told,
        "globex was told of no change that is not its own, and acme of each once",
    );
    let search = stage
        .registry
        .get("search")
        .ok_or("search is not declared")?;
    for is_out in [true, false] {
        if is_out {
            search.force_open_for(TICKET, Duration::from_secs(600));
        } else {
            search.clear();
        }
        for (tenant, agent) in TENANTS.into_iter().zip(&mut agents) {
            agent.list_changed().await?;
            let list = agent.read_list().await?;
            let note = list.prompt_note.as_deref().unwrap_or("none");
            transcript.say(tenant, &format!("prompt note {note}"));
            let is_marked = list.unavailable() == ["search"];
            transcript.promise(
                is_marked == is_out && list.prompt_note.is_some() == is_out,
                "everyone is told of what is out of service, as long as it is",
            );
        }
    }
    Ok(())
}

pub async fn no_answer(
    transcript: &mut Transcript,
    stage: &Stage,
    acme: &mut Agent,
) -> Result<(), BoxError> {
    transcript.chapter("A tool with side effects does not answer.");
    stage.booking.set("acme", Some(Fault::Hangs));
    let turn = acme.turn("a journey", &["book"]).await?;
    transcript.turn("acme", &turn);
    let signal = turn.signal();
    transcript.promise(
        signal["reason"] == "tool_call_timeout",
        "a call that takes too long says so",
    );
    let said = signal["message"].as_str().unwrap_or_default();
    transcript.promise(
        said.contains("may have taken effect"),
        "the agent is warned that it may be booked all the same",
    );
    transcript.promise(
        turn.answer.is_none(),
        "an agent without an alternative tells the user",
    );
    // The call that was given up is given up by all: the story does not go on before.
    stage.booking.until_hanging(0).await;
    Ok(())
}

pub async fn no_alternative(
    transcript: &mut Transcript,
    stage: &Stage,
    acme: &mut Agent,
) -> Result<(), BoxError> {
    transcript.chapter("The encyclopedia is busy and says for how long, and search fails once.");
    stage.encyclopedia.set("acme", Some(Fault::Status429));
    stage.search.set("acme", Some(Fault::Internal));
    let turn = acme.turn("red shoes", &["encyclopedia"]).await?;
    transcript.turn("acme", &turn);
    let turn = acme.turn("red shoes", &ANSWERING).await?;
    transcript.turn("acme", &turn);
    let signal = turn.signal();
    transcript.promise(
        signal["alternatives"] == Value::Array(Vec::new()),
        "no tool is named that would reject the call as well",
    );
    transcript.promise(
        turn.calls.len() == 1 && turn.answer.is_none(),
        "the agent does not call what is not named, and tells the user",
    );
    acme.list_changed().await?;
    let list = acme.read_list().await?;
    transcript.list("acme", list);
    transcript.promise(
        list.unavailable() == ["encyclopedia"],
        "one answer that says for how long a tool is busy opens its circuit",
    );
    Ok(())
}
