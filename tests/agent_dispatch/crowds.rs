//! Many calls of one tool in one turn, at once.

use futures_util::future::join_all;
use tokio::task::{JoinSet, yield_now};
use tower_tenant_breaker::{CircuitState, Outcome};

use super::*;

const CALLS: usize = 40;

/// The reasons of the signals that these calls are answered with, and how many were answered with an output.
async fn ask_all<S>(
    dispatcher: &Dispatcher<S, Work>,
    works: Vec<Work>,
) -> (Vec<SignalReason>, usize)
where
    S: Service<Call>,
    Dispatcher<S, Work>:
        Service<Call, Response = ToolReply<&'static str>, Error = DispatchError> + Clone,
{
    let calls = works.into_iter().map(|work| {
        let call = call("search", work).turn_id("17");
        ask(dispatcher, call)
    });
    let replies: Vec<_> = join_all(calls)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let reasons: Vec<_> = replies
        .iter()
        .filter_map(|reply| Some(reply.signal()?.reason()))
        .collect();
    let outputs = replies.len() - reasons.len();
    (reasons, outputs)
}

fn how_many(reasons: &[SignalReason], reason: SignalReason) -> usize {
    reasons.iter().filter(|other| **other == reason).count()
}

#[tokio::test(start_paused = true)]
async fn of_a_tool_that_is_down_all_are_answered_and_it_is_open_after() {
    let (tools, shop) = (tools(["search"]), Shop::default());
    let dispatcher = tools.dispatcher(shop.service());
    let (reasons, _) = ask_all(&dispatcher, vec![Work::Fail; CALLS]).await;
    // Each fails before the next is asked.
    assert_eq!(how_many(&reasons, SignalReason::ToolCallFailed), 2);
    assert_eq!(
        how_many(&reasons, SignalReason::CircuitOpenFailures),
        CALLS - 2
    );
    assert_eq!(shop.reached(), 2);
}

#[tokio::test(start_paused = true)]
async fn of_a_tool_that_hangs_all_are_answered_after_its_timeout() {
    let tools = declare(&registry()).timeout(OPEN).tool(Tool::new("search"));
    let (tools, shop) = (tools.build().unwrap(), Shop::default());
    let dispatcher = tools.dispatcher(shop.service());
    let begun = Instant::now();
    let (reasons, _) = ask_all(&dispatcher, vec![Work::Hang; CALLS]).await;
    assert_eq!(how_many(&reasons, SignalReason::ToolCallTimeout), CALLS);
    assert_eq!(
        (since(begun), shop.most(), shop.in_the_air()),
        (OPEN, CALLS, 0)
    );
    let search = tool(&tools, "search").circuit("acme").snapshot().unwrap();
    // The first two open it; those that end after that are stragglers.
    assert_eq!(
        (search.totals.failures, search.totals.late),
        (2, CALLS as u64 - 2)
    );
}

#[tokio::test(start_paused = true)]
async fn no_more_are_in_the_air_than_the_policy_has_and_the_others_are_told_so() {
    let policy = policy().max_in_flight(3).build().unwrap();
    let search = Tool::new("search").policy(policy).timeout(OPEN);
    let tools = declare(&registry()).tool(search).build().unwrap();
    let shop = Shop::default();
    let dispatcher = tools.dispatcher(shop.service());
    let works = vec![Work::Take(Duration::from_secs(1)); CALLS];
    let (reasons, outputs) = ask_all(&dispatcher, works).await;
    assert_eq!(how_many(&reasons, SignalReason::TooManyCalls), CALLS - 3);
    assert_eq!((outputs, shop.most(), shop.reached()), (3, 3, 3));

    let calls = (0..CALLS).map(|_| call("search", Work::Take(OPEN / 2)));
    let calls: Vec<_> = calls.map(|call| dispatcher.clone().oneshot(call)).collect();
    let mut calls: JoinSet<_> = calls.into_iter().collect();
    while calls.len() > 3 {
        let reply = calls.join_next().await.unwrap().unwrap().unwrap();
        let signal = reply.signal().unwrap();
        assert_eq!(signal.retry_after_seconds(), Some(1));
        assert_eq!(signal.since(), None);
    }
    // Nobody has to plan around what is over in a moment.
    assert!(tools.unavailable("acme").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_is_cancelled_gives_all_places_back_and_opens_nothing_by_itself() {
    let policy = policy().max_in_flight(4).build().unwrap();
    let search = Tool::new("search").policy(policy);
    let tools = declare(&registry()).tool(search).build().unwrap();
    let shop = Shop::default();
    let dispatcher = tools.dispatcher(shop.service());
    let turn = tokio::spawn({
        let dispatcher = dispatcher.clone();
        async move { ask_all(&dispatcher, vec![Work::Hang; 4]).await }
    });
    yield_now().await;
    assert_eq!(shop.in_the_air(), 4);
    assert_eq!(
        reason(&dispatcher, call("search", Work::Answer)).await,
        SignalReason::TooManyCalls
    );
    turn.abort();
    assert!(turn.await.unwrap_err().is_cancelled());
    assert_eq!(shop.in_the_air(), 0);

    let search = tool(&tools, "search");
    let snapshot = search.circuit("acme").snapshot().unwrap();
    assert_eq!(
        (snapshot.totals.cancelled, snapshot.totals.failures),
        (4, 0)
    );
    assert_eq!(search.state("acme"), CircuitState::Closed);
    let (_, outputs) = ask_all(&dispatcher, vec![Work::Take(OPEN); 4]).await;
    assert_eq!(outputs, 4);
}

#[tokio::test(start_paused = true)]
async fn turns_that_are_stopped_open_nothing_by_the_default_policy() {
    let tools = Tools::builder(&registry()).tool(Tool::new("search"));
    let (tools, shop) = (tools.build().unwrap(), Shop::default());
    let dispatcher = tools.dispatcher(shop.service());
    for stopped in 1..=5 {
        let turn = tokio::spawn({
            let dispatcher = dispatcher.clone();
            async move { ask_all(&dispatcher, vec![Work::Hang; CALLS]).await }
        });
        yield_now().await;
        assert_eq!(shop.in_the_air(), CALLS);
        pass(OPEN).await;
        turn.abort();
        assert!(turn.await.unwrap_err().is_cancelled());
        assert!(tools.unavailable("acme").is_empty(), "{stopped} turns");
        let search = tool(&tools, "search").circuit("acme").snapshot().unwrap();
        assert_eq!(
            (search.totals.cancelled, search.totals.failures),
            ((stopped * CALLS) as u64, 0)
        );
    }
    // What hangs is found all the same.
    let (reasons, _) = ask_all(&dispatcher, vec![Work::Hang; 3]).await;
    assert_eq!(how_many(&reasons, SignalReason::ToolCallTimeout), 3);
    assert_eq!(tools.unavailable("acme").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn by_a_policy_that_has_a_run_the_abandoned_calls_of_one_say_that_the_tool_hangs() {
    let tools = tools(["search"]);
    let dispatcher = tools.dispatcher(Shop::default().service());
    let give_up = async |calls: usize| {
        let patience = Duration::from_secs(1);
        for _ in 0..calls {
            let asked = ask(&dispatcher, call("search", Work::Hang));
            assert!(tokio::time::timeout(patience, asked).await.is_err());
        }
    };
    give_up(4).await;
    assert!(tools.unavailable("acme").is_empty());
    give_up(1).await;
    let unavailable = tools.why_unavailable("acme", "search").unwrap();
    assert_eq!(unavailable.reason, SignalReason::CircuitOpenFailures);
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_a_tool_is_its_failure_and_unwinds_into_the_turn_that_called_it() {
    let tools = tools(["search"]);
    let dispatcher = tools.dispatcher(Shop::default().service());
    for _ in 0..2 {
        let dispatcher = dispatcher.clone();
        let turn = async move { ask(&dispatcher, call("search", Work::Panic)).await };
        assert!(tokio::spawn(turn).await.unwrap_err().is_panic());
    }
    let search = tool(&tools, "search").circuit("acme").snapshot().unwrap();
    assert_eq!((search.totals.failures, search.totals.cancelled), (2, 0));
    let reason = reason(&dispatcher, call("search", Work::Answer)).await;
    assert_eq!(reason, SignalReason::CircuitOpenFailures);
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_classifier_is_nobodys_and_gives_the_place_back() {
    let policy = policy().max_in_flight(1).build().unwrap();
    let search = Tool::new("search").policy(policy);
    let tools = declare(&registry()).tool(search).build().unwrap();
    let judge = |result: Result<&&'static str, &BoxError>| match result {
        Ok(&"bad") => panic!("cannot judge this"),
        _ => Outcome::Success,
    };
    let dispatcher = tools.dispatcher_with(Shop::default().service(), judge);
    let turn = dispatcher
        .clone()
        .oneshot(call("search", Work::AnswerBadly));
    assert!(tokio::spawn(turn).await.unwrap_err().is_panic());
    let search = tool(&tools, "search").circuit("acme").snapshot().unwrap();
    assert_eq!(search.totals.failures, 0);
    assert!(
        ask(&dispatcher, call("search", Work::Answer))
            .await
            .unwrap()
            .output()
            .is_some()
    );
}

/// Looks, when the tool's future is dropped, whether another call would be admitted.
struct Leaving(Dependency, Arc<AtomicUsize>);

impl Drop for Leaving {
    fn drop(&mut self) {
        let is_free = self.0.circuit("acme").would_admit();
        self.1.store(if is_free { 2 } else { 1 }, SeqCst);
    }
}

#[tokio::test(start_paused = true)]
async fn a_place_is_free_once_the_call_that_took_too_long_is_gone_and_not_before() {
    let policy = policy().max_in_flight(1).build().unwrap();
    let search = Tool::new("search").policy(policy).timeout(OPEN);
    let tools = declare(&registry()).tool(search).build().unwrap();
    let (search, seen) = (
        tool(&tools, "search").clone(),
        Arc::new(AtomicUsize::new(0)),
    );
    let service = {
        let (search, seen) = (search.clone(), Arc::clone(&seen));
        service_fn(move |call: Call| {
            let leaving = Leaving(search.clone(), Arc::clone(&seen));
            async move {
                let _leaving = leaving;
                work(call.input).await
            }
        })
    };
    let reason = reason(&tools.dispatcher(service), call("search", Work::Hang)).await;
    assert_eq!(reason, SignalReason::ToolCallTimeout);
    assert_eq!(seen.load(SeqCst), 1, "it was free before");
    assert!(search.circuit("acme").would_admit());
}
