use super::*;

fn told(signal: &DegradationSignal) -> Vec<&str> {
    signal.alternatives().collect()
}

fn with_substitutes() -> Tools {
    declare(&registry())
        .tool(Tool::new("search").substitutes(["web", "books", "ask_a_human"]))
        .tools(["books", "web"].map(Tool::new))
        .tool(Tool::new("ask_a_human").has_side_effects())
        .build()
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn they_come_in_the_order_in_which_they_were_declared() {
    let tools = with_substitutes();
    let dispatcher = tools.dispatcher(Shop::default().service());
    let failed = signal(&dispatcher, call("search", Work::Fail)).await;
    assert_eq!(told(&failed), ["web", "books", "ask_a_human"]);
    let web = signal(&dispatcher, call("web", Work::Fail)).await;
    assert!(told(&web).is_empty());
}

#[tokio::test(start_paused = true)]
async fn those_alone_whose_circuit_for_this_tenant_admits_calls_now() {
    let tools = with_substitutes();
    let dispatcher = tools.dispatcher(Shop::default().service());
    trip(tool(&tools, "web"));
    trip_for(tool(&tools, "books"), "globex");
    let of = async |tenant: &str| {
        let call = ToolCall::new(tenant, "search", Work::Fail);
        let signal = signal(&dispatcher, call).await;
        told(&signal).join(" ")
    };
    assert_eq!(of("acme").await, "books ask_a_human");
    assert_eq!(of("globex").await, "web ask_a_human");
    assert_eq!(of("initech").await, "web books ask_a_human");
    // A call that would be the probe is admitted.
    pass(OPEN).await;
    assert_eq!(of("acme").await, "web books ask_a_human");
}

#[tokio::test(start_paused = true)]
async fn one_with_side_effects_waits_for_others_to_prove_that_it_is_back() {
    let tools = with_substitutes();
    let dispatcher = tools.dispatcher(Shop::default().service());
    trip(tool(&tools, "ask_a_human"));
    pass(100 * OPEN).await;
    let failed = signal(&dispatcher, call("search", Work::Fail)).await;
    assert_eq!(told(&failed), ["web", "books"]);
}

#[tokio::test(start_paused = true)]
async fn they_are_those_of_the_moment_at_which_the_call_ended() {
    let tools = with_substitutes();
    let dispatcher = tools.dispatcher(Shop::default().service());
    let signal = signal(&dispatcher, call("search", Work::Fail)).await;
    tool(&tools, "web").force_open("maintenance");
    assert_eq!(told(&signal), ["web", "books", "ask_a_human"]);
}

#[tokio::test(start_paused = true)]
async fn a_rejected_call_and_one_that_timed_out_are_told_of_them_too() {
    let tools = with_substitutes();
    let dispatcher = tools.dispatcher(Shop::default().service());
    let timed_out = signal(&dispatcher, call("search", Work::Hang)).await;
    signal(&dispatcher, call("search", Work::Fail)).await;
    let rejected = signal(&dispatcher, call("search", Work::Answer)).await;
    assert_eq!(rejected.reason(), SignalReason::CircuitOpenFailures);
    for signal in [timed_out, rejected] {
        assert_eq!(told(&signal), ["web", "books", "ask_a_human"]);
    }
}

#[tokio::test(start_paused = true)]
async fn to_ask_for_them_makes_no_circuit() {
    let tools = with_substitutes();
    let dispatcher = tools.dispatcher(Shop::default().service());
    signal(&dispatcher, call("search", Work::Fail)).await;
    assert_eq!(
        (tool(&tools, "search").len(), tool(&tools, "web").len()),
        (1, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn sixty_four_of_them_are_all_told() {
    let names: Vec<_> = (0..64).map(|n| format!("other_{n:02}")).collect();
    let search = Tool::new("search").substitutes(names.iter().map(String::as_str));
    let others = names.iter().map(|name| Tool::new(name.as_str()));
    let tools = declare(&registry())
        .tool(search)
        .tools(others)
        .build()
        .unwrap();
    let dispatcher = tools.dispatcher(Shop::default().service());
    let signal = signal(&dispatcher, call("search", Work::Fail)).await;
    assert_eq!(told(&signal), names);
}

#[tokio::test(start_paused = true)]
async fn the_note_for_a_prompt_names_those_that_the_tenant_can_use() {
    let tools = with_substitutes();
    trip(tool(&tools, "search"));
    trip(tool(&tools, "books"));
    trip_for(tool(&tools, "web"), "globex");
    let listed = tools.unavailable("acme").tools;
    let search = listed.iter().find(|tool| &*tool.name == "search").unwrap();
    let names: Vec<_> = search.alternatives.iter().map(|name| &**name).collect();
    assert_eq!(names, ["web", "ask_a_human"]);

    let note = tools.prompt_note("acme").unwrap();
    assert!(note.contains(r#"; use "web" or "ask_a_human")"#), "{note}");
    let note = tools.tool_note("acme", "search").unwrap();
    assert!(
        note.ends_with(r#"). Use "web" or "ask_a_human" in its place."#),
        "{note}"
    );
    let note = tools.tool_note("acme", "books").unwrap();
    assert!(note.ends_with("). Do not call it."), "{note}");
}

#[tokio::test(start_paused = true)]
async fn a_note_does_not_change_with_each_probe_of_a_substitute() {
    let tools = with_substitutes();
    trip(tool(&tools, "web"));
    pass(OPEN).await;
    tool(&tools, "search").force_open("maintenance");
    let note = tools.prompt_note("acme").unwrap();
    assert!(note.contains(r#"use "web" or"#), "{note}");
    // Until all places are taken.
    let probes: Vec<_> = std::iter::from_fn(|| tool(&tools, "web").acquire("acme").ok()).collect();
    assert!(!probes.is_empty());
    assert_eq!(tools.prompt_note("acme"), Some(note));
    drop(probes);
}
