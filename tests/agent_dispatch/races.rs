//! Turns on real threads, some of them given up: no place is lost, and none is minted.

use std::sync::atomic::AtomicBool;

use tokio::task::{JoinSet, yield_now};
use tower_tenant_breaker::Override;

use super::*;

const PLACES: usize = 3;

async fn some_turns(
    dispatcher: impl Service<
        Call,
        Response = ToolReply<&'static str>,
        Error = DispatchError,
        Future: Send,
    > + Clone
    + Send
    + 'static,
    seed: u64,
) {
    let mut rng = fastrand::Rng::with_seed(seed);
    for _ in 0..200 {
        let mut turn = JoinSet::new();
        for _ in 0..rng.usize(1..8) {
            let work = match rng.u8(0..8) {
                0 => Work::Fail,
                1 => Work::Hang,
                2 => Work::Panic,
                3 => Work::Shed,
                _ => Work::Answer,
            };
            let dispatcher = dispatcher.clone();
            turn.spawn(async move { dispatcher.oneshot(call("search", work)).await });
        }
        for _ in 0..rng.usize(0..20) {
            yield_now().await;
        }
        // Calls that hang end with it.
        turn.shutdown().await;
    }
}

/// Counts who is in the tool between its call and its end, and says where they are more than there are places.
#[derive(Clone)]
struct Door {
    shop: Shop,
    was_crowded: Arc<AtomicBool>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whatever_turns_do_no_place_is_lost_and_none_minted() {
    let policy = policy()
        .max_in_flight(PLACES as u32)
        .open_for(OpenPeriod::fixed(Duration::from_millis(1)).jitter(0.0));
    let tools = Tools::builder(&registry())
        .policy(policy.build().unwrap())
        .tool(Tool::new("search").timeout(Duration::from_millis(20)))
        .build()
        .unwrap();
    let door = Door {
        shop: Shop::default(),
        was_crowded: Arc::default(),
    };
    let service = {
        let door = door.clone();
        service_fn(move |call: Call| {
            let door = door.clone();
            // In the call itself: the place is taken when the tool is asked, not when its future is polled.
            let now = door.shop.in_the_air.fetch_add(1, SeqCst) + 1;
            let in_the_air = InTheAir(Arc::clone(&door.shop.in_the_air));
            door.was_crowded.fetch_or(now > PLACES, SeqCst);
            door.shop.most.fetch_max(now, SeqCst);
            async move {
                let _in_the_air = in_the_air;
                yield_now().await;
                work(call.input).await
            }
        })
    };
    let dispatcher = tools.dispatcher(service);
    let mut turns = JoinSet::new();
    for seed in 0..8 {
        turns.spawn(some_turns(dispatcher.clone(), seed));
    }
    for ended in turns.join_all().await {
        let () = ended;
    }
    assert!(!door.was_crowded.load(SeqCst));
    assert!(door.shop.most() > 1, "nothing was ever at once");
    assert_eq!(door.shop.in_the_air(), 0);

    // Exactly as many as there are places get in.
    let search = tool(&tools, "search");
    search.circuit("acme").reset();
    let permits: Vec<_> = (0..PLACES)
        .map(|_| search.acquire("acme").unwrap())
        .collect();
    assert!(search.acquire("acme").is_err());
    drop(permits);
    search.set(Override::Disabled);
    assert!(
        ask(&dispatcher, call("search", Work::Answer))
            .await
            .unwrap()
            .output()
            .is_some()
    );
}
