//! Tools whose calls change something.

use tower_tenant_breaker::{CircuitState, OutagePolicy, Outcome, RecoveryProber};

use super::*;

const HOUR: Duration = Duration::from_secs(3_600);

fn book() -> Tool {
    Tool::new("book").has_side_effects()
}

fn booking() -> Tools {
    declare(&registry())
        .tool(book())
        .timeout(OPEN)
        .build()
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn they_are_never_probed_by_live_calls_and_the_signal_promises_no_time() {
    let (tools, shop) = (booking(), Shop::default());
    let dispatcher = tools.dispatcher(shop.service());
    trip(tool(&tools, "book"));
    let note = tools.prompt_note("acme");
    // From the start: nothing is admitted at the period's end.
    for waited in [Duration::ZERO, OPEN / 2, OPEN, HOUR, 100 * HOUR] {
        pass(waited).await;
        let barred = signal(&dispatcher, call("book", Work::Answer)).await;
        assert_eq!(barred.reason(), SignalReason::CircuitOpenFailures);
        assert_eq!(barred.retry_after_seconds(), None);
        assert!(barred.to_json().get("retry_after_seconds").is_none());
        assert!(barred.since().is_some());
        let again = tools.why_unavailable("acme", "book").unwrap();
        assert_eq!((again.until, again.retry_after), (None, None));
        assert_eq!(tools.prompt_note("acme"), note);
    }
    assert_eq!(shop.reached(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_an_override_is_known_for_it_admits_calls_without_a_probe() {
    let (tools, shop) = (booking(), Shop::default());
    let dispatcher = tools.dispatcher(shop.service());
    tool(&tools, "book").force_open_for("maintenance", OPEN);
    let rejected = signal(&dispatcher, call("book", Work::Answer)).await;
    let failed = tools.failed("acme", "book").unwrap();
    let listed = tools.why_unavailable("acme", "book").unwrap();
    assert_eq!(rejected.retry_after(), Some(OPEN));
    assert_eq!(failed.retry_after(), Some(OPEN));
    assert_eq!(listed.retry_after, Some(OPEN));
    assert!(listed.until.is_some());
    pass(OPEN).await;
    let reply = ask(&dispatcher, call("book", Work::Answer)).await.unwrap();
    assert_eq!(reply.output(), Some("done"));
}

#[tokio::test(start_paused = true)]
async fn while_all_its_places_are_taken_it_may_be_called_again_in_a_moment() {
    let policy = policy().max_in_flight(1).build().unwrap();
    let tools = declare(&registry()).tool(book().policy(policy));
    let tools = tools.build().unwrap();
    let dispatcher = tools.dispatcher(Shop::default().service());
    let running = tokio::spawn(dispatcher.clone().oneshot(call("book", Work::Hang)));
    tokio::task::yield_now().await;
    let told = signal(&dispatcher, call("book", Work::Answer)).await;
    assert_eq!(told.reason(), SignalReason::TooManyCalls);
    assert_eq!(told.retry_after_seconds(), Some(1));
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn one_rejected_further_in_is_told_no_time_where_its_own_circuit_has_opened_meanwhile() {
    let provider = registry().dependency("provider").unwrap();
    provider.force_open_for("maintenance", Duration::from_secs(77));
    let rejection = provider.acquire("acme").unwrap_err();
    let open = rejection.circuit_open().unwrap().clone();
    for (own, expected) in [(None, None), (Some(100), Some(100)), (Some(10), Some(77))] {
        let tools = booking();
        let book = tool(&tools, "book").clone();
        let server = service_fn(move |call: Call| {
            match own {
                Some(seconds) => book.force_open_for("maintenance", Duration::from_secs(seconds)),
                None => trip(&book),
            }
            work(call.input)
        });
        let call = call("book", Work::BeRejected(open.clone()));
        let told = signal(&tools.dispatcher(server), call).await;
        assert_eq!(told.reason(), SignalReason::ToolCallFailed);
        assert_eq!(told.retry_after_seconds(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn without_side_effects_the_next_call_probes() {
    let tools = tools(["search"]);
    let dispatcher = tools.dispatcher(Shop::default().service());
    trip(tool(&tools, "search"));
    pass(OPEN).await;
    assert!(
        ask(&dispatcher, call("search", Work::Answer))
            .await
            .unwrap()
            .output()
            .is_some()
    );
    assert_eq!(tool(&tools, "search").state("acme"), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_prober_brings_them_back() {
    let tools = booking();
    let dispatcher = tools.dispatcher(Shop::default().service());
    let _prober = RecoveryProber::builder(tool(&tools, "book"))
        .interval(Duration::from_secs(1))
        .spawn(async |_| Outcome::Success)
        .unwrap();
    trip(tool(&tools, "book"));
    signal(&dispatcher, call("book", Work::Answer)).await;
    sleep(OPEN + Duration::from_secs(3)).await;
    assert!(
        ask(&dispatcher, call("book", Work::Answer))
            .await
            .unwrap()
            .output()
            .is_some()
    );
}

#[tokio::test(start_paused = true)]
async fn somebody_by_hand_brings_them_back() {
    let tools = booking();
    let dispatcher = tools.dispatcher(Shop::default().service());
    trip(tool(&tools, "book"));
    pass(HOUR).await;
    signal(&dispatcher, call("book", Work::Answer)).await;
    tool(&tools, "book").circuit("acme").reset();
    assert!(
        ask(&dispatcher, call("book", Work::Answer))
            .await
            .unwrap()
            .output()
            .is_some()
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_that_timed_out_or_failed_may_have_taken_effect_and_a_rejected_one_has_not() {
    let tools = booking();
    let dispatcher = tools.dispatcher(Shop::default().service());
    let timed_out = signal(&dispatcher, call("book", Work::Hang)).await;
    let failed = signal(&dispatcher, call("book", Work::Fail)).await;
    let rejected = signal(&dispatcher, call("book", Work::Answer)).await;
    let told = [timed_out, failed, rejected].map(|signal| signal.may_have_taken_effect());
    assert_eq!(told, [true, true, false]);
}

#[tokio::test(start_paused = true)]
async fn one_that_something_further_in_has_rejected_may_have_taken_effect_before() {
    let provider = registry().dependency("provider").unwrap();
    provider.force_open_for("maintenance", Duration::from_secs(77));
    let rejection = provider.acquire("acme").unwrap_err();
    let open = rejection.circuit_open().unwrap().clone();
    let tools = booking();
    let dispatcher = tools.dispatcher(Shop::default().service());
    for (work, seconds) in [(Work::BeRejected(open), 77), (Work::Shed, 1)] {
        let signal = signal(&dispatcher, call("book", work)).await;
        assert_eq!(signal.reason(), SignalReason::ToolCallFailed);
        assert_eq!(signal.retry_after_seconds(), Some(seconds));
        assert!(signal.may_have_taken_effect());
    }
    let book = tool(&tools, "book").circuit("acme").snapshot().unwrap();
    assert_eq!(book.totals.ignored, 2);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_fails_while_others_wait_for_a_prober_is_told_no_time() {
    let tools = booking();
    let dispatcher = tools.dispatcher(Shop::default().service());
    let straggler = dispatcher.oneshot(call("book", Work::Take(OPEN - Duration::from_millis(1))));
    let straggler = tokio::spawn(straggler);
    tokio::task::yield_now().await;
    trip(tool(&tools, "book"));
    assert!(straggler.await.unwrap().unwrap().output().is_some());
    for waited in [Duration::ZERO, Duration::from_millis(1), HOUR] {
        pass(waited).await;
        assert_eq!(
            tools.failed("acme", "book").unwrap().retry_after_seconds(),
            None
        );
        let listed = tools.why_unavailable("acme", "book").unwrap();
        assert_eq!(listed.retry_after, None);
    }
}

#[tokio::test(start_paused = true)]
async fn in_an_outage_that_others_may_probe_the_signal_promises_no_time() {
    let outage = OutagePolicy::default().min_tenants(2).newcomers(true);
    let policy = policy().outage(outage).build().unwrap();
    let tools = declare(&registry()).tool(book().policy(policy));
    let tools = tools.build().unwrap();
    let (book, dispatcher) = (
        tool(&tools, "book"),
        tools.dispatcher(Shop::default().service()),
    );
    book.acquire("initech").unwrap().record(Outcome::Success);
    for tenant in ["acme", "globex"] {
        trip_for(book, tenant);
    }
    assert!(book.outage().is_some());
    for waited in [Duration::ZERO, HOUR] {
        pass(waited).await;
        // One whose own circuit is open, one whose is closed, and one without a circuit.
        for tenant in ["acme", "initech", "umbrella"] {
            let call = ToolCall::new(tenant, "book", Work::Answer);
            let barred = signal(&dispatcher, call).await;
            assert_eq!(barred.reason(), SignalReason::CircuitOpenOutage, "{tenant}");
            assert_eq!(barred.retry_after_seconds(), None, "{tenant}");
            let listed = tools.why_unavailable(tenant, "book").unwrap();
            assert_eq!((listed.reason, listed.retry_after), (barred.reason(), None));
        }
    }
}
