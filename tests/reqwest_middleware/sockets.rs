//! The breaker among a client's middlewares, over real TCP.

use std::time::Duration;

use reqwest_middleware::ClientWithMiddleware;
use tokio::task::JoinSet;
use tower_tenant_breaker::{CircuitOpen, CircuitState, Dependency, Policy};

use crate::job::{OPEN, printer, registry, two_strikes};
use crate::upstream::{Upstream, until};
use crate::{breaker, client, get};

fn dependency(policy: Policy) -> Dependency {
    registry().dependency_with("search", policy).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_tenant_is_cut_off_and_costs_no_other_tenant_a_call() {
    const CALLS: usize = 25;
    let upstream = Upstream::start().await;
    let dependency = printer();
    let client = client(breaker(&dependency));

    let mut tenants = JoinSet::new();
    for tenant in ["a", "b", "c", "d", "e", "f"] {
        let client = client.clone();
        let url = upstream.url(if tenant == "c" { "/500" } else { "/200" });
        tenants.spawn(async move {
            let mut rejected = 0;
            for _ in 0..CALLS {
                match get(&client, &url, tenant).send().await {
                    Ok(response) => assert_eq!(response.status() == 500, tenant == "c"),
                    Err(error) => {
                        assert_eq!(CircuitOpen::find(&error).unwrap().tenant(), Some(tenant));
                        rejected += 1;
                    }
                }
            }
            assert_eq!(
                rejected,
                if tenant == "c" { CALLS - 2 } else { 0 },
                "{tenant}"
            );
        });
    }
    tenants.join_all().await;

    assert_eq!(upstream.received(), 5 * CALLS + 2);
    assert_eq!(dependency.open_circuits(), ["c"]);
}

#[tokio::test]
async fn a_hint_opens_the_circuit_for_longer() {
    let upstream = Upstream::start().await;
    for status in [429, 503, 529] {
        let policy = two_strikes()
            .failure_threshold(2)
            .failure_rate(0.5)
            .min_calls(2);
        let dependency = dependency(policy.build().unwrap());
        let client = client(breaker(&dependency));
        let url = upstream.url(&format!("/{status}/retry-after/600"));
        for _ in 0..2 {
            let response = get(&client, &url, "acme").send().await.unwrap();
            assert_eq!(response.status(), status);
        }
        let error = get(&client, &url, "acme").send().await.unwrap_err();
        let left = CircuitOpen::find(&error).unwrap().retry_after().unwrap();
        assert!(left > OPEN, "{status}: {left:?}");
    }
}

/// A call that hangs in the upstream, and then is dropped.
async fn leave(client: &ClientWithMiddleware, upstream: &Upstream, dependency: &Dependency) {
    let (received, left) = (upstream.received(), dependency.snapshot().totals.cancelled);
    let call = tokio::spawn(get(client, &upstream.url("/hang"), "acme").send());
    until("the call hangs in the upstream", async || {
        upstream.received() > received
    })
    .await;
    call.abort();
    until("the breaker notices", async || {
        dependency.snapshot().totals.cancelled > left
    })
    .await;
}

#[tokio::test]
async fn a_call_that_is_dropped_is_cancelled_and_a_run_of_them_opens_the_circuit() {
    let upstream = Upstream::start().await;
    let dependency = dependency(two_strikes().abandoned_run(3).build().unwrap());
    let client = client(breaker(&dependency));
    for left in 1..=3 {
        assert_eq!(dependency.state("acme"), CircuitState::Closed);
        leave(&client, &upstream, &dependency).await;
        assert_eq!(dependency.snapshot().totals.cancelled, left);
    }
    assert_eq!(dependency.state("acme"), CircuitState::Open);
}

fn half_open(dependency: &Dependency) {
    let circuit = dependency.circuit("acme");
    circuit.open().unwrap();
    circuit.half_open().unwrap();
}

#[tokio::test]
async fn a_probe_that_is_dropped_gives_its_place_back_and_the_next_one_closes_the_circuit() {
    let upstream = Upstream::start().await;
    let dependency = printer();
    let client = client(breaker(&dependency));
    half_open(&dependency);

    leave(&client, &upstream, &dependency).await;
    assert_eq!(dependency.state("acme"), CircuitState::HalfOpen);
    get(&client, &upstream.url("/200"), "acme")
        .send()
        .await
        .unwrap();
    assert_eq!(dependency.state("acme"), CircuitState::Closed);
}

#[tokio::test]
async fn a_probe_that_times_out_opens_the_circuit_again() {
    let upstream = Upstream::start().await;
    let dependency = printer();
    let client = client(breaker(&dependency));
    half_open(&dependency);

    let probe = get(&client, &upstream.url("/hang"), "acme").timeout(Duration::from_millis(50));
    probe.send().await.unwrap_err();
    assert_eq!(dependency.state("acme"), CircuitState::Open);
}
