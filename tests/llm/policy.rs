//! The ready-made policy, with the classifier: what opens whose circuit.

use tokio::time::advance;

use super::*;

fn record(provider: &Dependency, tenant: &str, status: u16, headers: Headers<'_>) {
    let response = answer(status, headers, ());
    let outcome = LlmClassify.classify(Ok::<_, &BoxError>(&response));
    provider.acquire(tenant).unwrap().record(outcome);
}

fn rejection(provider: &Dependency, tenant: &str) -> Option<CircuitOpen> {
    let rejection = provider.acquire(tenant).err()?;
    rejection.circuit_open().cloned()
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_with_a_hint_opens_the_tenants_circuit_until_then_and_no_other() {
    let provider = provider(llm_policy());
    let limited = [
        ("x-ratelimit-remaining-tokens", "0"),
        ("x-ratelimit-reset-tokens", "6m0s"),
    ];
    record(&provider, "acme", 429, &limited);
    let open = rejection(&provider, "acme").unwrap();
    assert_eq!(open.reason(), Reason::Hint);
    assert!(open.retry_after().unwrap() >= 360 * SECOND);
    assert!(rejection(&provider, "globex").is_none());
    advance(open.retry_after().unwrap()).await;
    record(&provider, "acme", 200, &[]);
    assert_eq!(
        provider.state("acme"),
        CircuitState::Closed,
        "one probe is enough"
    );
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_a_moment_is_no_matter_of_minutes_however_often_it_is_hit() {
    let provider = provider(llm_policy());
    for _ in 0..20 {
        record(&provider, "acme", 429, &[("retry-after-ms", "120")]);
        let open = rejection(&provider, "acme").unwrap();
        assert_eq!(open.retry_after(), Some(Duration::from_millis(120)));
        advance(open.retry_after().unwrap()).await;
        record(&provider, "acme", 200, &[]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_request_is_to_blame_for_opens_nothing() {
    let provider = provider(llm_policy());
    for status in [400, 401, 403, 404, 413, 422].repeat(20) {
        record(&provider, "acme", status, &[]);
    }
    assert_eq!(provider.state("acme"), CircuitState::Closed);
    assert_eq!(provider.snapshot().totals.calls, 0);
}

/// Whether the calls of a tenant that had no trouble are rejected, once eleven others had these answers.
fn is_out(status: u16, headers: Headers<'_>) -> Option<Reason> {
    let provider = provider(llm_policy());
    let tenants: Vec<String> = (0..11).map(|tenant| tenant.to_string()).collect();
    for tenant in tenants.iter().chain([&"well".to_owned()]) {
        record(&provider, tenant, 200, &[]);
    }
    for tenant in &tenants {
        while provider.state(tenant) == CircuitState::Closed
            && rejection(&provider, tenant).is_none()
        {
            record(&provider, tenant, status, headers);
        }
    }
    rejection(&provider, "well").map(|open| open.reason())
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_is_down_for_many_is_down_for_all_and_one_that_limits_them_is_not() {
    const HINT: Headers<'_> = &[("retry-after", "60")];
    for status in [503, 529] {
        assert_eq!(is_out(status, &[]), Some(Reason::Outage), "{status}");
        assert_eq!(
            is_out(status, HINT),
            Some(Reason::Outage),
            "{status} with a hint"
        );
    }
    assert_eq!(is_out(429, &[]), None);
    assert_eq!(is_out(429, HINT), None);
}

#[tokio::test(start_paused = true)]
async fn people_who_stop_a_few_streams_open_nothing() {
    let provider = provider(llm_policy());
    for _ in 0..19 {
        drop(provider.acquire("acme").unwrap());
    }
    assert_eq!(provider.state("acme"), CircuitState::Closed);
    drop(provider.acquire("acme").unwrap());
    assert_eq!(
        provider.state("acme"),
        CircuitState::Open,
        "nobody stops that many"
    );
}
