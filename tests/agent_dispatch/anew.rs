//! Tools that are declared anew, when a server of tools says that its list has changed.

use tower_tenant_breaker::CircuitState;

use super::*;

#[tokio::test(start_paused = true)]
async fn their_circuits_are_those_of_before_and_dispatchers_of_before_go_on() {
    let (registry, shop) = (registry(), Shop::default());
    let list = |names: &[&'static str]| {
        let tools = names.iter().map(|name| Tool::new(*name));
        declare(&registry).tools(tools).build().unwrap()
    };
    let before = list(&["search", "calendar"]);
    let of_before = before.dispatcher(shop.service());
    trip(tool(&before, "search"));
    let in_the_air = of_before
        .clone()
        .oneshot(call("calendar", Work::Take(OPEN)));

    let after = list(&["search", "web"]);
    let of_after = after.dispatcher(shop.service());
    let open = SignalReason::CircuitOpenFailures;
    assert_eq!(reason(&of_after, call("search", Work::Answer)).await, open);
    assert_eq!(&*after.unavailable("acme").tools[0].name, "search");
    assert!(
        ask(&of_after, call("calendar", Work::Answer))
            .await
            .is_err()
    );
    assert!(
        ask(&of_after, call("web", Work::Answer))
            .await
            .unwrap()
            .output()
            .is_some()
    );

    assert_eq!(in_the_air.await.unwrap().output(), Some("done"));
    assert!(
        ask(&of_before, call("calendar", Work::Answer))
            .await
            .unwrap()
            .output()
            .is_some()
    );
    assert!(ask(&of_before, call("web", Work::Answer)).await.is_err());

    // What comes of a probe through the one holds for the other.
    assert!(
        ask(&of_before, call("search", Work::Answer))
            .await
            .unwrap()
            .output()
            .is_some()
    );
    assert_eq!(tool(&after, "search").state("acme"), CircuitState::Closed);
    assert!(
        ask(&of_after, call("search", Work::Answer))
            .await
            .unwrap()
            .output()
            .is_some()
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_declared_of_a_tool_beside_its_policy_may_change() {
    let registry = registry();
    let before = declare(&registry).tool(Tool::new("book")).build().unwrap();
    let book = Tool::new("book").has_side_effects().timeout(OPEN);
    let after = declare(&registry).tool(book).build().unwrap();
    trip(tool(&before, "book"));
    pass(OPEN).await;
    assert!(before.unavailable("acme").is_empty());
    assert_eq!(after.unavailable("acme").len(), 1);
}
