//! A service that somebody else wrote, and its generated client.

use tonic_health::ServingStatus;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tower_tenant_breaker::CircuitOpen;

use crate::stack::{dependency, endpoint, guard, of, plain, three_in_a_row, totals};

#[tokio::test]
async fn a_generated_client_takes_the_guarded_channel() {
    let (reporter, service) = tonic_health::server::health_reporter();
    reporter
        .set_service_status("echo.Echo", ServingStatus::Serving)
        .await;
    let health = dependency(three_in_a_row());
    let channel = endpoint(plain(service).await).connect_lazy();
    let mut client = HealthClient::new(guard(channel, &health));
    let of_service = |service: &str| HealthCheckRequest {
        service: service.into(),
    };

    let serving = client
        .check(of("acme", of_service("echo.Echo")))
        .await
        .unwrap();
    assert_eq!(serving.into_inner().status, ServingStatus::Serving as i32);
    let mut watch = client
        .watch(of("acme", of_service("echo.Echo")))
        .await
        .unwrap()
        .into_inner();
    assert!(watch.message().await.unwrap().is_some());
    drop(watch);
    client
        .check(of("acme", of_service("nobody")))
        .await
        .unwrap_err();
    assert_eq!(
        (totals(&health).calls, totals(&health).failures),
        (2, 0),
        "NOT_FOUND is an answer"
    );

    health.circuit("acme").open().unwrap();
    let status = client
        .check(of("acme", of_service("echo.Echo")))
        .await
        .unwrap_err();
    assert!(CircuitOpen::find(&status).is_some(), "{status}");
}
