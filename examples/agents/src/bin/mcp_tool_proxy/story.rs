//! What happens, and what it promises.

use std::time::Duration;

use tower::BoxError;

use crate::agent::{Agent, List};
use crate::stage::{ANSWERING, Stage, TENANTS, key_with_servers};
use crate::tool_server::{Fault, SECRET};
use crate::transcript::Transcript;
use crate::trouble::{self, TICKET};

/// How long circuits stay open: longer than what is told meanwhile takes, and no longer to wait for than need be.
const OPEN_FOR: Duration = Duration::from_secs(3);

/// How long a call may take.
const TIMEOUT: Duration = Duration::from_secs(2);

pub async fn tell(transcript: &mut Transcript) -> Result<(), BoxError> {
    let stage = Stage::set(OPEN_FOR, TIMEOUT).await?;
    let [mut acme, mut globex] = [stage.agent("acme").await?, stage.agent("globex").await?];
    let before = before(transcript, &mut acme, &mut globex).await?;
    during(transcript, &stage, &mut acme, &mut globex).await?;
    after(transcript, &stage, &mut acme, &before).await?;
    trouble::unknown_tool(transcript, &mut acme).await?;
    trouble::out_of_service(transcript, &stage, [&mut acme, &mut globex]).await?;
    trouble::no_answer(transcript, &stage, &mut acme).await?;
    trouble::no_alternative(transcript, &stage, &mut acme).await?;
    conclude(transcript, &stage, [&acme, &globex]);
    Ok(())
}

async fn before(
    transcript: &mut Transcript,
    acme: &mut Agent,
    globex: &mut Agent,
) -> Result<List, BoxError> {
    transcript.chapter("Before: all is well.");
    let list = acme.read_list().await?.clone();
    transcript.list("acme", &list);
    transcript.promise(
        list.prompt_note.is_none(),
        "no note is in the prompt before the outage",
    );
    transcript.promise(list.tools.len() == 3, "three tools are listed");
    for (tenant, agent) in TENANTS.into_iter().zip([acme, globex]) {
        let turn = agent.turn("red shoes", &ANSWERING).await?;
        transcript.turn(tenant, &turn);
        transcript.promise(
            turn.is_answered_by(&["search"]),
            "search answers before the outage",
        );
    }
    Ok(list)
}

async fn during(
    transcript: &mut Transcript,
    stage: &Stage,
    acme: &mut Agent,
    globex: &mut Agent,
) -> Result<(), BoxError> {
    transcript
        .chapter("During: search fails for acme's account. Two failures open acme's circuit.");
    stage.search.set("acme", Some(Fault::Status500));
    for n in 1..=3 {
        let arrived = stage.search.requests("acme");
        // It has not read the list again: the signal alone tells it.
        let turn = acme.turn("red shoes", &ANSWERING).await?;
        transcript.turn("acme", &turn);
        transcript.promise(
            turn.is_answered_by(&["search", "encyclopedia"]),
            "the agent plans anew with the alternative that the signal names",
        );
        let reason = if n < 3 {
            "tool_call_failed"
        } else {
            "circuit_open_failures"
        };
        let said = &turn.signal()["reason"];
        transcript.promise(
            said == reason,
            &format!("call {n} of the outage says {reason}"),
        );
        let reached = stage.search.requests("acme") > arrived;
        transcript.promise(
            reached == (n < 3),
            "calls reach the tool until the circuit is open, and not then",
        );
    }
    acme.list_changed().await?;
    transcript.say("acme", "is told     notifications/tools/list_changed");
    let list = acme.read_list().await?.clone();
    transcript.list("acme", &list);
    transcript.promise(
        list.unavailable() == ["search"],
        "acme's list says that search is unavailable, and of nothing else",
    );
    let note = list.prompt_note.unwrap_or_default();
    transcript.promise(
        note.contains("\"search\""),
        "acme's prompt note names search",
    );
    let turn = acme.turn("red shoes", &ANSWERING).await?;
    transcript.turn("acme", &turn);
    transcript.promise(
        turn.is_answered_by(&["encyclopedia"]),
        "an agent that has read the list wastes no call",
    );

    let list = globex.read_list().await?.clone();
    transcript.promise(
        list.unavailable().is_empty() && list.prompt_note.is_none(),
        "globex's list and prompt say nothing of acme's outage",
    );
    let turn = globex.turn("red shoes", &ANSWERING).await?;
    transcript.turn("globex", &turn);
    transcript.promise(
        turn.is_answered_by(&["search"]),
        "search answers globex all the while",
    );
    Ok(())
}

async fn after(
    transcript: &mut Transcript,
    stage: &Stage,
    acme: &mut Agent,
    before: &List,
) -> Result<(), BoxError> {
    transcript.chapter("After: search is mended, and the open period ends.");
    stage.search.set("acme", None);
    acme.list_changed().await?;
    transcript.say("acme", "is told     notifications/tools/list_changed");
    let list = acme.read_list().await?.clone();
    transcript.list("acme", &list);
    transcript.promise(
        list == *before,
        "acme's list and prompt are what they were before",
    );
    let turn = acme.turn("red shoes", &ANSWERING).await?;
    transcript.turn("acme", &turn);
    transcript.promise(
        turn.is_answered_by(&["search"]),
        "search answers after the outage",
    );
    let state = stage
        .registry
        .get("search")
        .map(|search| search.state("acme"));
    transcript.promise(
        state == Some(tower_tenant_breaker::CircuitState::Closed),
        "the call after the open period closes the circuit",
    );
    Ok(())
}

fn conclude(transcript: &mut Transcript, stage: &Stage, agents: [&Agent; 2]) {
    transcript.chapter("In the end.");
    let report = stage.registry.impact();
    for (tenant, agent) in TENANTS.into_iter().zip(agents) {
        let rows = report.per_tenant();
        let of_tenant = rows
            .iter()
            .filter(|row| row.tenant.as_deref() == Some(tenant));
        let turns: u64 = of_tenant.map(|row| row.counts.turns.count).sum();
        transcript.say(tenant, &format!("{turns} of its turns were affected"));
        let affected = if tenant == "acme" { 6 } else { 0 };
        transcript.promise(
            turns == affected,
            &format!("{affected} turns of {tenant} were affected"),
        );
        let other = TENANTS
            .into_iter()
            .filter(|other| *other != tenant)
            .map(str::to_owned);
        let keys = TENANTS.map(key_with_servers);
        let kept = [SECRET, TICKET]
            .map(str::to_owned)
            .into_iter()
            .chain(keys)
            .chain(other);
        for kept in kept {
            transcript.promise(
                !agent.heard.contains(&kept),
                &format!("{tenant} never hears {kept:?}"),
            );
        }
    }
}
