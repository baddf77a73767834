//! Requests that another site's page makes a browser send.

use http::request::Builder;

use super::*;

const FORCE: &str = r#"{"action":"force_open","dependency":"search"}"#;

async fn token(status: &StatusService) -> String {
    let request = Request::get("/actions").header("cookie", "session=alice");
    let answer = ask(status, request.body(String::new()).unwrap()).await;
    let (code, known) = json(answer).await;
    assert_eq!((code, &known["who"]), (200, &"alice".into()));
    known["token"].as_str().unwrap().to_owned()
}

/// A request as the page sends it; what it lacks is said by the caller.
fn post(without: &[&str], token: &str) -> Builder {
    let mut request = Request::post("/actions");
    for (name, value) in [
        ("cookie", "session=alice"),
        ("host", "ops.example:8443"),
        ("origin", "https://ops.example:8443"),
        ("sec-fetch-site", "same-origin"),
        ("content-type", "application/json"),
        ("x-csrf-token", token),
    ] {
        if !without.contains(&name) {
            request = request.header(name, value);
        }
    }
    request
}

async fn sent(status: &StatusService, request: Builder) -> (u16, Value) {
    json(ask(status, request.body(FORCE.to_owned()).unwrap()).await).await
}

/// Seen to be refused, and to have changed nothing.
async fn refuse(request: impl Fn(&str) -> Builder, code: u16, words: &[&str]) {
    let (status, search) = search();
    let status = status.authorise(alice);
    let token = token(&status).await;
    let answer = sent(&status, request(&token)).await;
    assert_eq!(answer.0, code, "{answer:?}");
    for word in words {
        assert!(detail(&answer).contains(word), "{}", detail(&answer));
    }
    assert!(search.override_in_force().is_none());
    let (code, _) = sent(&status, post(&[], &token)).await;
    assert_eq!(code, 200, "it was for that alone");
    assert!(search.override_in_force().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_request_without_the_token_is_refused() {
    refuse(
        |token| post(&["x-csrf-token"], token),
        403,
        &["x-csrf-token", "once"],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_request_with_another_token_is_refused() {
    let other = |token: &str| {
        let flipped: String = token.chars().rev().collect();
        assert_ne!(flipped, token);
        post(&[], &flipped)
    };
    refuse(other, 403, &["x-csrf-token"]).await;
    refuse(|token| post(&[], &token[..31]), 403, &["x-csrf-token"]).await;
    refuse(|_| post(&[], ""), 403, &["x-csrf-token"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_request_with_two_tokens_is_refused() {
    let twice = |token: &str| post(&[], token).header("x-csrf-token", "0");
    refuse(twice, 403, &["x-csrf-token", "once"]).await;
}

#[tokio::test(start_paused = true)]
async fn the_token_of_another_service_is_none() {
    let other = token(&search().0.authorise(alice)).await;
    refuse(|_| post(&[], &other), 403, &["x-csrf-token"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_request_that_the_browser_says_another_site_made_is_refused() {
    for site in ["cross-site", "same-site", "none", "Same-Origin"] {
        let from = |token: &str| post(&["sec-fetch-site"], token).header("sec-fetch-site", site);
        refuse(from, 403, &["sec-fetch-site", site, "same-origin"]).await;
    }
    let twice = |token: &str| post(&[], token).header("sec-fetch-site", "cross-site");
    refuse(twice, 403, &["sec-fetch-site", "cross-site"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_request_of_another_origin_is_refused() {
    for origin in [
        "https://evil.example",
        "https://ops.example",
        "https://ops.example:8443.evil.example",
        "https://evil.example/ops.example:8443",
        "null",
        "",
        "ops.example:8443",
        "file://ops.example:8443",
    ] {
        let from = |token: &str| post(&["origin"], token).header("origin", origin);
        refuse(from, 403, &["origin", origin, "ops.example:8443"]).await;
    }
    let twice = |token: &str| post(&[], token).header("origin", "https://evil.example");
    refuse(twice, 403, &["origin", "evil.example"]).await;
    let no_host = |token: &str| post(&["host"], token);
    refuse(no_host, 403, &["origin"]).await;
    let empty = |token: &str| {
        let request = post(&["host", "origin"], token).header("host", "");
        request.header("origin", "https://")
    };
    refuse(empty, 403, &["origin"]).await;
    let two_hosts = |token: &str| {
        let request = post(&[], token).header("host", "evil.example");
        request.uri("https://ops.example:8443/actions")
    };
    refuse(two_hosts, 403, &["origin"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_request_of_another_type_is_refused() {
    let form = "application/x-www-form-urlencoded";
    for content_type in [
        "text/plain",
        form,
        "application/jsonx",
        "multipart/form-data",
    ] {
        let of = |token: &str| post(&["content-type"], token).header("content-type", content_type);
        refuse(of, 415, &["content-type", content_type, "application/json"]).await;
    }
    refuse(
        |token| post(&["content-type"], token),
        415,
        &["content-type"],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn whoever_the_authoriser_does_not_know_is_refused_whatever_they_send() {
    refuse(|token| post(&["cookie"], token), 403, &["not authorised"]).await;
    let mallory = |token: &str| post(&["cookie"], token).header("cookie", "session=mallory");
    refuse(mallory, 403, &["not authorised"]).await;
}

#[tokio::test(start_paused = true)]
async fn whoever_is_not_known_gets_no_token() {
    let status = search().0.authorise(alice);
    let answer = get_json(&status, "/actions").await;
    assert_eq!(answer.0, 403);
    assert!(!answer.1.to_string().contains("token"));
    let nameless = search().0.authorise(|_: &Parts| Some(String::new()));
    assert_eq!(
        get_json(&nameless, "/actions").await.0,
        403,
        "nobody is nobody"
    );
}

#[tokio::test(start_paused = true)]
async fn programs_and_old_browsers_that_send_neither_origin_nor_site_are_known_by_the_token() {
    let (status, search) = search();
    let status = status.authorise(alice);
    let token = token(&status).await;
    let (code, _) = sent(&status, post(&["origin", "sec-fetch-site", "host"], &token)).await;
    assert_eq!(code, 200);
    assert!(search.override_in_force().is_some());
}

#[tokio::test(start_paused = true)]
async fn the_host_of_http_2_is_in_the_uri() {
    let (status, search) = search();
    let status = status.authorise(alice);
    let token = token(&status).await;
    let request = post(&["host"], &token).uri("https://OPS.example:8443/actions");
    assert_eq!(sent(&status, request).await.0, 200);
    assert!(search.override_in_force().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_service_that_was_cloned_before_stays_read_only() {
    let (status, _) = search();
    let acting = status.clone().authorise(alice);
    assert_eq!(get(&status, "/actions").await.status(), 404);
    assert_eq!(get(&acting, "/actions").await.status(), 403);
    for (service, actions) in [(&status, false), (&acting, true)] {
        let mut reader = Reader::of(service).await;
        for _ in 0..2 {
            assert_eq!(reader.wait_for("overview").await["actions"], actions);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_token_is_not_shown_where_the_service_is() {
    let status = search().0.authorise(alice);
    let token = token(&status).await;
    assert!(!format!("{status:?}").contains(&token));
}
