//! The words that models are told.

use std::fmt;

use tower_tenant_breaker::agent::{English, Tool, UnavailableTools, Wording};

use crate::{at_noon, fail, registry, rejected};

/// A note of its own, and the rest by default.
struct Terse;

impl Wording for Terse {
    fn note(&self, unavailable: &UnavailableTools, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} are missing", unavailable.tools.len())
    }
}

/// What is said of search, and in a prompt, once it has failed, in these words.
fn told(wording: impl Wording + 'static) -> [String; 3] {
    let registry = registry();
    let tools = at_noon(&registry).0.wording(wording);
    let tools = tools.tool(Tool::new("search")).build().unwrap();
    let search = fail(&registry, "search", "acme");
    [
        rejected(&tools, &search, "acme").message(),
        tools.prompt_note("acme").unwrap(),
        tools.tool_note("acme", "search").unwrap(),
    ]
}

#[tokio::test(start_paused = true)]
async fn what_a_wording_leaves_to_the_default_is_in_english() {
    let [message, note, of_tool] = told(Terse);
    let [in_english, _, of_tool_in_english] = told(English);
    assert_eq!(note, "1 are missing");
    assert_eq!(message, in_english);
    assert_eq!(of_tool, of_tool_in_english);
}

#[tokio::test(start_paused = true)]
async fn a_model_that_cannot_be_told_until_when_is_told_to_wait_for_word() {
    let registry = registry();
    let tools = at_noon(&registry).0.tool(Tool::new("search")).build();
    let search = registry.get("search").unwrap();
    search.force_open("maintenance");
    let message = rejected(&tools.unwrap(), &search, "acme").message();
    let wait = "Do not call it until you are told that it is back.";
    assert!(message.contains(wait), "{message}");
}
