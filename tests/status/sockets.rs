//! Real servers: axum on loopback.

use std::net::SocketAddr;

use axum::Router;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpSocket};
use tokio::time::interval;

use super::*;

async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    serve_on(listener, app)
}

fn serve_on(listener: TcpListener, app: Router) -> SocketAddr {
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

fn app(status: &StatusService) -> Router {
    Router::new()
        .nest_service("/breakers", status.clone())
        .nest_service("/ops/status", status.clone())
}

/// Reads events until one is of this name and this holds of it.
async fn find(response: &mut reqwest::Response, name: &str, is_it: impl Fn(&Value) -> bool) {
    let mut text = String::new();
    let reading = async {
        loop {
            let chunk = response.chunk().await.unwrap().expect("it goes on");
            text += str::from_utf8(&chunk).unwrap();
            while let Some((block, rest)) = text.split_once("\n\n") {
                let data = block.strip_prefix(&format!("event: {name}\ndata: "));
                if data.is_some_and(|data| is_it(&serde_json::from_str(data).unwrap())) {
                    return;
                }
                text = rest.to_owned();
            }
        }
    };
    timeout(Duration::from_secs(60), reading).await.unwrap();
}

#[tokio::test]
async fn axum_serves_it_under_any_path() {
    let (status, search) = search();
    trip(&search, "acme");
    let address = serve(app(&status)).await;
    for mount in ["breakers", "ops/status"] {
        let base = format!("http://{address}/{mount}");
        for page in [base.clone(), format!("{base}/")] {
            let page = reqwest::get(page).await.unwrap();
            assert_eq!(page.status(), 200);
            assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
            assert!(page.text().await.unwrap().starts_with("<!doctype html>"));
        }
        let circuits = format!("{base}/circuits?dependency=search");
        let circuits: Value = reqwest::get(circuits).await.unwrap().json().await.unwrap();
        assert_eq!(circuits["circuits"][0]["tenant"], "acme");
        let head = reqwest::Client::new().head(&base).send().await.unwrap();
        assert_eq!(head.status(), 405);
        let nowhere = reqwest::get(format!("{base}/elsewhere")).await.unwrap();
        assert_eq!(nowhere.status(), 404);
    }
}

#[tokio::test]
async fn an_outage_is_seen_to_begin_and_to_end_over_a_socket() {
    let registry = registry();
    let outage = OutagePolicy::default().min_tenants(2).min_share(0.2);
    let search = declare(&registry, "search", policy().outage(outage));
    let status = StatusService::new(registry);
    let address = serve(app(&status)).await;
    let events = format!("http://{address}/ops/status/events");
    let mut events = reqwest::get(events).await.unwrap();
    assert_eq!(events.headers()["content-type"], "text/event-stream");
    find(&mut events, "log", |log| log.as_array().unwrap().is_empty()).await;
    for tenant in ["acme", "globex"] {
        succeed(&search, tenant);
        trip(&search, tenant);
    }
    let begins = |change: &Value| change["kind"] == "outage" && change["to"] == "open";
    find(&mut events, "change", begins).await;
    find(&mut events, "overview", |seen| {
        seen["dependencies"][0]["outage"]["down"] == 2
    })
    .await;
    search.reset();
    let ends = |change: &Value| change["kind"] == "outage" && change["to"] == "closed";
    find(&mut events, "change", ends).await;
    find(&mut events, "overview", |seen| {
        seen["dependencies"][0]["outage"].is_null()
    })
    .await;
    drop(events);
    let mut ticks = interval(Duration::from_millis(5));
    let gone = async {
        while status.readers() > 0 {
            ticks.tick().await;
        }
    };
    let gone = timeout(Duration::from_secs(60), gone).await;
    gone.expect("a client that leaves is forgotten");
}

#[tokio::test]
async fn an_action_is_done_over_a_socket() {
    let (status, search) = search();
    let status = status.authorise(alice);
    let address = serve(app(&status)).await;
    let actions = format!("http://{address}/breakers/actions");
    let client = reqwest::Client::new();
    let known = client.get(&actions).header("cookie", "session=alice");
    let known: Value = known.send().await.unwrap().json().await.unwrap();
    let act = |origin: String| {
        let request = client.post(&actions).header("cookie", "session=alice");
        let request = request.header("x-csrf-token", known["token"].as_str().unwrap());
        let action = serde_json::json!({ "action": "force_open", "dependency": "search" });
        request.header("origin", origin).json(&action).send()
    };
    let refused = act("http://evil.example".to_owned()).await.unwrap();
    assert_eq!(refused.status(), 403);
    assert!(search.override_in_force().is_none());
    let done = act(format!("http://{address}")).await.unwrap();
    assert_eq!(done.status(), 200);
    assert!(search.override_in_force().is_some());
}

#[tokio::test]
async fn a_client_that_does_not_read_is_dropped_and_holds_up_nobody() {
    let (status, search) = search();
    // Small buffers, so that little fits between the two.
    let listener = TcpSocket::new_v4().unwrap();
    listener.set_send_buffer_size(4_096).unwrap();
    listener.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let address = serve_on(listener.listen(8).unwrap(), app(&status));
    let client = TcpSocket::new_v4().unwrap();
    client.set_recv_buffer_size(4_096).unwrap();
    let mut client = client.connect(address).await.unwrap();
    let request = b"GET /breakers/events HTTP/1.1\r\nhost: localhost\r\n\r\n";
    client.write_all(request).await.unwrap();

    let events = format!("http://{address}/breakers/events");
    let mut reader = reqwest::get(events).await.unwrap();
    let reading = tokio::spawn(async move {
        let over = |change: &Value| change["note"] == "over";
        find(&mut reader, "change", over).await;
    });
    let mut ticks = interval(Duration::from_millis(5));
    let both = async {
        while status.readers() < 2 {
            ticks.tick().await;
        }
    };
    timeout(Duration::from_secs(60), both).await.unwrap();
    let note = "x".repeat(20_000);
    let dropped = async {
        while status.readers() == 2 {
            search.force_open(&note);
            ticks.tick().await;
        }
    };
    let dropped = timeout(Duration::from_secs(60), dropped).await;
    dropped.expect("it is dropped, though its socket is open");
    assert_eq!(status.readers(), 1, "and the other is not");
    let told = async {
        while !reading.is_finished() {
            search.force_open("over");
            ticks.tick().await;
        }
    };
    timeout(Duration::from_secs(60), told).await.unwrap();
    reading.await.unwrap();
    drop(client);
}
