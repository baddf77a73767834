//! Requests that are meant to do harm.

use std::collections::BTreeSet;

use super::*;

async fn acting() -> (StatusService, Dependency, String) {
    let (status, search) = search();
    let status = status.authorise(alice);
    let request = Request::get("/actions").header("cookie", "session=alice");
    let answer = ask(&status, request.body(String::new()).unwrap()).await;
    let token = json(answer).await.1["token"].as_str().unwrap().to_owned();
    (status, search, token)
}

async fn act(status: &StatusService, token: &str, body: String) -> (u16, Value) {
    let request = Request::post("/actions")
        .header("cookie", "session=alice")
        .header("content-type", "application/json")
        .header("x-csrf-token", token);
    json(ask(status, request.body(body).unwrap()).await).await
}

#[tokio::test(start_paused = true)]
async fn a_problem_shows_no_more_of_a_body_than_of_any_other_value() {
    let (status, _, token) = acting().await;
    let long = "\\u202e".repeat(2_000);
    for body in [
        format!(r#"{{"{long}":1}}"#),
        format!(r#"{{"action":"reset","dependency":"search","for_ms":"{long}"}}"#),
        format!(r#""{long}""#),
        "[".repeat(16_000),
    ] {
        let answer = act(&status, &token, body).await;
        assert_eq!(answer.0, 400);
        assert!(detail(&answer).starts_with("the body is no action"));
        let bytes = detail(&answer).len();
        assert!(bytes < 1_000, "{bytes}");
    }
}

#[tokio::test(start_paused = true)]
async fn three_hundred_bytes_of_what_is_wrong_are_told_whole_and_what_is_cut_says_so() {
    let (status, _, token) = acting().await;
    let mut lengths = BTreeSet::new();
    for length in 200..300 {
        let long = "x".repeat(length);
        let body = format!(r#"{{"action":"reset","dependency":"search","for_ms":"{long}"}}"#);
        let answer = act(&status, &token, body).await;
        let why = detail(&answer).strip_prefix("the body is no action: ");
        let why = why.unwrap();
        assert_eq!(why.ends_with(".."), why.len() > 300, "{why}");
        lengths.insert(why.len());
    }
    assert!(lengths.contains(&300) && !lengths.contains(&301));
    assert_eq!(lengths.last(), Some(&302));
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_of_a_tenant_without_a_circuit_makes_none() {
    let (status, search, token) = acting().await;
    for action in ["clear", "reset"] {
        let body = format!(r#"{{"action":"{action}","dependency":"search","tenant":"ghost"}}"#);
        assert_eq!(act(&status, &token, body).await.0, 200);
    }
    for query in ["tenant=ghost", "dependency=search&prefix=ghost"] {
        assert_eq!(
            get_json(&status, &format!("/circuits?{query}")).await.0,
            200
        );
    }
    assert!(search.is_empty());
    assert_eq!(search.snapshot().forced_circuits, 0);
}

#[tokio::test(start_paused = true)]
async fn a_look_changes_nothing_whatever_it_says() {
    let (status, search, token) = acting().await;
    trip(&search, "acme");
    for action in ["reset", "force_open"] {
        let uri = format!("/actions?action={action}&dependency=search");
        let request = Request::get(uri)
            .header("cookie", "session=alice")
            .header("content-type", "application/json")
            .header("x-http-method-override", "POST")
            .header("x-csrf-token", &token);
        let body = format!(r#"{{"action":"{action}","dependency":"search"}}"#);
        let answer = ask(&status, request.body(body).unwrap()).await;
        assert_eq!(answer.status(), 200);
    }
    assert_eq!(search.state("acme"), CircuitState::Open);
    assert!(search.override_in_force().is_none());
}
