//! The note for a prompt is the same as long as nothing changes, so that caches of prompts keep hitting.

use std::time::Duration;

use tokio::time::advance;
use tower_tenant_breaker::agent::{Tool, Tools};
use tower_tenant_breaker::{CircuitBreakerRegistry, CircuitState, OpenPeriod};

use crate::{PERIOD, SECOND, Wall, at_noon, fail, policy, registry};

const MILLI: Duration = Duration::from_millis(1);

fn search(registry: &CircuitBreakerRegistry) -> (Tools, Wall) {
    let (builder, wall) = at_noon(registry);
    (builder.tool(Tool::new("search")).build().unwrap(), wall)
}

#[tokio::test(start_paused = true)]
async fn between_trip_and_return_the_note_is_one_text() {
    // The trip lies a millisecond before and after a full minute of its end, and where the jitter would make it one.
    for begins in [0, 1, 29_999, 30_000, 30_001] {
        let registry = registry();
        let (tools, wall) = search(&registry);
        advance(MILLI * begins).await;
        assert_eq!(tools.prompt_note("acme"), None);
        let search = fail(&registry, "search", "acme");

        let (note, tool) = (
            tools.prompt_note("acme").unwrap(),
            tools.unavailable("acme").tools.remove(0),
        );
        let until = if begins <= 30_000 { "12:01" } else { "12:02" };
        assert_eq!(
            note,
            format!(
                "Tools that are unavailable now: \"search\" (its calls have been failing, until 2026-11-29T{until}:00Z). Do \
                 not call them. Plan without them, or tell the user what you cannot do."
            )
        );
        let step = Duration::from_micros(49_999);
        for n in 0..600 {
            wall.add(n * 7_919 % 1_999 - 999);
            assert_eq!(
                tools.prompt_note("acme").as_deref(),
                Some(&*note),
                "at step {n}, begun {begins}"
            );
            let now = tools.unavailable("acme").tools.remove(0);
            assert_eq!((now.since, now.until), (tool.since, tool.until));
            assert!(now.retry_after <= tool.retry_after);
            advance(step).await;
        }
        assert_eq!(search.state("acme"), CircuitState::Open);
        advance(PERIOD - step * 600).await;
        assert_eq!(tools.prompt_note("acme"), None, "a probe may go");
    }
}

#[tokio::test(start_paused = true)]
async fn a_signal_says_since_the_same_second_however_often_it_is_written() {
    let registry = registry();
    let (tools, wall) = search(&registry);
    // Where the next second begins.
    advance(SECOND - Duration::from_nanos(1)).await;
    let search = fail(&registry, "search", "acme");
    let signal = crate::rejected(&tools, &search, "acme");
    for n in 0..500 {
        wall.add(n * 7_919 % 1_999 - 999);
        assert_eq!(signal.to_json()["since"], "2026-11-29T12:00:00Z");
        advance(MILLI * 13).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_moves_the_note_once() {
    let registry = registry();
    let (tools, wall) = search(&registry);
    fail(&registry, "search", "acme");
    let mut notes = vec![tools.prompt_note("acme").unwrap()];
    for n in 0..29 {
        let set = if n < 10 { 0 } else { 120_000_000 };
        wall.add(set + n * 7_919 % 1_999 - 999);
        notes.push(tools.prompt_note("acme").unwrap());
        advance(SECOND).await;
    }
    notes.dedup();
    assert_eq!(notes.len(), 2, "{notes:#?}");
    assert!(notes[0].contains("until 2026-11-29T12:01:00Z"));
    assert!(
        notes[1].contains("until 2026-11-29T12:03:00Z"),
        "{}",
        notes[1]
    );
}

#[tokio::test(start_paused = true)]
async fn the_note_is_sorted_and_capped_whatever_the_order() {
    let registry = registry();
    let mut names: Vec<_> = (0..23).map(|n| format!("tool{n:02}")).collect();
    let (mut builder, _) = at_noon(&registry);
    names.reverse();
    for name in &names {
        builder = builder.tool(Tool::new(&**name));
    }
    let tools = builder.build().unwrap();
    for name in &names {
        fail(&registry, name, "acme");
    }
    let note = tools.prompt_note("acme").unwrap();
    let places: Vec<_> = (0..20)
        .map(|n| note.find(&format!("\"tool{n:02}\"")).unwrap())
        .collect();
    assert!(places.is_sorted(), "{note}");
    assert!(!note.contains("tool20"), "{note}");
    assert!(note.contains("; and 3 more."), "{note}");
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_waits_for_a_prober_has_no_end_and_one_note_from_the_start() {
    let registry = registry();
    let policy = policy().open_for(OpenPeriod::fixed(PERIOD).jitter(0.0));
    let (builder, _) = at_noon(&registry);
    let book = Tool::new("book")
        .policy(policy.build().unwrap())
        .has_side_effects();
    let tools = builder.tool(book).build().unwrap();
    fail(&registry, "book", "acme");
    let waiting = tools.prompt_note("acme").unwrap();
    assert!(!waiting.contains("until"), "{waiting}");

    advance(PERIOD).await;
    assert_eq!(tools.prompt_note("acme").as_deref(), Some(&*waiting));
    let tool = tools.unavailable("acme").tools.remove(0);
    assert_eq!(
        (tool.until, tool.retry_after, tool.retry_after_seconds()),
        (None, None, None)
    );
    let signal = tools.failed("acme", "book").unwrap();
    assert_eq!(signal.retry_after(), None);
    for _ in 0..100 {
        advance(SECOND * 61).await;
        assert_eq!(tools.prompt_note("acme").as_deref(), Some(&*waiting));
    }
}
