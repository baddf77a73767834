//! What every answer carries.

use super::*;

#[tokio::test(start_paused = true)]
async fn every_answer_has_the_headers_that_keep_browsers_from_harm() {
    let status = search().0.authorise(alice);
    let mut answers = Vec::new();
    for uri in [
        "/",
        "/circuits?dependency=search",
        "/circuits?tenant=acme",
        "/circuits",
        "/circuits?dependency=other",
        "/events",
        "/actions",
        "/elsewhere",
    ] {
        answers.push(get(&status, uri).await);
        let head = Request::head(uri).body(String::new()).unwrap();
        answers.push(ask(&status, head).await);
        let post = Request::post(uri).body(String::new()).unwrap();
        answers.push(ask(&status, post).await);
    }
    let policy = answers[0].headers()["content-security-policy"].clone();
    for answer in answers {
        let headers = answer.headers();
        assert_eq!(headers["content-security-policy"], policy);
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["referrer-policy"], "no-referrer");
        assert_eq!(headers["cache-control"], "no-store");
        let allowed = headers.get("access-control-allow-origin");
        assert_eq!(allowed, None, "no other origin may read anything");
    }
}
