//! Agents: their tools, their models, and what belongs to the breaker.
//!
//! An agent's dependencies are its tools and its models. A tool that is rejected is an answer that the model can plan
//! with, and the next prompt says what is unavailable before a call is wasted on it.
//!
//! # Tool dispatch
//!
//! [`Tools`](crate::agent::Tools) declares the tools, each of which is a dependency; a
//! [`Dispatcher`](crate::agent::Dispatcher) calls them. What the model gets is either the tool's own output, or a
//! [`DegradationSignal`](crate::agent::DegradationSignal): why, for how long, and which substitutes admit calls.
//!
//! ```
//! use std::time::Duration;
//!
//! use tower::{BoxError, ServiceExt, service_fn};
//! use tower_tenant_breaker::CircuitBreakerRegistry;
//! use tower_tenant_breaker::agent::{Tool, ToolCall, ToolReply, Tools};
//! use tower_tenant_breaker::impact::ImpactPolicy;
//!
//! /// Calls the tool. What it says in its own words, also "no such date", is an `Ok`.
//! async fn run(call: ToolCall<String>) -> Result<String, BoxError> {
//!     match &*call.tool {
//!         "calendar" => Err("the calendar is down".into()), // logged where it arises: the model never sees it
//!         tool => Ok(format!("{tool} has found something about {}", call.input)),
//!     }
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), BoxError> {
//!     let registry = CircuitBreakerRegistry::builder().impact(ImpactPolicy::default()).build()?;
//!     let tools = Tools::builder(&registry)
//!         .timeout(Duration::from_secs(20))
//!         .tool(Tool::new("calendar").substitutes(["shared_calendar"]))
//!         .tool(Tool::new("shared_calendar"))
//!         // A booking is not what should find out whether the desk is back.
//!         .tool(Tool::new("book_flight").has_side_effects())
//!         .build()?;
//!     let dispatcher = tools.dispatcher(service_fn(run));
//!
//!     let mut results = Vec::new();
//!     for turn in ["turn 1", "turn 2"] {
//!         // Before the turn: what its prompt should say.
//!         println!("{}", tools.prompt_note("acme").unwrap_or_default());
//!         // And in it: calls that do not wait for each other, in tasks of their own.
//!         let calls = ["call_1", "call_2", "call_3"].map(|id| {
//!             let call = ToolCall::new("acme", "calendar", "monday".to_owned()).call_id(id).turn_id(turn);
//!             let dispatcher = dispatcher.clone();
//!             tokio::spawn(async move { (id, dispatcher.oneshot(call).await) })
//!         });
//!         for call in calls {
//!             let (id, reply) = call.await?;
//!             results.push(match reply? {
//!                 ToolReply::Output(output) => output,
//!                 ToolReply::Unavailable(signal) => signal.to_openai(id).to_string(),
//!             });
//!         }
//!     }
//!     assert!(results[5].contains("circuit_open_failures") && results[5].contains("shared_calendar"));
//!     assert!(tools.prompt_note("acme").is_some_and(|note| note.contains("\"calendar\"")));
//!     assert_eq!(tools.prompt_note("globex"), None, "whose calendar is another");
//!     assert_eq!(registry.impact().rows()[0].counts.turns.count, 2);
//!     Ok(())
//! }
//! ```
//!
//! Whatever a framework does with concurrency, the laws hold: of forty calls of one tool in one turn no more than
//! [`half_open_max_calls`](crate::PolicyBuilder::half_open_max_calls) are probes, a turn that the user stops gives all its
//! places back, and [`max_in_flight`](crate::PolicyBuilder::max_in_flight) bounds what one tenant has in the air.
//! Tools with side effects are never probes; give them a [`RecoveryProber`](crate::RecoveryProber) that reads something, or
//! their circuits stay open.
//!
//! ## The note in the prompt
//!
//! [`prompt_note`](crate::agent::Tools::prompt_note) is absent when all is well. It says the same until something
//! changes: times in it are those that were set when a circuit opened, rounded up to the minute. So put it where the
//! prompt's cache ends anyway, after the tools and the system prompt that all tenants share, and the cache keeps hitting.
//! Names of tools are hostile where they come from a server that you do not run, and cannot break out of it.
//!
//! ## Tools of many kinds
//!
//! One client for all tools, as of an MCP server, is `tools.dispatcher(client)`. Where each has a service of its own,
//! [`Toolbox`](crate::agent::Toolbox) puts them together: there, a tool that is not ready holds up no other, and the wait
//! counts for its timeout. Tools that a server lists anew are declared anew on the same registry: circuits survive, and calls
//! in the air go on. A tool's `Err` reaches no model; [`on_error`](crate::agent::ToolsBuilder::on_error) is told of it.
//!
//! # MCP
//!
//! A proxy in front of MCP servers dispatches each `tools/call`. With rmcp:
//!
#![cfg_attr(not(doctest), doc = "```rust")]
// Compiled and tested by `examples/agents`, so that the tests of this crate need no SDK.
#![cfg_attr(not(doctest), doc = include_str!("mcp.rs"))]
#![cfg_attr(not(doctest), doc = "```")]
//!
//! - A tool that has declared an `outputSchema` is answered with
//!   [`to_mcp_text`](crate::agent::DegradationSignal::to_mcp_text): clients hold structured content against that schema.
//! - MCP does not say whose fault an `isError` is. Handed on as an output, it is a success to
//!   [`ErrIsFailure`](crate::ErrIsFailure); [`dispatcher_with`](crate::agent::Tools::dispatcher_with) and a classifier that
//!   calls it ignored is more careful. A server that tells its own outage by `isError` alone then opens no circuit.
//! - In `tools/list`, [`tool_note`](crate::agent::Tools::tool_note) goes before the description of a tool that is
//!   unavailable. Compare it, or the note of the prompt, at each of the
//!   [changes](crate::CircuitBreakerRegistry::subscribe_to_changes) and when
//!   [`retry_after`](crate::agent::UnavailableTool::retry_after) is over, which is no event, to know when to send
//!   `notifications/tools/list_changed`.
//! - rmcp's `StreamableHttpError::HttpStatus` is a transparent variant: a classifier of its errors looks for that enum in the
//!   chain of sources, not for the status in it.
//!
//! The example `mcp_tool_proxy` has all of it, over HTTP.
//!
//! # Language models
//!
//! A provider is a dependency, and whose key it is called with is the tenant.
//! [`classify_llm`](crate::TenantCircuitBreakerLayer::classify_llm) knows what providers answer:
//! [`agent::llm`](crate::agent::llm) has each rule with its source. A rate limit opens the circuit of this tenant until it
//! ends; a quota that is used up holds it open until somebody [resets](crate::CircuitHandle::reset) it; an overloaded
//! provider is everybody's, and an [outage](crate::OutagePolicy) where many find it so. The clock of a stream stops at its first
//! token, and its outcome is known at its end. async-openai over several providers:
//!
#![cfg_attr(not(doctest), doc = "```rust")]
#![cfg_attr(not(doctest), doc = include_str!("models.rs"))]
#![cfg_attr(not(doctest), doc = "```")]
//!
//! - The SDK builds the first provider's address and key into each request, so each provider's service replaces both, and drops
//!   the headers of organisation and project. What is not below the address that the client was built for is better refused
//!   than sent with a key: the example `llm_failover` does so.
//! - Once a stream has begun, no other provider is asked for it: the caller sees its error, the circuit counts it, and the
//!   next call goes elsewhere.
//! - A provider that hung may have done the work, and a prompt that is sent again is paid for twice. Who cannot afford that
//!   says so in [`resend`](crate::failover::Resend).
//! - The service takes the place of the SDK's own retries, which would wait for the primary.
//!
//! # What belongs to the breaker, and what does not
//!
//! | | whose job | how they meet |
//! |---|---|---|
//! | tokens, money, calls per day | a limiter, which counts before the call | when a budget is spent: `registry.tenant("acme").force_open_for("budget of today", until_midnight)`, an override with an end and a reason, or on one provider's [`circuit`](crate::Dependency::circuit); all calls are rejected, and say so |
//! | a loop that never ends | the agent's bound on steps | signals tell it to do without; nobody makes it listen |
//! | a wrong argument, an empty result | the tool's own words | an output, which the model sees and no circuit counts |
//! | an answer of poor quality | an evaluator | whoever judges it can say [`Outcome::failure`](crate::Outcome::failure) in a classifier |
//! | a call that may be made twice | the tool's idempotence key | the signal of a tool with side effects says that it [may have taken effect](crate::agent::DegradationSignal::may_have_taken_effect) |
//! | a try again after a blip | a retry, inside of the breaker | [Retries and budgets](super#retries-and-budgets) |
//!
//! A turn that does without a tool since its prompt said so makes no call, and so it is in no row of the
//! [impact](crate::impact) report: that counts turns in which a call was bad.
