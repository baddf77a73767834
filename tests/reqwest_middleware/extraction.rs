//! Whose call it is, and to whom.

use http::Extensions;
use reqwest::{Method, Request, Response};
use reqwest_middleware::{ClientBuilder, Error, Middleware, Next};
use tower_tenant_breaker::{
    CircuitOpen, CircuitState, ClientRequest, CredentialTenant, Dependency, ExtensionTenant,
    FixedTenant, HeaderTenant, HostTenant, InvalidTenant, MissingReason, MissingTenant,
    OnMissingTenant, Probing, Reason, TaskTenant, TenantCircuitBreakerMiddleware, TenantExtractor,
    UnknownDependency, dependency_fn, tenant_fn,
};

use crate::job::{open, printer, registry};
use crate::stub::{DOWN, OK, Stub};
use crate::upstream::Upstream;
use crate::{TENANT, breaker, get, plain_client, stubbed};

#[derive(Clone)]
struct Account(&'static str);

impl AsRef<str> for Account {
    fn as_ref(&self) -> &str {
        self.0
    }
}

/// Who failed, after one call that says who it is for in every way there is.
async fn failed_by<E>(extractor: E) -> String
where
    E: TenantExtractor<ClientRequest> + Send + Sync + 'static,
{
    let dependency = printer();
    let breaker = TenantCircuitBreakerMiddleware::new(dependency.clone(), extractor);
    let call = stubbed(breaker, &Stub::default())
        .get(DOWN)
        .header(TENANT, "of header")
        .bearer_auth("of-credential")
        .with_extension(Account("of extension"))
        .send();
    TaskTenant::scope("of task", call).await.unwrap();

    let circuits = dependency.circuit_snapshots();
    assert_eq!(circuits.len(), 1);
    assert_eq!(circuits[0].totals.failures, 1);
    circuits[0].tenant.clone().unwrap()
}

#[tokio::test]
async fn every_extractor_finds_its_tenant_in_a_call() {
    assert_eq!(failed_by(HeaderTenant::new(TENANT)).await, "of header");
    assert_eq!(
        failed_by(ExtensionTenant::<Account>::new()).await,
        "of extension"
    );
    let credential = CredentialTenant::bearer();
    let hash = credential.tenant_id_of("of-credential").to_string();
    assert_eq!(failed_by(credential).await, hash);
    assert_eq!(failed_by(HostTenant).await, "stub");
    assert_eq!(failed_by(TaskTenant).await, "of task");
    assert_eq!(failed_by(FixedTenant::new("fixed")).await, "fixed");

    let of_request = tenant_fn(|call: &ClientRequest| Ok(call.request().url().path()[1..].into()));
    assert_eq!(failed_by(of_request).await, "503");
    let of_extensions = tenant_fn(|call: &ClientRequest| {
        let account = call.extensions().get::<Account>();
        Ok(account.ok_or(MissingReason::Absent)?.0.into())
    });
    assert_eq!(failed_by(of_extensions).await, "of extension");
}

#[test]
fn a_bare_request_of_reqwest_names_its_tenant_too() {
    let mut request = Request::new(Method::GET, "http://Stub:8080/".parse().unwrap());
    request
        .headers_mut()
        .insert(TENANT, "acme".parse().unwrap());
    request
        .headers_mut()
        .insert("x-api-key", "s3cret".parse().unwrap());

    assert_eq!(
        HeaderTenant::new(TENANT).extract(&request),
        Ok("acme".into())
    );
    let credential = CredentialTenant::api_key("x-api-key");
    let hash = credential.tenant_id_of("s3cret");
    assert_eq!(credential.extract(&request), Ok(hash));
    assert_eq!(HostTenant.extract(&request), Ok("stub".into()));
}

#[test]
fn a_host_is_in_lower_case_and_has_neither_port_nor_user() {
    let host_of = |url: &str| {
        let request = Request::new(Method::GET, url.parse().unwrap());
        HostTenant
            .extract(&request)
            .map(|tenant| tenant.to_string())
    };
    assert_eq!(
        host_of("https://me:secret@Acme.Example:8443/x").unwrap(),
        "acme.example"
    );
    assert_eq!(host_of("http://127.0.0.1:80/").unwrap(), "127.0.0.1");
    assert_eq!(host_of("http://[::1]:80/").unwrap(), "[::1]");
    assert_eq!(
        host_of("mailto:acme").unwrap_err().reason(),
        MissingReason::Absent
    );
    let endless = format!("http://{}/", "x.".repeat(200));
    assert_eq!(
        host_of(&endless).unwrap_err().reason(),
        MissingReason::TooLong
    );
}

#[tokio::test]
async fn the_dependency_can_be_found_by_the_host() {
    let registry = registry();
    let by_host = dependency_fn(registry.clone(), |call: &ClientRequest| {
        call.request().url().host_str().unwrap_or_default().into()
    });
    let breaker = TenantCircuitBreakerMiddleware::new(by_host, FixedTenant::new("acme"));
    let client = stubbed(breaker, &Stub::default());

    for _ in 0..2 {
        client.get("http://sick/500").send().await.unwrap();
    }
    client.get("http://sick/200").send().await.unwrap_err();
    client.get("http://well/200").send().await.unwrap();
    assert_eq!(registry.open_circuits(), [("sick".into(), "acme".into())]);
}

#[tokio::test]
async fn what_was_looked_at_goes_on_to_the_next_middleware() {
    struct Innermost;
    #[async_trait::async_trait]
    impl Middleware for Innermost {
        async fn handle(
            &self,
            request: Request,
            extensions: &mut Extensions,
            _next: Next<'_>,
        ) -> Result<Response, Error> {
            assert_eq!(extensions.get::<Account>().unwrap().0, "acme");
            assert_eq!(request.body().unwrap().as_bytes(), Some(&b"red shoes"[..]));
            extensions.insert("left by the inner one");
            Ok(crate::stub::response(200, &[]))
        }
    }

    let breaker = TenantCircuitBreakerMiddleware::new(printer(), ExtensionTenant::<Account>::new());
    let client = ClientBuilder::new(plain_client())
        .with(breaker)
        .with(Innermost)
        .build();
    let mut extensions = Extensions::new();
    extensions.insert(Account("acme"));
    let mut request = Request::new(Method::POST, OK.parse().unwrap());
    *request.body_mut() = Some("red shoes".into());
    client
        .execute_with_extensions(request, &mut extensions)
        .await
        .unwrap();

    assert_eq!(extensions.get(), Some(&"left by the inner one"));
    assert_eq!(extensions.get::<Account>().unwrap().0, "acme");
}

// ===== calls without a tenant =====

fn for_nobody(
    dependency: &Dependency,
    on_missing_tenant: OnMissingTenant,
) -> reqwest_middleware::ClientWithMiddleware {
    let breaker = breaker(dependency).on_missing_tenant(on_missing_tenant);
    stubbed(breaker, &Stub::default())
}

#[tokio::test]
async fn a_call_without_a_tenant_runs_unguarded_and_is_counted() {
    let dependency = printer();
    let client = stubbed(breaker(&dependency), &Stub::default());
    for _ in 0..3 {
        assert_eq!(client.get(DOWN).send().await.unwrap().status(), 503);
    }
    assert_eq!(dependency.snapshot().missing_tenant, 3);
    assert!(dependency.is_empty());
}

#[tokio::test]
async fn a_header_that_the_client_itself_adds_comes_too_late_to_name_a_tenant() {
    let upstream = Upstream::start().await;
    let dependency = printer();
    let headers = [(TENANT.parse().unwrap(), "acme".parse().unwrap())];
    let client = reqwest::Client::builder()
        .no_proxy()
        .default_headers(headers.into_iter().collect())
        .build()
        .unwrap();
    let client = ClientBuilder::new(client)
        .with(breaker(&dependency))
        .build();
    client.get(upstream.url("/200")).send().await.unwrap();
    assert_eq!(dependency.snapshot().missing_tenant, 1);
}

#[tokio::test]
async fn a_call_without_a_tenant_can_be_rejected() {
    let dependency = printer();
    let client = for_nobody(&dependency, OnMissingTenant::Reject);
    let error = client.get(OK).send().await.unwrap_err();
    let missing: &MissingTenant = beneath(&error);
    assert_eq!(missing.reason(), MissingReason::Absent);
    assert!(CircuitOpen::find(&error).is_none());

    let empty = tenant_fn(|_: &ClientRequest| Ok("".into()));
    let breaker = TenantCircuitBreakerMiddleware::new(dependency.clone(), empty)
        .on_missing_tenant(OnMissingTenant::Reject);
    let error = stubbed(breaker, &Stub::default())
        .get(OK)
        .send()
        .await
        .unwrap_err();
    assert!(beneath::<InvalidTenant>(&error).is_empty());
}

#[tokio::test]
async fn calls_without_a_tenant_can_share_a_circuit() {
    let dependency = printer();
    let client = for_nobody(&dependency, OnMissingTenant::ShareCircuit);
    for _ in 0..2 {
        client.get(DOWN).send().await.unwrap();
    }
    let error = client.get(OK).send().await.unwrap_err();
    assert_eq!(CircuitOpen::find(&error).unwrap().tenant(), None);
    get(&client, OK, "acme").send().await.unwrap();
}

#[tokio::test]
async fn a_call_to_a_dependency_for_which_there_is_no_room_is_not_sent() {
    let registry = tower_tenant_breaker::CircuitBreakerRegistry::builder()
        .max_dependencies(1)
        .build()
        .unwrap();
    let by_host = dependency_fn(registry.clone(), |call: &ClientRequest| {
        call.request().url().host_str().unwrap_or_default().into()
    });
    let breaker = TenantCircuitBreakerMiddleware::new(by_host, HeaderTenant::new(TENANT))
        .on_missing_tenant(OnMissingTenant::Reject);
    let stub = Stub::default();
    let client = stubbed(breaker, &stub);

    // Without a tenant, it takes up no room either.
    client.get("http://other/200").send().await.unwrap_err();
    assert!(registry.dependencies().is_empty());
    get(&client, OK, "acme").send().await.unwrap();
    let error = get(&client, "http://other/200", "acme")
        .send()
        .await
        .unwrap_err();
    let unknown: &UnknownDependency = beneath(&error);
    assert_eq!(unknown.name(), "other");
    assert_eq!(stub.received(), 1);
}

// ===== probes =====

#[tokio::test(start_paused = true)]
async fn a_write_waits_for_the_proof_of_a_read() {
    let dependency = printer();
    let breaker = breaker(&dependency)
        .probe_if(|call: &ClientRequest| Probing::from(call.request().method().is_safe()));
    let client = stubbed(breaker, &Stub::default());
    open(&dependency, "acme");
    tokio::time::advance(crate::job::OPEN).await;

    let error = client
        .post(OK)
        .header(TENANT, "acme")
        .send()
        .await
        .unwrap_err();
    assert_eq!(CircuitOpen::find(&error).unwrap().reason(), Reason::Barred);
    get(&client, OK, "acme").send().await.unwrap();
    assert_eq!(dependency.state("acme"), CircuitState::Closed);
    client.post(OK).header(TENANT, "acme").send().await.unwrap();
}

/// The first error of this type beneath an error, as anybody finds it who walks the sources.
#[track_caller]
fn beneath<T: std::error::Error + 'static>(error: &Error) -> &T {
    let error: &dyn std::error::Error = error;
    std::iter::successors(error.source(), |error| error.source())
        .find_map(|error| error.downcast_ref())
        .unwrap()
}
