//! The tools that a tenant cannot use now.

use std::time::UNIX_EPOCH;

use tokio::task::yield_now;
use tower_tenant_breaker::agent::MAX_LISTED;
use tower_tenant_breaker::{CircuitState, OutagePolicy, Override};

use super::*;

fn listed(tools: &Tools, tenant: &str) -> Vec<(String, SignalReason)> {
    let listed = tools.unavailable(tenant).tools.into_iter();
    listed
        .map(|tool| (tool.name.to_string(), tool.reason))
        .collect()
}

fn only(name: &str, reason: SignalReason) -> Vec<(String, SignalReason)> {
    vec![(name.to_owned(), reason)]
}

#[tokio::test(start_paused = true)]
async fn they_are_sorted_by_name_and_are_those_of_this_tenant() {
    let tools = tools(["search", "book", "calendar"]);
    assert!(tools.unavailable("acme").is_empty());
    trip(tool(&tools, "search"));
    trip(tool(&tools, "book"));
    trip_for(tool(&tools, "calendar"), "globex");
    let failures = SignalReason::CircuitOpenFailures;
    assert_eq!(
        listed(&tools, "acme"),
        [("book".into(), failures), ("search".into(), failures)]
    );
    assert_eq!(listed(&tools, "globex"), only("calendar", failures));
    assert!(tools.unavailable("initech").is_empty());
}

#[tokio::test(start_paused = true)]
async fn no_more_are_listed_than_a_prompt_has_room_for_and_the_others_are_counted() {
    let registry = registry();
    let names: Vec<_> = (0..MAX_LISTED + 5)
        .map(|n| format!("tool_{n:02}"))
        .collect();
    let all = names.iter().map(|name| Tool::new(name.as_str()));
    let tools = declare(&registry).tools(all).build().unwrap();
    registry.tenant("acme").force_open("not paid");
    let unavailable = tools.unavailable("acme");
    assert_eq!(
        (unavailable.tools.len(), unavailable.left_out),
        (MAX_LISTED, 5)
    );
    assert_eq!(unavailable.len(), MAX_LISTED + 5);
    let first = unavailable.tools.iter().map(|tool| &*tool.name);
    assert!(first.eq(names[..MAX_LISTED].iter()));
    // One by one there is no bound.
    assert!(
        names
            .iter()
            .all(|name| tools.why_unavailable("acme", name).is_some())
    );
}

#[tokio::test(start_paused = true)]
async fn to_ask_makes_no_circuit_and_changes_none() {
    let tools = tools(["search"]);
    let search = tool(&tools, "search");
    search.force_open("maintenance");
    assert_eq!(tools.unavailable("acme").len(), 1);
    assert!(tools.prompt_note("acme").is_some());
    assert_eq!(search.len(), 0);
    search.clear();
    trip(search);
    pass(OPEN).await;
    let before = format!("{:?}", search.circuit("acme").snapshot());
    assert!(tools.unavailable("acme").is_empty());
    assert_eq!(format!("{:?}", search.circuit("acme").snapshot()), before);
}

#[tokio::test(start_paused = true)]
async fn a_circuit_is_listed_until_the_next_call_would_probe() {
    let (began, noon) = (Instant::now(), UNIX_EPOCH + Duration::from_secs(12 * 3_600));
    let tools = declare(&registry())
        .tool(Tool::new("search"))
        .wall_clock(move || noon + since(began))
        .build()
        .unwrap();
    pass(OPEN).await;
    trip(tool(&tools, "search"));
    let listed = tools.why_unavailable("acme", "search").unwrap();
    assert_eq!(listed.retry_after, Some(OPEN));
    assert_eq!(listed.since, Some(noon + OPEN));
    assert_eq!(listed.until, Some(noon + 2 * OPEN));
    pass(OPEN - Duration::from_millis(1)).await;
    let later = tools.why_unavailable("acme", "search").unwrap();
    assert_eq!((later.since, later.until), (listed.since, listed.until));
    assert_eq!(later.retry_after, Some(Duration::from_millis(1)));
    pass(Duration::from_millis(1)).await;
    assert!(tools.unavailable("acme").is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_forced_open_is_listed_at_each_level() {
    let forced = SignalReason::CircuitForcedOpen;
    for level in ["circuit", "dependency", "tenant", "registry"] {
        let registry = registry();
        let tools = declare(&registry)
            .tool(Tool::new("search"))
            .build()
            .unwrap();
        let search = tool(&tools, "search");
        match level {
            "circuit" => search.circuit("acme").force_open("broken"),
            "dependency" => search.force_open("broken"),
            "tenant" => registry.tenant("acme").force_open("broken"),
            _ => registry.force_open("broken"),
        }
        assert_eq!(listed(&tools, "acme"), only("search", forced), "{level}");
        assert_eq!(tools.unavailable("acme").tools[0].until, None);
        let is_for_all = matches!(level, "dependency" | "registry");
        assert_eq!(
            !tools.unavailable("globex").is_empty(),
            is_for_all,
            "{level}"
        );

        registry.set(Override::Disabled);
        assert!(
            tools.unavailable("acme").is_empty(),
            "the kill switch, {level}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_is_down_for_all_is_listed_for_tenants_that_have_not_called_it_too() {
    let outage = OutagePolicy::default().min_tenants(2).newcomers(true);
    let policy = policy().outage(outage).build().unwrap();
    let search = Tool::new("search").policy(policy);
    let tools = declare(&registry()).tool(search).build().unwrap();
    for tenant in ["acme", "globex"] {
        trip_for(tool(&tools, "search"), tenant);
    }
    assert!(tool(&tools, "search").outage().is_some());
    let down = only("search", SignalReason::CircuitOpenOutage);
    assert_eq!(listed(&tools, "initech"), down);
    assert_eq!(listed(&tools, "acme"), down);
}

#[tokio::test(start_paused = true)]
async fn one_with_side_effects_is_listed_also_after_its_period() {
    let book = Tool::new("book").has_side_effects();
    let tools = declare(&registry()).tool(book).build().unwrap();
    trip(tool(&tools, "book"));
    pass(1_000 * OPEN).await;
    assert_eq!(
        listed(&tools, "acme"),
        only("book", SignalReason::CircuitOpenFailures)
    );
    let listed = tools.why_unavailable("acme", "book").unwrap();
    assert_eq!(listed.retry_after, None);
    tool(&tools, "book").circuit("acme").reset();
    assert!(tools.unavailable("acme").is_empty());
}

#[tokio::test(start_paused = true)]
async fn one_whose_circuits_begin_open_is_listed() {
    let policy = policy().initial_state(CircuitState::Open).build().unwrap();
    let search = Tool::new("search").policy(policy);
    let tools = declare(&registry()).tool(search).build().unwrap();
    let unproven = SignalReason::CircuitOpenUnproven;
    assert_eq!(listed(&tools, "acme"), only("search", unproven));
    assert_eq!(tool(&tools, "search").len(), 0);
    let note = tools.prompt_note("acme").unwrap();
    assert!(note.contains("(it is not known to work yet)"), "{note}");
    let dispatcher = tools.dispatcher(Shop::default().service());
    let signal = signal(&dispatcher, call("search", Work::Answer)).await;
    assert_eq!(signal.reason(), unproven);
}

#[tokio::test(start_paused = true)]
async fn those_that_only_wait_for_calls_in_the_air_are_not() {
    let policy = policy().max_in_flight(2).build().unwrap();
    let search = Tool::new("search").policy(policy);
    let tools = declare(&registry()).tool(search).build().unwrap();
    let dispatcher = tools.dispatcher(Shop::default().service());
    let in_the_air = || {
        let calls = (0..2).map(|_| dispatcher.clone().oneshot(call("search", Work::Hang)));
        calls.map(tokio::spawn).collect::<tokio::task::JoinSet<_>>()
    };
    let saturated = in_the_air();
    yield_now().await;
    assert_eq!(
        reason(&dispatcher, call("search", Work::Answer)).await,
        SignalReason::TooManyCalls
    );
    assert!(tools.unavailable("acme").is_empty());
    drop(saturated);
}

#[tokio::test(start_paused = true)]
async fn of_an_unknown_tool_there_is_nothing_to_say() {
    let tools = tools(["search"]);
    assert!(tools.why_unavailable("acme", "fly").is_none());
    assert_eq!(tools.failed("acme", "fly").unwrap_err().asked(), "fly");
    assert_eq!(tools.timed_out("acme", "fly").unwrap_err().asked(), "fly");
}
