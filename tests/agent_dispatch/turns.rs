//! Impact counts the turns that were affected, not their calls.

use tower_tenant_breaker::impact::{ImpactCounts, Turn};

use super::*;

fn counts(registry: &CircuitBreakerRegistry) -> ImpactCounts {
    registry.impact().rows()[0].counts
}

#[tokio::test(start_paused = true)]
async fn forty_calls_of_one_tool_in_one_turn_are_one_turn() {
    let registry = registry();
    let tools = declare(&registry)
        .tool(Tool::new("search"))
        .build()
        .unwrap();
    let dispatcher = tools.dispatcher(Shop::default().service());
    for turn in ["17", "18"] {
        for _ in 0..40 {
            let call = call("search", Work::Fail).turn_id(turn);
            signal(&dispatcher, call).await;
        }
    }
    let counts = counts(&registry);
    assert_eq!((counts.failed, counts.rejected), (2, 78));
    assert_eq!(counts.turns.count, 2);
}

#[tokio::test(start_paused = true)]
async fn a_call_without_an_id_is_of_the_turn_of_the_running_task() {
    let registry = registry();
    let tools = declare(&registry)
        .tool(Tool::new("search"))
        .build()
        .unwrap();
    let dispatcher = tools.dispatcher(Shop::default().service());
    let forty = async |turn: &str| {
        Turn::scope(turn, async {
            for _ in 0..40 {
                signal(&dispatcher, call("search", Work::Fail)).await;
            }
        })
        .await;
    };
    forty("17").await;
    forty("17").await;
    assert_eq!(counts(&registry).turns.count, 1);
    forty("18").await;
    assert_eq!(counts(&registry).turns.count, 2);
}

#[tokio::test(start_paused = true)]
async fn an_id_goes_before_the_turn_of_the_running_task() {
    let registry = registry();
    let tools = declare(&registry)
        .tool(Tool::new("search"))
        .build()
        .unwrap();
    let dispatcher = tools.dispatcher(Shop::default().service());
    for task in ["1", "2", "3"] {
        let call = call("search", Work::Fail).turn_id("17");
        Turn::scope(task, signal(&dispatcher, call)).await;
    }
    assert_eq!(counts(&registry).turns.count, 1);
}

#[tokio::test(start_paused = true)]
async fn a_turn_whose_calls_are_good_is_not_affected() {
    let registry = registry();
    let tools = declare(&registry)
        .tool(Tool::new("search"))
        .build()
        .unwrap();
    let dispatcher = tools.dispatcher(Shop::default().service());
    for (turn, work) in [
        ("17", Work::Answer),
        ("18", Work::Fail),
        ("19", Work::Answer),
    ] {
        let asked = ask(&dispatcher, call("search", work).turn_id(turn)).await;
        assert!(asked.is_ok());
    }
    assert_eq!(counts(&registry).turns.count, 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_times_out_affects_its_turn() {
    let registry = registry();
    let tools = declare(&registry)
        .tool(Tool::new("search"))
        .build()
        .unwrap();
    let dispatcher = tools.dispatcher(Shop::default().service());
    let call = call("search", Work::Hang).turn_id("17");
    signal(&dispatcher, call).await;
    assert_eq!(
        (counts(&registry).failed, counts(&registry).turns.count),
        (1, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn what_the_tool_calls_itself_is_of_the_same_turn() {
    let registry = registry();
    let tools = declare(&registry)
        .tool(Tool::new("search"))
        .build()
        .unwrap();
    let service = service_fn(async |_: Call| {
        assert_eq!(Turn::current(), Some(Turn::new("17")));
        Ok::<_, BoxError>("done")
    });
    let dispatcher = tools.dispatcher(service);
    let call = call("search", Work::Answer).turn_id("17");
    assert!(ask(&dispatcher, call).await.unwrap().output().is_some());
}
