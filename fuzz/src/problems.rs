//! Rejections as problem documents, and read back.

use std::time::Duration;

use http::Response;
use serde_json::Value;
use tower::BoxError;
use tower_tenant_breaker::http::{error_response, problem_response};
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitOpen, Classify, DeclareError, DefaultClassify, Dependency,
    OpenPeriod, Outcome, Policy, Reason, Rejection,
};

use crate::paused;

/// `how|milliseconds|dependency|tenant|note`: the last takes what is left, bars too.
pub fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut parts = text.splitn(5, '|');
    let mut next = || parts.next().unwrap_or_default();
    let (how, ms, dependency, tenant, note) = (next(), next(), next(), next(), next());
    let period = Duration::from_millis(ms.parse().unwrap_or(1_500));
    paused::play(async {
        let registry = CircuitBreakerRegistry::builder()
            .build()
            .expect("a registry");
        let open_for = period.clamp(Duration::from_millis(1), Duration::from_secs(86_400));
        let policy = Policy::builder()
            .consecutive_failures(1)
            .max_in_flight(1)
            .open_for(OpenPeriod::fixed(open_for).jitter(0.0))
            .build()
            .expect("a policy within its bounds");
        let search = match registry.dependency_with(dependency, policy) {
            Ok(search) => search,
            Err(error) => {
                assert_eq!(error, DeclareError::InvalidName(dependency.len()));
                return;
            }
        };
        let rejection = match rejected(&search, how, tenant, note, period) {
            Ok(rejection) => rejection,
            Err(bad) => return is_a_bad_request(bad),
        };
        let open = rejection
            .circuit_open()
            .expect("the tenant's id is a good one");
        assert_eq!(
            (open.dependency(), open.tenant()),
            (dependency, Some(tenant))
        );
        for response in [
            problem_response(open),
            error_response(rejection.clone().into()),
            error_response(Box::new(Wrapped(rejection.clone().into()))),
        ] {
            is_the_rejection(&response, open);
            is_a_failure_further_out(&response);
        }
        // What the tenant is, and what the operator noted, is not told.
        let another = if tenant == "globex" {
            "initech"
        } else {
            "globex"
        };
        let other = rejected(&search, how, another, "another note", period);
        let other = other.expect("as the first");
        let of_other = problem_response(other.circuit_open().expect("as the first"));
        assert_eq!(
            apart_from_jitter(&problem_response(open)),
            apart_from_jitter(&of_other)
        );
    });
}

/// A rejection for one of the reasons that there are; an error where the tenant's id is none.
fn rejected(
    search: &Dependency,
    how: &str,
    tenant: &str,
    note: &str,
    period: Duration,
) -> Result<Rejection, Rejection> {
    let held = search
        .acquire(tenant)
        .map_err(|rejection| match rejection {
            Rejection::Open(_) => unreachable!("a circuit begins closed"),
            invalid => invalid,
        })?;
    let circuit = search.circuit(tenant);
    match how {
        "saturated" => return Ok(search.acquire(tenant).expect_err("there is one place")),
        "forced" => circuit.force_open(note),
        "forced for" => circuit.force_open_for(note, period),
        "by hand" => circuit
            .open_for(period.clamp(Duration::from_millis(1), Duration::from_secs(86_400)))
            .expect("there is a circuit"),
        "quota" => return Ok(after(search, tenant, held, Outcome::QuotaExhausted)),
        _ => return Ok(after(search, tenant, held, Outcome::failure())),
    }
    let rejection = search.acquire(tenant).expect_err("it was opened");
    circuit.clear();
    Ok(rejection)
}

fn after(
    search: &Dependency,
    tenant: &str,
    held: tower_tenant_breaker::Permit,
    outcome: Outcome,
) -> Rejection {
    held.record(outcome);
    search.acquire(tenant).expect_err("it opened")
}

#[derive(Debug)]
struct Wrapped(BoxError);

impl std::fmt::Display for Wrapped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the call failed")
    }
}

impl std::error::Error for Wrapped {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.0)
    }
}

fn read(response: &Response<String>) -> Value {
    assert_eq!(
        response.headers()["content-type"],
        "application/problem+json"
    );
    let problem: Value = serde_json::from_str(response.body()).expect("the body is JSON");
    assert_eq!(problem["status"], response.status().as_u16());
    problem
}

fn is_the_rejection(response: &Response<String>, open: &CircuitOpen) {
    assert_eq!(response.status(), 503);
    let problem = read(response);
    let members: Vec<&String> = problem.as_object().expect("an object").keys().collect();
    let mut expected = vec!["dependency", "detail", "reason"];
    expected.extend(open.retry_after().map(|_| "retry_after_seconds"));
    expected.extend(["status", "title", "type"]);
    assert_eq!(members, expected, "and no others");
    assert_eq!(problem["dependency"], open.dependency());
    assert_eq!(problem["reason"], open.reason().as_str());
    let header = response.headers().get("retry-after");
    match open.retry_after() {
        None => {
            assert!(matches!(
                open.reason(),
                Reason::Forced | Reason::QuotaExhausted
            ));
            assert_eq!(header, None);
        }
        Some(left) => {
            let seconds = problem["retry_after_seconds"]
                .as_u64()
                .expect("a whole number");
            assert_eq!(header.expect("a header"), &seconds.to_string());
            let said = Duration::from_secs(seconds);
            assert!(seconds >= 1 && said >= left, "not too early");
            let most = left.mul_f64(1.1) + Duration::from_secs(1);
            assert!(said <= most, "{left:?}: {seconds}");
        }
    }
}

/// To another breaker, that of who called us.
fn is_a_failure_further_out(response: &Response<String>) {
    let said = read(response)["retry_after_seconds"].as_u64();
    let outcome = DefaultClassify.classify(Ok::<_, &BoxError>(response));
    let expected = said.map_or(Outcome::failure(), |seconds| {
        Outcome::failure().with_retry_after(Duration::from_secs(seconds))
    });
    assert_eq!(outcome, expected);
}

fn apart_from_jitter(response: &Response<String>) -> Value {
    let mut problem = read(response);
    if let Some(seconds) = problem.get_mut("retry_after_seconds") {
        *seconds = Value::Null;
    }
    problem
}

fn is_a_bad_request(rejection: Rejection) {
    let bytes = match &rejection {
        Rejection::InvalidTenant(invalid) => invalid.len(),
        other => panic!("{other}"),
    };
    assert!(bytes == 0 || bytes > 256);
    let response: Response<String> = error_response(rejection.into());
    assert_eq!(response.status(), 400);
    let problem = read(&response);
    assert_eq!(problem.as_object().expect("an object").len(), 4);
    assert_eq!(problem["type"], "about:blank");
}
