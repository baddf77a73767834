//! What happens after a good head: the middleware does not see it, and `Dependency::call` does.

use std::time::Duration;

use reqwest_middleware::ClientWithMiddleware;
use tower_tenant_breaker::{CallError, CircuitState, Dependency};

use crate::job::printer;
use crate::upstream::{Upstream, says_and_leaves};
use crate::{breaker, client, get, plain_client};

const CUT_SHORT: &str = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf";

async fn page(client: &ClientWithMiddleware, url: &str) -> Result<String, reqwest::Error> {
    get(client, url, "acme").send().await.unwrap().text().await
}

#[tokio::test]
async fn a_body_that_is_cut_short_behind_a_good_head_is_not_seen() {
    let dependency = printer();
    let client = client(breaker(&dependency));
    let url = says_and_leaves(CUT_SHORT).await;
    for _ in 0..3 {
        assert!(page(&client, &url).await.unwrap_err().is_decode());
    }
    let totals = dependency.snapshot().totals;
    assert_eq!((totals.calls, totals.failures), (3, 0));
}

/// The whole call, body and all, in one outcome.
async fn whole(
    dependency: &Dependency,
    client: &reqwest::Client,
    url: &str,
) -> Result<String, CallError<reqwest::Error>> {
    let fetch = async {
        client
            .get(url)
            .send()
            .await?
            .error_for_status()?
            .text()
            .await
    };
    dependency.call("acme", fetch).await
}

#[tokio::test]
async fn a_body_that_is_cut_short_is_a_failure_of_a_call_that_reads_it() {
    let url = says_and_leaves(CUT_SHORT).await;
    // With a timeout, bodies are wrapped, and so are their errors.
    let timely = reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(60));
    for client in [plain_client(), timely.build().unwrap()] {
        let dependency = printer();
        for _ in 0..2 {
            let error = whole(&dependency, &client, &url).await.unwrap_err();
            assert!(matches!(error, CallError::Inner(error) if error.is_decode()));
        }
        assert_eq!(dependency.state("acme"), CircuitState::Open);
    }
}

#[tokio::test]
async fn a_call_that_reads_it_all_is_judged_by_its_status_first() {
    let dependency = printer();
    let client = plain_client();
    let upstream = Upstream::start().await;
    for path in ["/200", "/404", "/200"] {
        _ = whole(&dependency, &client, &upstream.url(path)).await;
    }
    let totals = dependency.snapshot().totals;
    assert_eq!((totals.calls, totals.failures), (3, 0));
    for _ in 0..2 {
        whole(&dependency, &client, &upstream.url("/500"))
            .await
            .unwrap_err();
    }
    assert_eq!(dependency.state("acme"), CircuitState::Open);
}
