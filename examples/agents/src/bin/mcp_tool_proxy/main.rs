//! A proxy for MCP servers whose tools pass through the dispatcher, and agents that plan with what it tells them.
//!
//! `cargo run --locked --release --package agents --bin mcp_tool_proxy`. Everything is on loopback and real: the servers
//! of the tools, the proxy before them, and the clients of both are rmcp's, over streamable HTTP. Only the agents' minds
//! are scripted. Read on in `proxy.rs`.

mod agent;
mod availability;
mod client;
mod judge;
mod proxy;
mod serve;
mod stage;
mod story;
mod tool_server;
mod transcript;
mod trouble;
mod upstream;

use std::process::ExitCode;
use std::time::Duration;

use tokio::time::timeout;

use self::transcript::Transcript;

/// What the story takes at the very most.
const AT_MOST: Duration = Duration::from_secs(20);

#[tokio::main]
async fn main() -> ExitCode {
    let mut transcript = Transcript::default();
    match timeout(AT_MOST, story::tell(&mut transcript)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            transcript.promise(false, &format!("the story goes on to its end: {error}"))
        }
        Err(_elapsed) => transcript.promise(false, &format!("the story ends within {AT_MOST:?}")),
    }
    for promise in transcript.broken() {
        eprintln!("did not hold: {promise}");
    }
    if transcript.broken().is_empty() {
        println!("\nall promises held");
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
