//! Tenants out of hostile heads: what is believed, what is not, and that no credential gets out.

use http::header::AUTHORIZATION;
use http::{HeaderMap, Request};
use tower_tenant_breaker::http::{CredentialTenant, HeaderTenant};
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitState, MAX_TENANT_BYTES, MissingReason, MissingTenant, Outcome,
    Policy, Tenant, TenantExtractor,
};

const HEADER: &str = "x-tenant-id";
const API_KEY: &str = "x-api-key";
const KEY: [u8; 16] = *b"sixteen of bytes";

pub fn check(data: &[u8]) {
    let headers = crate::head::headers(data);
    let mut request = Request::new(());
    request.headers_mut().clone_from(&headers);

    let named = HeaderTenant::new(HEADER).extract(&request);
    is_what_the_header_says(&named, &headers);

    let bearer = CredentialTenant::bearer().key(KEY);
    let token = bearer_token(&headers);
    is_the_hash_of(&bearer, bearer.extract(&request), token);

    let api_key = CredentialTenant::api_key(API_KEY).key(KEY);
    let credential = only(&headers, API_KEY).and_then(not_empty);
    is_the_hash_of(&api_key, api_key.extract(&request), credential);

    let tenants = [named, bearer.extract(&request), api_key.extract(&request)];
    have_circuits_of_their_own(tenants.iter().flatten());
    anything_else_is_refused(data);
}

/// What is there exactly once.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a [u8], MissingReason> {
    let values: Vec<_> = headers.get_all(name).iter().collect();
    match values[..] {
        [] => Err(MissingReason::Absent),
        [value] => Ok(value.as_bytes()),
        _ => Err(MissingReason::Repeated),
    }
}

fn not_empty(value: &[u8]) -> Result<&[u8], MissingReason> {
    match value {
        [] => Err(MissingReason::Empty),
        value => Ok(value),
    }
}

fn is_what_the_header_says(named: &Result<Tenant<'_>, MissingTenant>, headers: &HeaderMap) {
    let expected = only(headers, HEADER).and_then(|value| {
        let id = std::str::from_utf8(value).map_err(|_| MissingReason::NotUtf8)?;
        match id.len() {
            0 => Err(MissingReason::Empty),
            1..=MAX_TENANT_BYTES => Ok(id),
            _ => Err(MissingReason::TooLong),
        }
    });
    match (named, expected) {
        (Ok(tenant), Ok(id)) => {
            assert_eq!(tenant.as_str(), id, "taken as it is");
            assert_eq!(tenant.clone().into_owned(), *tenant);
            assert_eq!(Tenant::inline(id).is_some(), id.len() <= 64);
        }
        (Err(missing), Err(reason)) => says_nothing_but(missing, reason),
        (named, expected) => panic!("{named:?}, but expected {expected:?}"),
    }
}

/// A scheme in any case, spaces, one word.
fn bearer_token(headers: &HeaderMap) -> Result<&[u8], MissingReason> {
    let value = only(headers, AUTHORIZATION.as_str())?;
    let mut words = value
        .split(|byte| matches!(byte, b' ' | b'\t'))
        .filter(|word| !word.is_empty());
    let is_bearer = |scheme: &[u8]| scheme.eq_ignore_ascii_case(b"bearer");
    let scheme_ends = value.get(6) == Some(&b' ') && value.get(..6).is_some_and(is_bearer);
    match (words.next(), words.next(), words.next()) {
        (Some(_), Some(token), None) if scheme_ends => Ok(token),
        _ => Err(MissingReason::Malformed),
    }
}

fn is_the_hash_of(
    extractor: &CredentialTenant,
    tenant: Result<Tenant<'_>, MissingTenant>,
    credential: Result<&[u8], MissingReason>,
) {
    match (tenant, credential) {
        (Ok(tenant), Ok(credential)) => {
            let id = tenant.as_str();
            assert_eq!(id.len(), 32);
            let is_digit = |digit: u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
            assert!(id.bytes().all(is_digit), "{id}");
            assert_eq!(tenant, extractor.tenant_id_of(credential));
            // Of another key, and so of another process, it is another.
            let elsewhere = extractor.clone().key([7; 16]);
            assert_ne!(tenant, elsewhere.tenant_id_of(credential));
            let longer = [credential, b"0"].concat();
            assert_ne!(tenant, extractor.tenant_id_of(longer));
            // What is shown is the hash, and for the rest the same for all of them.
            let shown = |tenant: &Tenant<'_>| {
                format!("{tenant} {tenant:?} {extractor:?}").replace(tenant.as_str(), "#")
            };
            let another = extractor.tenant_id_of(b"another credential");
            assert_eq!(shown(&tenant), shown(&another));
        }
        (Err(missing), Err(reason)) => says_nothing_but(&missing, reason),
        (tenant, credential) => panic!("{tenant:?}, but expected {:?}", credential.is_ok()),
    }
}

/// The words depend on the reason alone, so nothing of the request can be in them.
fn says_nothing_but(missing: &MissingTenant, reason: MissingReason) {
    assert_eq!(missing.reason(), reason);
    let plain = MissingTenant::new(reason);
    assert_eq!(missing.to_string(), plain.to_string());
    assert_eq!(format!("{missing:?}"), format!("{plain:?}"));
}

fn have_circuits_of_their_own<'a>(tenants: impl Iterator<Item = &'a Tenant<'a>>) {
    let mut ids: Vec<&str> = tenants.map(Tenant::as_str).collect();
    ids.sort_unstable();
    ids.dedup();
    let registry = CircuitBreakerRegistry::builder()
        .max_tenants(4)
        .build()
        .expect("a registry");
    let policy = Policy::builder().consecutive_failures(1).build();
    let search = registry
        .dependency_with("search", policy.expect("a policy within its bounds"))
        .expect("a name");
    for (open, id) in ids.iter().enumerate() {
        assert_eq!(search.state(id), CircuitState::Closed);
        let permit = search.acquire(id).expect("a circuit begins closed");
        permit.record(Outcome::failure());
        assert_eq!(search.state(id), CircuitState::Open);
        assert_eq!(search.len(), open + 1);
        assert_eq!(search.circuit(id).tenant(), *id);
    }
    assert_eq!(search.open_circuits(), ids, "sorted");
}

/// Ids from elsewhere than an extractor.
fn anything_else_is_refused(data: &[u8]) {
    let Ok(id) = std::str::from_utf8(data) else {
        return;
    };
    let registry = CircuitBreakerRegistry::builder()
        .build()
        .expect("a registry");
    let search = registry.dependency("search").expect("there is room");
    match search.acquire(id) {
        Ok(permit) => {
            permit.record(Outcome::Success);
            assert!((1..=MAX_TENANT_BYTES).contains(&id.len()));
            assert_eq!(search.len(), 1);
        }
        Err(rejection) => {
            assert!(rejection.circuit_open().is_none());
            assert!(id.is_empty() || id.len() > MAX_TENANT_BYTES);
            assert_eq!(search.len(), 0);
            let plain = search.acquire(&"x".repeat(id.len())).expect_err("as long");
            assert_eq!(rejection.to_string(), plain.to_string());
        }
    }
    // Reading makes no circuit, of whatever name.
    let before = search.len();
    let _ = (
        search.state(id),
        search.effective_state(id),
        search.circuit(id).would_admit(),
    );
    assert_eq!(search.len(), before);
}
