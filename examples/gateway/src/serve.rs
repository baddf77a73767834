//! What a person with a browser can look at, and with curl can try on the isolated gateway.

use std::io;
use std::net::SocketAddr;

use axum::Router;
use tokio::net::TcpListener;
use tower_tenant_breaker::CircuitBreakerRegistry;
use tower_tenant_breaker::status::StatusService;

use crate::gateways::Gateway;
use crate::upstream::Upstream;

/// Serves the live page of this registry on a free port of its own, beside the gateway's.
///
/// Read-only: whoever is on this machine may look, and a browser within it can be made to ask by any page.
pub(crate) async fn page(registry: &CircuitBreakerRegistry) -> io::Result<SocketAddr> {
    let app = Router::new().fallback_service(StatusService::new(registry.clone()));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(address)
}

/// Commands to paste.
pub(crate) fn commands(gateway: &Gateway, upstream: &Upstream, page: SocketAddr) -> String {
    let (gateway, upstream) = (gateway.address, upstream.address);
    format!(
        "
The isolated gateway and the upstream stay up until Ctrl-C. Look at it in a browser:

  http://{page}/

Try, in another terminal:

  call as acme:                     curl -i -H 'x-tenant-id: acme' http://{gateway}/search
  make the upstream fail for acme:  curl -X PUT http://{upstream}/health/acme/failing
  ... hang, or be well again:       curl -X PUT http://{upstream}/health/acme/hanging
                                    curl -X PUT http://{upstream}/health/acme/healthy
  see acme's circuit:               curl http://{gateway}/circuits/acme

Five failures in a row open it; the next call is then answered by the gateway itself. It stays open
for about a second at most, so call in a loop to watch it, and as another tenant beside it:

  while sleep 0.1; do curl -s -o /dev/null -w '%{{http_code}} ' -H 'x-tenant-id: acme' \\
    http://{gateway}/search; done
"
    )
}

#[cfg(test)]
mod tests {
    use axum::http::Uri;
    use http_body_util::BodyExt;

    use super::*;
    use crate::gateways::client;

    #[tokio::test]
    async fn the_page_and_what_it_shows_are_served_and_nobody_may_act() {
        let upstream = Upstream::start().await.unwrap();
        let gateway = Gateway::isolated(&upstream).await.unwrap();
        let page = page(&gateway.registry).await.unwrap();
        let get = async |path: &str| {
            let uri: Uri = format!("http://{page}{path}").parse().unwrap();
            let answer = client().get(uri).await.unwrap();
            let status = answer.status().as_u16();
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            (status, String::from_utf8(body.to_vec()).unwrap())
        };

        let (status, text) = get("/").await;
        assert_eq!(status, 200);
        assert!(text.contains("<title>Circuit breakers</title>"), "{text}");
        let (status, text) = get("/circuits?dependency=upstream").await;
        assert_eq!(status, 200, "{text}");
        assert_eq!(get("/actions").await.0, 404);
        let commands = commands(&gateway, &upstream, page);
        assert!(
            commands.contains(&format!("http://{page}/\n")),
            "{commands}"
        );
    }
}
