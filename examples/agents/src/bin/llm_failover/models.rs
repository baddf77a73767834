//! The client of the SDK, over one provider and a standby: with the breaker, and by hand.

use std::time::Duration;

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use async_openai::middleware::{HttpRequestFactory, ReqwestService};
use reqwest::Response;
use tower::{BoxError, Service, ServiceBuilder, ServiceExt, service_fn};
use tower_tenant_breaker::agent::llm::{ProviderErrorLayer, llm_policy};
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitOpen, Dependency, EveryRequest, Failover, OpenPeriod,
    OutagePolicy, Served, TaskTenant,
};

use crate::account::Account;

/// A client of the SDK, and the dependencies that it calls through.
#[derive(Clone)]
pub(crate) struct Models {
    pub(crate) client: Client<OpenAIConfig>,
    pub(crate) primary: Dependency,
    pub(crate) standby: Dependency,
}

impl Models {
    /// The primary as long as its circuit of this tenant admits the call, and then the standby.
    ///
    /// The tenant is the one of the task, [`TaskTenant::scope`]: the SDK's requests are opaque, and have no place for it.
    /// Where a provider has not said for how long to stay away, its circuits stay open for `open_for`.
    pub(crate) fn guarded(
        primary: &Account,
        standby: &Account,
        open_for: Duration,
    ) -> Result<Self, BoxError> {
        let registry = CircuitBreakerRegistry::builder().build()?;
        let open_for = OpenPeriod::fixed(open_for);
        let policy = llm_policy()
            .open_for(open_for)
            // A demonstration has few tenants.
            .outage(OutagePolicy::default().min_tenants(3).open_for(open_for))
            .build()?;
        let of_primary = registry.dependency_with("primary", policy.clone())?;
        let of_standby = registry.dependency_with("standby", policy)?;
        let http = http()?;
        // The SDK builds each request for the account that it was configured with. Each provider makes it its own.
        let provider = |account: &Account| provider(http.clone(), account, primary);
        let failover = Failover::builder(TaskTenant)
            .provider(of_primary.clone(), provider(primary))
            .provider(of_standby.clone(), provider(standby))
            // A completion is a POST, of which none would be sent again by default. But a provider that is
            // overloaded has not done the work, and a prompt that is asked twice changes nothing: it costs
            // tokens twice at the most.
            .resend(EveryRequest)
            // Streams too. The choice is made at the head, so that no answer is begun anew; what goes wrong later,
            // the circuit hears of. Its clock stops at the first token.
            .classify_llm()
            .build()?;
        let service = ServiceBuilder::new()
            .map_err(own)
            .map_response(Served::into_inner)
            .service(failover);
        // Takes the place of the SDK's own retries, too, which would wait for the primary here.
        let client = Client::with_config(primary.config()).with_http_service(service);
        Ok(Self {
            client,
            primary: of_primary,
            standby: of_standby,
        })
    }
}

/// What one writes first: ask the primary, and where that fails, the standby.
pub(crate) fn by_hand(
    primary: &Account,
    standby: &Account,
) -> Result<Client<OpenAIConfig>, BoxError> {
    let http = http()?;
    let first = provider(http.clone(), primary, primary);
    let second = provider(http, standby, primary);
    let service = service_fn(move |factory: HttpRequestFactory| {
        let (first, second) = (first.clone(), second.clone());
        async move {
            match first.oneshot(factory.clone()).await {
                Ok(answer) if !is_down(&answer) => Ok(answer),
                _ => second.oneshot(factory).await.map_err(own),
            }
        }
    });
    Ok(Client::with_config(primary.config()).with_http_service(service))
}

fn is_down(answer: &Response) -> bool {
    let status = answer.status().as_u16();
    status == 429 || status >= 500
}

/// One provider. All have one type, as the list wants it, since all come from here.
fn provider(
    http: reqwest::Client,
    account: &Account,
    built_for: &Account,
) -> impl Service<HttpRequestFactory, Response = Response, Error = BoxError, Future: Send + 'static>
+ Clone
+ Send
+ Sync
+ 'static
+ use<> {
    ServiceBuilder::new()
        .map_request(account.instead_of(built_for))
        // To the head of an answer, inside of the circuit, so that a provider that hangs has failed, and the call
        // moves on.
        .timeout(Duration::from_secs(5))
        // What the body of an error says, which a status cannot: a quota that is used up is a 429, too.
        .layer(ProviderErrorLayer::new())
        .service(ReqwestService::new(http))
}

/// Keeps its connections. Without a proxy, whatever the environment says.
fn http() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .no_proxy()
        // How long a stream may pause: no timeout of a service sees that.
        .read_timeout(Duration::from_secs(5))
        .build()
}

/// The SDK's own errors are themselves again; what else there is, a rejection among it, stays in its box.
fn own(error: BoxError) -> OpenAIError {
    match error.downcast::<OpenAIError>() {
        Ok(own) => *own,
        Err(other) => OpenAIError::Boxed(other),
    }
}

/// Why a call was not sent to anybody, if it was not.
pub(crate) fn rejection(error: &OpenAIError) -> Option<&CircuitOpen> {
    match error {
        // The variant is transparent, so the error in it is not among its sources.
        OpenAIError::Boxed(inside) => CircuitOpen::find(&**inside),
        _ => None,
    }
}
