//! What lies where, and by which methods.

use super::*;

#[tokio::test(start_paused = true)]
async fn the_last_segment_of_the_path_decides_wherever_it_is_mounted() {
    let status = search().0.authorise(alice);
    for mount in ["", "/breakers", "/ops/status/breakers"] {
        let types = [
            ("/", "text/html; charset=utf-8"),
            ("/circuits?dependency=search", "application/json"),
            ("/events", "text/event-stream"),
            ("/actions", "application/problem+json"),
        ];
        for (path, content_type) in types {
            let uri = format!("{mount}{path}");
            let answer = get(&status, &uri).await;
            assert_eq!(answer.headers()["content-type"], content_type, "{uri}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_nowhere_is_not_found() {
    let (status, _) = search();
    for uri in ["/circuit", "/events.js", "/circuits/acme", "/Events"] {
        let answer = get_json(&status, uri).await;
        assert_eq!(answer.0, 404, "{uri}");
        assert!(detail(&answer).contains(uri), "{}", detail(&answer));
    }
}

#[tokio::test(start_paused = true)]
async fn other_methods_are_told_which_would_do() {
    let read_only = search().0;
    let status = search().0.authorise(alice);
    for (service, uri, allowed) in [
        (&status, "/", "GET"),
        (&status, "/circuits?dependency=search", "GET"),
        (&status, "/events", "GET"),
        (&status, "/actions", "GET, POST"),
        (&read_only, "/", "GET"),
    ] {
        for method in ["HEAD", "OPTIONS", "PUT", "DELETE", "POST"] {
            if allowed.contains(method) {
                continue;
            }
            let request = Request::builder().method(method).uri(uri);
            let answer = ask(service, request.body(String::new()).unwrap()).await;
            assert_eq!(answer.status(), 405, "{method} {uri}");
            assert_eq!(answer.headers()["allow"], allowed, "{method} {uri}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_an_authoriser_there_are_no_actions() {
    let (status, search) = search();
    for method in ["GET", "POST", "PUT"] {
        let request = Request::builder().method(method).uri("/actions");
        let request = request.header("cookie", "session=alice");
        let answer = ask(&status, request.body(String::new()).unwrap()).await;
        assert_eq!(answer.status(), 404, "{method}");
    }
    assert!(search.override_in_force().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_page_without_actions_says_that_it_is_read_only() {
    let answer = get_json(&search().0, "/actions").await;
    assert_eq!(answer.0, 404);
    assert!(detail(&answer).contains("read-only"), "{answer:?}");
}
