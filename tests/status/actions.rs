//! What those who may act can do.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::stream;
use http_body::Frame;
use http_body_util::{Full, StreamBody};
use tower_tenant_breaker::{Override, OverrideLevel};

use super::*;

/// A page and a dependency, for one who may act and has the token.
struct Desk {
    status: StatusService,
    search: Dependency,
    token: String,
}

impl Desk {
    async fn of(authoriser: impl tower_tenant_breaker::status::Authorise) -> Self {
        let (status, search) = search();
        let status = status.authorise(authoriser);
        let request = Request::get("/actions").header("cookie", "session=alice");
        let answer = ask(&status, request.body(String::new()).unwrap()).await;
        let token = json(answer).await.1["token"].as_str().unwrap().to_owned();
        Self {
            status,
            search,
            token,
        }
    }

    async fn of_alice() -> Self {
        Self::of(alice).await
    }

    fn post<B>(&self, body: B) -> Request<B> {
        let request = Request::post("/actions")
            .header("cookie", "session=alice")
            .header("content-type", "application/json; charset=utf-8")
            .header("x-csrf-token", &self.token);
        request.body(body).unwrap()
    }

    async fn act(&self, body: &str) -> (u16, Value) {
        json(ask(&self.status, self.post(body.to_owned())).await).await
    }

    async fn done(&self, body: &str) {
        let (code, answer) = self.act(body).await;
        assert_eq!((code, answer), (200, serde_json::json!({ "done": true })));
    }
}

#[tokio::test(start_paused = true)]
async fn a_dependency_is_forced_open_and_cleared() {
    let desk = Desk::of_alice().await;
    desk.done(r#"{"action":"force_open","dependency":"search","note":"vendor is down"}"#)
        .await;
    let forced = desk.search.override_in_force().unwrap();
    assert_eq!(forced.kind, Override::ForcedOpen);
    assert_eq!(forced.level, OverrideLevel::Dependency);
    assert_eq!(forced.note.as_deref(), Some("alice: vendor is down"));
    assert_eq!(forced.until, None);
    desk.done(r#"{"action":"clear","dependency":"search"}"#)
        .await;
    assert!(desk.search.override_in_force().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_dependency_is_forced_open_for_a_time() {
    let desk = Desk::of_alice().await;
    desk.done(r#"{"action":"force_open","dependency":"search","for_ms":1500,"note":""}"#)
        .await;
    let forced = desk.search.override_in_force().unwrap();
    assert_eq!(
        forced.until,
        Some(forced.since + Duration::from_millis(1_500))
    );
    assert_eq!(
        forced.note.as_deref(),
        Some("alice"),
        "who, where nothing is noted"
    );
}

#[tokio::test(start_paused = true)]
async fn one_tenant_is_forced_open_with_and_without_an_end_and_cleared() {
    let desk = Desk::of_alice().await;
    let acme = desk.search.circuit("acme");
    desk.done(r#"{"action":"force_open","dependency":"search","tenant":"acme","for_ms":60000}"#)
        .await;
    let forced = acme.override_in_force().unwrap();
    assert_eq!(forced.level, OverrideLevel::Circuit);
    assert_eq!(forced.until, Some(forced.since + 60 * SECOND));
    desk.done(r#"{"action":"force_open","dependency":"search","tenant":"acme"}"#)
        .await;
    assert_eq!(acme.override_in_force().unwrap().until, None);
    assert!(desk.search.acquire("globex").is_ok());
    assert!(desk.search.acquire("acme").is_err());
    desk.done(r#"{"action":"clear","dependency":"search","tenant":"acme"}"#)
        .await;
    assert!(acme.override_in_force().is_none());
}

#[tokio::test(start_paused = true)]
async fn one_tenant_is_reset_or_all_are() {
    let desk = Desk::of_alice().await;
    for tenant in ["acme", "globex", "initech"] {
        trip(&desk.search, tenant);
    }
    desk.done(r#"{"action":"reset","dependency":"search","tenant":"acme"}"#)
        .await;
    assert_eq!(desk.search.open_circuits(), ["globex", "initech"]);
    desk.done(r#"{"action":"reset","dependency":"search"}"#)
        .await;
    assert!(desk.search.open_circuits().is_empty());
}

#[tokio::test(start_paused = true)]
async fn everybody_who_watches_sees_who_did_it() {
    let desk = Desk::of_alice().await;
    let mut reader = Reader::greeted(&desk.status).await;
    desk.done(r#"{"action":"force_open","dependency":"search","note":"<b>\n\"now\""}"#)
        .await;
    let change = reader.wait_for("change").await;
    assert_eq!(change["note"], "alice: <b>\n\"now\"", "as text");
    assert_eq!(
        overview(&mut reader).await["overridden"]["note"],
        change["note"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_long_name_is_cut_between_characters() {
    let desk = Desk::of(|_: &Parts| Some("é".repeat(200) + "x")).await;
    desk.done(r#"{"action":"force_open","dependency":"search"}"#)
        .await;
    let note = desk.search.override_in_force().unwrap().note.unwrap();
    assert_eq!(&*note, "é".repeat(64));
    let odd = Desk::of(|_: &Parts| Some("x".to_owned() + &"é".repeat(200))).await;
    odd.done(r#"{"action":"force_open","dependency":"search"}"#)
        .await;
    let note = odd.search.override_in_force().unwrap().note.unwrap();
    assert_eq!(note.len(), 127);
}

#[tokio::test(start_paused = true)]
async fn a_note_of_five_hundred_bytes_is_no_longer_than_it_may_be() {
    let desk = Desk::of_alice().await;
    let note = "x".repeat(500);
    let action = format!(r#"{{"action":"force_open","dependency":"search","note":"{note}"}}"#);
    desk.done(&action).await;
    assert!(desk.search.override_in_force().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_bad_action_is_told_what_is_wrong_and_does_nothing() {
    let desk = Desk::of_alice().await;
    trip(&desk.search, "acme");
    let long_note = format!(
        r#"{{"action":"force_open","dependency":"search","note":"{}"}}"#,
        "x".repeat(501)
    );
    let long_tenant = format!(
        r#"{{"action":"reset","dependency":"search","tenant":"{}"}}"#,
        "x".repeat(257)
    );
    for (body, code, words) in [
        ("", 400, vec!["no action"]),
        ("[]", 400, vec!["no action"]),
        (r#"{"action":"reset"}"#, 400, vec!["dependency"]),
        (r#"{"dependency":"search"}"#, 400, vec!["action"]),
        (
            r#"{"action":"reset","dependency":"search"} x"#,
            400,
            vec!["trailing"],
        ),
        (
            r#"{"action":"reset","dependency":"search","tennant":"acme"}"#,
            400,
            vec!["tennant"],
        ),
        (
            r#"{"action":"shut","dependency":"search"}"#,
            400,
            vec!["\"shut\"", "force_open", "clear", "reset"],
        ),
        (
            r#"{"action":"shut","dependency":"search","for_ms":1}"#,
            400,
            vec!["\"shut\""],
        ),
        (
            r#"{"action":"reset","dependency":"serach"}"#,
            404,
            vec!["\"serach\"", "\"search\""],
        ),
        (
            r#"{"action":"reset","dependency":"search","tenant":""}"#,
            400,
            vec!["tenant", "0 bytes"],
        ),
        (&long_tenant, 400, vec!["tenant", "257 bytes"]),
        (&long_note, 400, vec!["note", "501 bytes", "500"]),
        (
            r#"{"action":"force_open","dependency":"search","for_ms":0}"#,
            400,
            vec!["for_ms", "0", "2592000000"],
        ),
        (
            r#"{"action":"force_open","dependency":"search","for_ms":2592000001}"#,
            400,
            vec!["for_ms", "2592000001"],
        ),
        (
            r#"{"action":"force_open","dependency":"search","for_ms":-1}"#,
            400,
            vec!["for_ms", "-1"],
        ),
        (
            r#"{"action":"force_open","dependency":"search","for_ms":"soon"}"#,
            400,
            vec!["for_ms", "soon"],
        ),
        (
            r#"{"action":"reset","dependency":"search","for_ms":5}"#,
            400,
            vec!["for_ms", "reset"],
        ),
        (
            r#"{"action":"clear","dependency":"search","for_ms":5}"#,
            400,
            vec!["for_ms", "clear"],
        ),
    ] {
        let answer = desk.act(body).await;
        assert_eq!(answer.0, code, "{body}");
        for word in words {
            assert!(
                detail(&answer).contains(word),
                "{body}: {}",
                detail(&answer)
            );
        }
    }
    assert!(desk.search.override_in_force().is_none());
    assert_eq!(desk.search.state("acme"), CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn a_body_may_have_sixteen_kilobytes_and_no_more() {
    let desk = Desk::of_alice().await;
    let action = r#"{"action":"reset","dependency":"search"}"#;
    let padded = |bytes: usize| action.to_owned() + &" ".repeat(bytes - action.len());
    desk.done(&padded(16 * 1024)).await;
    let answer = desk.act(&padded(16 * 1024 + 1)).await;
    assert_eq!(answer.0, 413);
    assert!(detail(&answer).contains("16384"), "{}", detail(&answer));

    // One that does not say how long it is.
    let piece = Bytes::from(" ".repeat(1_000));
    let endless = stream::repeat_with(move || Ok::<_, Infallible>(Frame::data(piece.clone())));
    let answer = ask(&desk.status, desk.post(StreamBody::new(endless))).await;
    assert_eq!(answer.status(), 413);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_comes_in_pieces_is_read() {
    let desk = Desk::of_alice().await;
    let pieces = [
        r#"{"action":"force_"#,
        r#"open","dependency":"sea"#,
        r#"rch"}"#,
    ];
    let pieces = pieces.map(|piece| Ok::<_, Infallible>(Frame::data(Bytes::from(piece))));
    let body = StreamBody::new(stream::iter(pieces));
    assert_eq!(ask(&desk.status, desk.post(body)).await.status(), 200);
    assert!(desk.search.override_in_force().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_body_that_breaks_off_does_nothing() {
    let desk = Desk::of_alice().await;
    let action = Bytes::from(r#"{"action":"force_open","dependency":"search"}"#);
    let pieces = [Ok(Frame::data(action)), Err(std::io::Error::other("reset"))];
    let body = StreamBody::new(stream::iter(pieces));
    let answer = json(ask(&desk.status, desk.post(body)).await).await;
    assert_eq!(answer.0, 400);
    assert!(detail(&answer).contains("broke off"));
    assert!(desk.search.override_in_force().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_comes_is_given_up_and_holds_nothing_meanwhile() {
    let desk = Desk::of_alice().await;
    let never = stream::pending::<Result<Frame<Bytes>, Infallible>>();
    let before = tokio::time::Instant::now();
    let answer = json(ask(&desk.status, desk.post(StreamBody::new(never))).await).await;
    assert_eq!(answer.0, 408);
    assert_eq!(tokio::time::Instant::now(), before + 10 * SECOND);

    let never = stream::pending::<Result<Frame<Bytes>, Infallible>>();
    let request = desk.post(StreamBody::new(never));
    let mut status = desk.status.clone();
    let waiting = tower::Service::call(&mut status, request);
    let waiting = tokio::spawn(waiting);
    let registry = registry();
    let mut changes = registry.subscribe_to_changes();
    drop((registry, desk, status));
    settle().await;
    let closed = changes.recv().await.unwrap_err();
    assert_eq!(closed, tower_tenant_breaker::RecvError::Closed);
    waiting.abort();
}

#[tokio::test(start_paused = true)]
async fn an_action_whose_service_went_while_its_body_came_is_not_done() {
    let desk = Desk::of_alice().await;
    let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
    let body = stream::once(async move {
        receiver.await.unwrap();
        let action = r#"{"action":"force_open","dependency":"search"}"#;
        Ok::<_, Infallible>(Frame::data(Bytes::from(action)))
    });
    let request = desk.post(StreamBody::new(Box::pin(body)));
    let mut status = desk.status.clone();
    let waiting = tokio::spawn(tower::Service::call(&mut status, request));
    settle().await;
    let Desk {
        status: other,
        search,
        ..
    } = desk;
    drop((status, other));
    sender.send(()).unwrap();
    let answer = waiting.await.unwrap().unwrap();
    assert_eq!(answer.status(), 503);
    assert!(search.override_in_force().is_none());
}

#[tokio::test(start_paused = true)]
async fn the_authoriser_sees_the_whole_head_of_the_request() {
    #[derive(Clone)]
    struct Known(&'static str);
    let by_extension = |request: &Parts| {
        let Known(who) = request.extensions.get()?;
        (request.uri.path() == "/actions").then(|| (*who).to_owned())
    };
    let status = search().0.authorise(by_extension);
    let mut known = request("/actions");
    known.extensions_mut().insert(Known("bob"));
    let (_, known) = json(ask(&status, known).await).await;
    assert_eq!(known["who"], "bob");
    assert_eq!(get(&status, "/actions").await.status(), 403);
    let full = Request::get("/actions")
        .body(Full::<Bytes>::default())
        .unwrap();
    assert_eq!(ask(&status, full).await.status(), 403, "whatever the body");
}
