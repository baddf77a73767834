//! What models are told of tools with hostile names: nobody's name can end a line, a quotation, or the text.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::{Instant, advance};
use tower_tenant_breaker::agent::{
    DegradationSignal, MAX_LISTED, MessageTemplate, PlainName, Tool, Tools, ToolsBuilder, Wording,
};
use tower_tenant_breaker::{CircuitBreakerRegistry, Outcome};

use crate::paused;

const TENANT: &str = "acme";

/// `states|template|name|name|..`: a letter for what befalls each tool, in turn; without a template the words are English.
pub fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut parts = text.split('|');
    let states = parts.next().unwrap_or_default().as_bytes();
    let template = parts.next().unwrap_or_default();
    let names: BTreeSet<&str> = parts.take(30).collect();
    for name in &names {
        is_plain(name);
    }
    let template = (!template.is_empty())
        .then(|| self::template(template))
        .flatten();
    paused::play(async {
        let registry = CircuitBreakerRegistry::builder()
            .build()
            .expect("a registry");
        let Some(tools) = tools(&registry, &names, states, template.clone()) else {
            return;
        };
        for (name, state) in names.iter().zip(states.iter().cycle()) {
            befall(&registry, name, *state);
        }
        tell(&tools).await;
        for name in &names {
            let signals = [tools.failed(TENANT, name), tools.timed_out(TENANT, name)];
            for signal in signals.into_iter().chain([rejected(&tools, name)].map(Ok)) {
                let signal = signal.expect("the tool is declared");
                is_a_result(&signal, name, &text);
                match &template {
                    None => is_of_quoted_names(&signal.message(), &names),
                    Some(template) => adds_nothing_odd(&signal.message(), template),
                }
            }
        }
        let asked = format!("{text}?");
        let unknown = tools
            .failed(TENANT, &asked)
            .expect_err("it has a name of its own");
        assert_eq!(unknown.asked(), PlainName(&asked).to_string());
        let mut with_asked = names.clone();
        with_asked.insert(&asked);
        is_of_quoted_names(&unknown.to_string(), &with_asked);
    });
}

fn is_plain(name: &str) {
    let plain = PlainName(name).to_string();
    let is_kept = |sign: char| sign.is_ascii_alphanumeric() || "_-./:@".contains(sign);
    assert!(plain.chars().all(is_kept), "{plain}");
    let letters = name.chars().count();
    assert_eq!(plain.len(), letters.min(64));
    assert_eq!(PlainName(&plain).to_string(), plain, "shown again");
    match letters {
        ..=64 if name.chars().all(is_kept) => assert_eq!(plain, name),
        ..=64 => {}
        _ => assert!(plain.ends_with("...")),
    }
}

struct Template {
    template: MessageTemplate,
    text: String,
}

impl Clone for Template {
    fn clone(&self) -> Self {
        let (template, text) = (self.template.clone(), self.text.clone());
        Self { template, text }
    }
}

fn template(text: &str) -> Option<Template> {
    match MessageTemplate::new(text) {
        Ok(template) => {
            assert!(text.len() <= MessageTemplate::MAX_BYTES);
            let text = text.to_owned();
            Some(Template { template, text })
        }
        Err(error) => {
            let shown = error.to_string();
            assert!(
                !shown.is_empty() && !shown.contains(char::is_control),
                "{shown:?}"
            );
            assert!(shown.len() < 400, "{shown}");
            // A place that it names is one that there is.
            if let Some((_, at)) = shown.split_once("at character ") {
                let digits: String = at.chars().take_while(char::is_ascii_digit).collect();
                let at: usize = digits.parse().expect("a number");
                assert!((1..=text.chars().count()).contains(&at), "{shown}");
            }
            None
        }
    }
}

fn tools(
    registry: &CircuitBreakerRegistry,
    names: &BTreeSet<&str>,
    states: &[u8],
    template: Option<Template>,
) -> Option<Tools> {
    let began = Instant::now();
    let epoch = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_007);
    let clock = move || epoch + Instant::now().saturating_duration_since(began);
    let mut builder = Tools::builder(registry).wall_clock(clock);
    if let Some(template) = template {
        builder = worded(builder, template.template);
    }
    let names: Vec<&str> = names.iter().copied().collect();
    for (n, name) in names.iter().enumerate() {
        let next = [n + 1, n + 2]
            .into_iter()
            .filter_map(|n| names.get(n).copied());
        let tool = Tool::new(*name).substitutes(next);
        let has_side_effects = states.get(n).is_some_and(u8::is_ascii_uppercase);
        builder = builder.tool(if has_side_effects {
            tool.has_side_effects()
        } else {
            tool
        });
    }
    match builder.build() {
        Ok(tools) => {
            let found: Vec<&str> = tools.names().collect();
            assert_eq!(found, names);
            Some(tools)
        }
        Err(error) => {
            let is_bad = |name: &&str| name.is_empty() || name.len() > 256;
            assert!(names.is_empty() || names.iter().any(is_bad), "{error}");
            let shown = error.to_string();
            assert!(!shown.contains(char::is_control), "{shown:?}");
            None
        }
    }
}

fn worded(builder: ToolsBuilder, wording: impl Wording + 'static) -> ToolsBuilder {
    builder.wording(wording)
}

fn befall(registry: &CircuitBreakerRegistry, name: &str, state: u8) {
    let dependency = registry.get(name).expect("it was declared");
    // An operator may note anything, and what a tool is called.
    match state.to_ascii_lowercase() {
        b'f' => dependency.force_open(name),
        b't' => registry
            .tenant(TENANT)
            .force_open_for(name, Duration::from_secs(90)),
        b'o' => {
            while let Ok(permit) = dependency.acquire(TENANT) {
                permit.record(Outcome::failure());
            }
        }
        b'h' => {
            while let Ok(permit) = dependency.acquire(TENANT) {
                permit.record(Outcome::throttled().with_retry_after(Duration::MAX));
                if dependency.snapshot().totals.calls > 20 {
                    break;
                }
            }
        }
        b'q' => {
            if let Ok(permit) = dependency.acquire(TENANT) {
                permit.record(Outcome::QuotaExhausted);
            }
        }
        b'd' => dependency
            .circuit(TENANT)
            .set(tower_tenant_breaker::Override::Disabled),
        _ => {}
    }
}

/// The notes of a tenant.
async fn tell(tools: &Tools) {
    let unavailable = tools.unavailable(TENANT);
    let is_down = |name: &str| tools.why_unavailable(TENANT, name).is_some();
    let down = tools.names().filter(|name| is_down(name)).count();
    assert_eq!(unavailable.len(), down);
    assert_eq!(unavailable.tools.len(), down.min(MAX_LISTED));
    assert!(
        unavailable
            .tools
            .is_sorted_by_key(|tool| Arc::clone(&tool.name))
    );
    for tool in &unavailable.tools {
        assert!(
            tool.alternatives.iter().all(|name| !is_down(name)),
            "{tool:?}"
        );
        assert_eq!(tool.until.is_some(), tool.retry_after.is_some());
    }
    let names: BTreeSet<&str> = tools.names().collect();
    let note = tools.prompt_note(TENANT);
    assert_eq!(note.is_some(), down > 0);
    if let Some(note) = &note {
        is_of_quoted_names(note, &names);
        // 64 letters for a name and each of two substitutes, and the words in between.
        assert!(
            note.len() < 200 + MAX_LISTED * (3 * 70 + 120),
            "{}",
            note.len()
        );
        let json = serde_json::to_string(&unavailable).expect("it is written");
        assert!(!json.contains(|sign| sign < ' '));
    }
    for name in tools.names() {
        let note = tools.tool_note(TENANT, name);
        assert_eq!(note.is_some(), is_down(name));
        if let Some(note) = note {
            is_of_quoted_names(&note, &names);
        }
    }
    // For the caches of prompts.
    advance(Duration::from_millis(1)).await;
    assert_eq!(tools.prompt_note(TENANT), note);
}

/// Between the quotes stand names, plainly written; around them words that nobody else can have written.
fn is_of_quoted_names(text: &str, names: &BTreeSet<&str>) {
    let plain: BTreeSet<String> = names
        .iter()
        .map(|name| PlainName(name).to_string())
        .collect();
    for (n, part) in text.split('"').enumerate() {
        match n % 2 {
            0 => {
                let is_ours =
                    |sign: char| sign.is_ascii_alphanumeric() || " ,;:.()-".contains(sign);
                assert!(part.chars().all(is_ours), "{text:?}");
            }
            _ => assert!(plain.contains(part), "{part:?} in {text:?}"),
        }
    }
    assert_eq!(text.matches('"').count() % 2, 0, "{text:?}");
}

/// What is odd in a message, its template has said.
fn adds_nothing_odd(message: &str, Template { text, .. }: &Template) {
    let count =
        |text: &str, is_odd: fn(char) -> bool| text.chars().filter(|sign| is_odd(*sign)).count();
    assert!(count(message, char::is_control) <= count(text, char::is_control));
    let is_foreign = |sign: char| !sign.is_ascii();
    assert!(count(message, is_foreign) <= count(text, is_foreign));
    let placeholders = text.matches('{').count();
    assert!(message.len() <= text.len() + placeholders * 2 * 70 + 100);
}

fn rejected(tools: &Tools, name: &str) -> DegradationSignal {
    let dependency = tools.dependency(name).expect("it is declared");
    let forced = dependency.circuit(TENANT);
    let before = forced.override_in_force();
    forced.force_open_for(name, Duration::from_millis(1_500));
    let rejection = dependency.acquire(TENANT).expect_err("it is forced open");
    if before.is_none() {
        forced.clear();
    }
    tools.signal(rejection.circuit_open().expect("a good tenant"))
}

fn is_a_result(signal: &DegradationSignal, name: &str, call: &str) {
    let mcp = signal.to_mcp();
    let text = mcp["content"][0]["text"].as_str().expect("a text");
    let read: serde_json::Value = serde_json::from_str(text).expect("JSON");
    assert_eq!(read, mcp["structuredContent"]);
    assert_eq!(read["tool_name"], name, "as it was declared");
    assert_eq!(read["reason"], signal.reason().as_str());
    assert_eq!(read["message"], signal.message());
    assert!(!text.contains(|sign| sign < ' '), "{text:?}");
    if let Some(seconds) = signal.retry_after_seconds() {
        assert!(seconds >= 1);
        assert_eq!(read["retry_after_seconds"], seconds);
    }
    assert_eq!(signal.to_openai(call)["tool_call_id"], call);
    assert_eq!(signal.to_openai_responses(call)["call_id"], call);
    assert_eq!(signal.to_anthropic(call)["tool_use_id"], call);
    assert_eq!(signal.to_anthropic(call)["content"], text);
}
