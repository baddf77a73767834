//! A provider that is overloaded, and one that stands by.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use tower::util::BoxCloneSyncService;
use tower_tenant_breaker::http::body::SettleAt;
use tower_tenant_breaker::{EveryRequest, Failover};

use super::*;

type Answer = Response<Full<Bytes>>;

/// Answers with this, read for what it says is wrong.
fn model(
    status: u16,
    body: &'static str,
) -> BoxCloneSyncService<
    Request<()>,
    Response<tower_tenant_breaker::agent::llm::HandedOnBody<Full<Bytes>>>,
    BoxError,
> {
    let ask = service_fn(move |_: Request<()>| {
        let headers = [("content-type", "application/json"), ("retry-after", "30")];
        let answer: Answer = answer(status, &headers, Full::from(body));
        ready(Ok::<_, BoxError>(answer))
    });
    BoxCloneSyncService::new(ProviderErrorLayer::new().layer(ask))
}

async fn served_by(status: u16, body: &'static str) -> (String, String, Option<(Reason, bool)>) {
    let registry = CircuitBreakerRegistry::builder()
        .default_policy(llm_policy().build().unwrap())
        .build()
        .unwrap();
    let primary = registry.dependency("primary").unwrap();
    let standby = registry.dependency("standby").unwrap();
    let mut models = Failover::builder(HeaderTenant::new("x-tenant-id"))
        .provider(primary.clone(), model(status, body))
        .provider(standby, model(200, "a haiku"))
        .resend(EveryRequest)
        .classify(LlmClassify)
        .observe_body_with(SettleAt::EndTimedAtFirstData, LlmStreamJudge::new())
        .build()
        .unwrap();
    let served = models.call(question("acme")).await.unwrap();
    let by = served.by().to_string();
    let body = served.into_inner().into_body().collect().await.unwrap();
    let body = String::from_utf8(body.to_bytes().to_vec()).unwrap();
    let rejection = primary.acquire("acme").err();
    let open = rejection
        .as_ref()
        .and_then(|rejection| rejection.circuit_open());
    (
        by,
        body,
        open.map(|open| (open.reason(), open.retry_after().is_some())),
    )
}

#[tokio::test(start_paused = true)]
async fn an_overloaded_primary_is_left_until_it_says_and_the_standby_serves() {
    let overloaded =
        r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    let (by, body, primary) = served_by(529, overloaded).await;
    assert_eq!(
        (&by[..], &body[..], primary),
        ("standby", "a haiku", Some((Reason::Hint, true)))
    );
}

#[tokio::test(start_paused = true)]
async fn where_a_quota_is_used_up_the_standby_serves() {
    let used_up = r#"{"error":{"message":"m","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#;
    let (by, body, primary) = served_by(429, used_up).await;
    assert_eq!((&by[..], &body[..]), ("standby", "a haiku"));
    assert_eq!(primary, Some((Reason::QuotaExhausted, false)));
}

#[tokio::test(start_paused = true)]
async fn what_the_request_is_to_blame_for_is_answered_by_the_primary_itself() {
    let malformed = r#"{"type":"error","error":{"type":"invalid_request_error","message":"m"}}"#;
    let (by, body, primary) = served_by(400, malformed).await;
    assert_eq!((&by[..], &body[..], primary), ("primary", malformed, None));
}
