//! async-openai over two providers: who serves, with whose key, and what its callers see.

#[allow(dead_code)]
#[path = "../src/bin/llm_failover/account.rs"]
mod account;
#[path = "../src/bin/llm_failover/agent.rs"]
mod agent;
#[allow(dead_code)]
#[path = "../src/bin/llm_failover/models.rs"]
mod models;
#[allow(dead_code)]
#[path = "../src/bin/llm_failover/provider/mod.rs"]
mod provider;

use std::time::Duration;

use account::Account;
use agent::{ask, listen};
use async_openai::Client;
use async_openai::config::{OPENAI_ORGANIZATION_HEADER, OPENAI_PROJECT_HEADER};
use async_openai::error::OpenAIError;
use models::{Models, by_hand, rejection};
use provider::{Counts, Limit, Mode, Provider, TOKENS, TOKENS_BEFORE_BREAK};
use reqwest::header::{AUTHORIZATION, HeaderName};
use reqwest::{Method, Request};
use tokio::time::Instant;
use tower_tenant_breaker::{CircuitOpen, CircuitState, Reason};

/// Longer than any test lasts.
const LONG: Duration = Duration::from_secs(600);

const OVERLOADED: Mode = Mode::Overloaded {
    retry_after_seconds: LONG.as_secs(),
};

async fn providers() -> (Provider, Provider) {
    let primary = Provider::primary().await.unwrap();
    (primary, Provider::standby().await.unwrap())
}

fn guarded(primary: &Provider, standby: &Provider) -> Models {
    Models::guarded(&primary.account, &standby.account, LONG).unwrap()
}

/// The model that answered a tenant's call.
async fn served(models: &Models, tenant: &str) -> String {
    let answer = ask(&models.client, tenant).await.unwrap();
    assert_eq!(answer.choices[0].message.content, Some(TOKENS.concat()));
    answer.model
}

fn status(error: &OpenAIError) -> Option<u16> {
    match error {
        OpenAIError::ApiError(error) => Some(error.status_code.as_u16()),
        _ => None,
    }
}

#[tokio::test]
async fn the_standby_serves_what_an_overloaded_primary_refuses_and_then_at_once() {
    let (primary, standby) = providers().await;
    let models = guarded(&primary, &standby);
    assert_eq!(served(&models, "acme").await, primary.model);

    primary.set(OVERLOADED);
    for _ in 0..3 {
        assert_eq!(served(&models, "acme").await, standby.model);
    }
    let seen = |answered, refused| Counts {
        answered,
        refused,
        strays: 0,
    };
    assert_eq!(primary.counts(), seen(1, 1));
    assert_eq!(standby.counts(), seen(3, 0));
    assert_eq!(models.primary.state("acme"), CircuitState::Open);
    assert_eq!(models.standby.snapshot().totals.failures, 0);
}

#[tokio::test]
async fn by_hand_every_call_waits_for_the_overloaded_primary() {
    let (primary, standby) = providers().await;
    let client = by_hand(&primary.account, &standby.account).unwrap();
    primary.set(OVERLOADED);
    for calls in 1..=3 {
        assert_eq!(ask(&client, "acme").await.unwrap().model, standby.model);
        assert_eq!(primary.counts().refused, calls);
    }
    assert_eq!(standby.counts().strays, 0);
}

#[tokio::test]
async fn an_overload_that_some_tenants_met_costs_those_that_come_anew_no_call() {
    let (primary, standby) = providers().await;
    let models = guarded(&primary, &standby);
    let tenants = ["acme", "birch", "cedar"];
    for tenant in tenants {
        assert_eq!(served(&models, tenant).await, primary.model);
    }
    primary.set(OVERLOADED);
    for tenant in tenants {
        assert_eq!(served(&models, tenant).await, standby.model);
    }
    assert_eq!(primary.counts().refused, 3);
    assert!(models.primary.snapshot().outage.is_some());
    assert_eq!(served(&models, "dune").await, standby.model);
    assert_eq!(primary.counts().refused, 3);
}

#[tokio::test]
async fn where_no_circuit_admits_a_call_the_sdks_error_says_until_when_and_nobody_is_asked() {
    let (primary, standby) = providers().await;
    let models = guarded(&primary, &standby);
    primary.set(OVERLOADED);
    standby.set(OVERLOADED);
    let error = ask(&models.client, "acme").await.unwrap_err();
    assert_eq!(status(&error), Some(529), "the last provider's own answer");

    let error = ask(&models.client, "acme").await.unwrap_err();
    let open = rejection(&error).unwrap();
    assert!(open.retry_after() > Some(Duration::from_secs(60)));
    let asked = [&primary, &standby].map(|provider| provider.counts().asked());
    assert_eq!(asked, [1, 1]);
}

#[tokio::test]
async fn no_call_moves_on_after_its_first_token_but_enough_such_calls_open_the_circuit() {
    for mode in [Mode::FailsInStreams, Mode::BreaksStreams] {
        let (primary, standby) = providers().await;
        let models = guarded(&primary, &standby);
        primary.set(mode);
        for failures in 1..=3 {
            let heard = listen(&models.client, "acme").await.unwrap();
            assert_eq!(heard.model.as_deref(), Some(primary.model));
            assert_eq!(heard.tokens, TOKENS[..TOKENS_BEFORE_BREAK], "{mode:?}");
            assert!(heard.error.is_some(), "{mode:?}");
            assert_eq!(standby.counts().asked(), 0, "{mode:?}");
            assert_eq!(models.primary.snapshot().totals.failures, failures);
        }
        assert_eq!(models.primary.state("acme"), CircuitState::Open);

        let heard = listen(&models.client, "acme").await.unwrap();
        assert_eq!(heard.model.as_deref(), Some(standby.model));
        assert_eq!(heard.tokens, TOKENS);
        assert!(heard.error.is_none());
        assert_eq!(primary.counts().asked(), 3);
    }
}

#[tokio::test]
async fn a_stream_that_is_refused_at_its_head_is_the_standbys() {
    let (primary, standby) = providers().await;
    let models = guarded(&primary, &standby);
    primary.set(OVERLOADED);
    let heard = listen(&models.client, "acme").await.unwrap();
    assert_eq!(heard.model.as_deref(), Some(standby.model));
    assert_eq!(heard.tokens, TOKENS);
}

#[tokio::test]
async fn a_limit_of_one_tenant_opens_its_circuit_alone_in_whatever_form_it_is_said() {
    let until = Instant::now() + LONG;
    for limit in [Limit::RetryAfterMs(until), Limit::ResetRequests(until)] {
        let (primary, standby) = providers().await;
        let models = guarded(&primary, &standby);
        primary.limit("acme", limit);
        for _ in 0..2 {
            assert_eq!(served(&models, "acme").await, standby.model, "{limit:?}");
            assert_eq!(served(&models, "birch").await, primary.model, "{limit:?}");
        }
        assert_eq!(primary.counts().refused, 1, "{limit:?}");
        assert_eq!(models.primary.open_circuits(), ["acme"], "{limit:?}");
        let rejection = models.primary.acquire("acme").unwrap_err();
        let open = CircuitOpen::find(&rejection).unwrap();
        assert_eq!(open.reason(), Reason::Hint, "{limit:?}");
        assert!(open.retry_after() > Some(Duration::from_secs(60)));
    }
}

#[tokio::test]
async fn a_quota_that_is_used_up_is_not_asked_about_again_until_somebody_resets_it() {
    let (primary, standby) = providers().await;
    let models = guarded(&primary, &standby);
    primary.limit("acme", Limit::Quota);
    assert_eq!(served(&models, "acme").await, standby.model);
    let rejection = models.primary.acquire("acme").unwrap_err();
    let open = CircuitOpen::find(&rejection).unwrap();
    assert_eq!(open.reason(), Reason::QuotaExhausted);
    assert_eq!(open.retry_after(), None);

    primary.lift_limit("acme");
    assert_eq!(served(&models, "acme").await, standby.model);
    models.primary.circuit("acme").reset();
    assert_eq!(served(&models, "acme").await, primary.model);
}

#[tokio::test]
async fn a_provider_refuses_the_key_of_another_and_tells_that_it_came() {
    let (primary, standby) = providers().await;
    // As it would reach the standby if nobody rewrote it.
    let config = standby.account.config();
    let config = config.with_api_key("sk-primary-for-no-one-else");
    let error = ask(&Client::with_config(config), "acme").await.unwrap_err();
    assert_eq!(status(&error), Some(401));
    assert_eq!(standby.counts().strays, 1);
    assert_eq!(primary.counts().asked(), 0);
}

fn account(base: &str, key: &str) -> Account {
    Account::new(base.to_owned(), key).unwrap()
}

#[test]
fn a_request_that_is_taken_over_has_the_other_address_and_nothing_of_the_first_account() {
    let first = account("http://first.test/v1", "sk-first");
    let second = account("https://second.test:8443/openai/v1", "sk-second");
    let url = "http://first.test/v1/chat/completions?api-version=1";
    let mut request = Request::new(Method::POST, url.parse().unwrap());
    for (name, value) in [
        (AUTHORIZATION.as_str(), "Bearer sk-first"),
        (OPENAI_ORGANIZATION_HEADER, "org-first"),
        (OPENAI_PROJECT_HEADER, "project-first"),
        ("x-trace", "7"),
    ] {
        let name: HeaderName = name.parse().unwrap();
        request.headers_mut().append(name, value.parse().unwrap());
    }
    let request = second.take_over(request, &first).unwrap();
    assert_eq!(
        request.url().as_str(),
        "https://second.test:8443/openai/v1/chat/completions?api-version=1"
    );
    let headers = request.headers();
    assert_eq!(headers[AUTHORIZATION], "Bearer sk-second");
    assert_eq!(headers["x-trace"], "7");
    assert_eq!(headers.len(), 2, "{headers:?}");
}

#[test]
fn a_request_that_was_built_for_somebody_else_gets_nobodys_key() {
    let first = account("http://first.test/v1", "sk-first");
    let second = account("http://second.test/v1", "sk-second");
    for url in [
        "http://first.test/v12/models",
        "http://first.test/",
        "http://third.test/v1/models",
    ] {
        let request = Request::new(Method::GET, url.parse().unwrap());
        assert!(second.take_over(request, &first).is_err(), "{url}");
    }
}

#[test]
fn an_account_does_not_show_its_key() {
    let shown = format!("{:?}", account("http://first.test/v1", "sk-first"));
    assert!(!shown.contains("sk-first"), "{shown}");
}
