//! The two ways to use two providers.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{Request, Response, Uri};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tower::util::BoxCloneSyncService;
use tower::{BoxError, Service, ServiceBuilder, ServiceExt, service_fn};
use tower_tenant_breaker::http::HeaderTenant;
use tower_tenant_breaker::{
    CircuitBreakerRegistry, EveryRequest, Failover, OpenPeriod, Policy, Served, ServedBy, Unserved,
};

use crate::provider::Provider;

pub(crate) type Prompt = Request<Full<Bytes>>;
pub(crate) type Answer = Response<Bytes>;

/// Who served a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    Primary,
    Standby,
    LastResort,
}

/// One of the two ways.
#[derive(Clone, Debug)]
pub(crate) enum Stack {
    ByHand { primary: Model, standby: Model },
    Failover(BoxCloneSyncService<Prompt, Served<Answer>, BoxError>),
}

type Model = BoxCloneSyncService<Prompt, Answer, BoxError>;

impl Stack {
    /// What one writes first: ask the primary, and where that fails, the standby.
    pub(crate) fn by_hand(primary: &Provider, standby: &Provider) -> Self {
        Self::ByHand {
            primary: Model::new(client(primary.address)),
            standby: Model::new(client(standby.address)),
        }
    }

    /// The same, with a circuit for each provider and tenant.
    pub(crate) fn failover(primary: &Provider, standby: &Provider) -> Result<Self, BoxError> {
        let registry = CircuitBreakerRegistry::builder().build()?;
        let policy = Policy::builder()
            .consecutive_failures(3)
            // A 529 with `Retry-After` is enough: the provider itself says for how long to stay away.
            .trip_on_hint(true)
            .open_for(OpenPeriod::fixed(Duration::from_secs(1)))
            .half_open_max_calls(1)
            .build()?;
        let models = Failover::builder(HeaderTenant::new("x-tenant-id"))
            .provider(
                registry.dependency_with("primary", policy.clone())?,
                client(primary.address),
            )
            .provider(
                registry.dependency_with("standby", policy)?,
                client(standby.address),
            )
            // A POST, which by default would not be sent twice; but a prompt that is asked twice
            // changes nothing.
            .resend(EveryRequest)
            .last_resort(|_prompt: Prompt, _why: Unserved<Answer>| async {
                Ok(Response::new(Bytes::from("a person will look into it")))
            })
            .build()?;
        Ok(Self::Failover(BoxCloneSyncService::new(models)))
    }

    /// Sends a prompt; who served it, if anybody did.
    pub(crate) async fn send(&self, prompt: Prompt) -> Option<By> {
        match self {
            Self::ByHand { primary, standby } => {
                let answer = primary.clone().oneshot(prompt.clone()).await;
                if answer.is_ok_and(|answer| answer.status().is_success()) {
                    return Some(By::Primary);
                }
                let answer = standby.clone().oneshot(prompt).await.ok()?;
                answer.status().is_success().then_some(By::Standby)
            }
            Self::Failover(models) => {
                let served = models.clone().oneshot(prompt).await.ok()?;
                let is_success = served.get_ref().status().is_success();
                is_success.then(|| by(served.by()))
            }
        }
    }
}

fn by(by: &ServedBy) -> By {
    match by.index() {
        Some(0) => By::Primary,
        Some(_) => By::Standby,
        None => By::LastResort,
    }
}

/// A client of one provider. Both have one type, as the list wants it, since both come from here.
fn client(
    provider: SocketAddr,
) -> impl Service<Prompt, Response = Answer, Error = BoxError, Future: Send>
+ Clone
+ Send
+ Sync
+ 'static {
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    ServiceBuilder::new()
        // Inside the circuit, so that a provider that hangs has failed, and the call moves on.
        .timeout(Duration::from_secs(2))
        .service(service_fn(move |mut prompt: Prompt| {
            let client = client.clone();
            async move {
                // What differs between providers, each client adds: here the host, elsewhere the
                // credentials and the model's name.
                *prompt.uri_mut() = Uri::try_from(format!("http://{provider}/v1/messages"))?;
                let (head, body) = client.request(prompt).await?.into_parts();
                let body = body.collect().await?.to_bytes();
                Ok::<_, BoxError>(Response::from_parts(head, body))
            }
        }))
}
