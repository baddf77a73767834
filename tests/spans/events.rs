//! Changes and rejections as events of the span that was current.

use tower_tenant_breaker::{Dependency, Outcome};
use tracing::{Level, info_span};
use tracing_subscriber::filter::Targets;

use crate::exported::{Exported, events, of_event};
use crate::job::{open, printer};

const TRANSITION: &str = "circuit_breaker.transition";
const REJECTION: &str = "circuit_breaker.rejection";

fn trip_and_ask(printer: &Dependency, tenant: &str) {
    info_span!("request").in_scope(|| {
        open(printer, tenant);
        printer.acquire(tenant).unwrap_err();
    });
}

#[test]
fn a_transition_and_a_rejection_are_events_of_the_current_span_with_the_attributes_of_the_metrics()
{
    for tenant in ["acme", "O'Brien & Söhne", r"CORP\alice"] {
        let exported = Exported::up_to(Level::TRACE);
        trip_and_ask(&printer(), tenant);
        let request = exported.named("request");

        let transitions = events(&request, TRANSITION);
        let keys = ["dependency", "tenant.id", "state", "from", "reason"];
        let said = keys.map(|key| of_event(&transitions[0], key));
        let expected = ["printer", tenant, "open", "closed", "consecutive_failures"];
        assert_eq!((transitions.len(), said), (1, expected.map(String::from)));

        let rejections = events(&request, REJECTION);
        let keys = ["dependency", "tenant.id", "state", "reason", "to", "tenant"];
        let said = keys.map(|key| of_event(&rejections[0], key));
        let expected = ["printer", tenant, "open", "consecutive_failures", "", ""];
        assert_eq!((rejections.len(), said), (1, expected.map(String::from)));
    }
}

#[test]
fn an_id_that_could_forge_a_line_is_escaped() {
    let exported = Exported::up_to(Level::TRACE);
    trip_and_ask(&printer(), "ac\nme");
    let request = exported.named("request");
    let [transition] = &events(&request, TRANSITION)[..] else {
        panic!("{request:#?}");
    };
    assert_eq!(of_event(transition, "tenant.id"), r#""ac\nme""#);
}

#[test]
fn what_is_said_outside_of_a_span_is_on_none() {
    let exported = Exported::up_to(Level::TRACE);
    let printer = printer();
    open(&printer, "acme");
    info_span!("request").in_scope(|| ());
    assert!(exported.named("request").events.is_empty());
}

#[test]
fn where_the_level_is_off_nothing_is_on_the_span() {
    let at = |targets: Targets| {
        let exported = Exported::of(targets);
        trip_and_ask(&printer(), "acme");
        let request = exported.named("request");
        let names: Vec<_> = request
            .events
            .iter()
            .map(|event| event.name.to_string())
            .collect();
        names
    };
    let crate_at = |level| at(Targets::new().with_target("tower_tenant_breaker", level));
    assert_eq!(crate_at(Level::WARN), [""; 0]);
    assert_eq!(crate_at(Level::INFO), [TRANSITION]);
    // Without the end of each call.
    let events = Targets::new().with_target("tower_tenant_breaker::event", Level::TRACE);
    assert_eq!(at(events), [TRANSITION, REJECTION]);
}

#[test]
fn a_quota_that_is_used_up_is_a_throttled_call_as_in_the_metrics() {
    let exported = Exported::up_to(Level::TRACE);
    let printer = printer();
    info_span!("request").in_scope(|| {
        printer
            .acquire("acme")
            .unwrap()
            .record(Outcome::QuotaExhausted);
    });
    let request = exported.named("request");
    let ended = events(&request, "circuit_breaker.call_ended");
    assert_eq!(of_event(&ended[0], "outcome"), "throttled");
    let forced = events(&request, "circuit_breaker.override");
    let said = ["of", "tenant.id", "set", "reason"].map(|key| of_event(&forced[0], key));
    assert_eq!(said, ["circuit", "acme", "forced_open", "quota_exhausted"]);
}

#[cfg(feature = "http")]
#[test]
fn a_credential_is_on_no_span_but_its_hash_is() {
    use tower::{Layer, Service, ServiceExt, service_fn};
    use tower_tenant_breaker::http::CredentialTenant;
    use tower_tenant_breaker::{ErrIsFailure, TenantCircuitBreakerLayer};

    let exported = Exported::up_to(Level::TRACE);
    let extractor = CredentialTenant::bearer().key([7; 16]);
    let id = extractor.tenant_id_of("s3cret").as_str().to_owned();
    let mut service = TenantCircuitBreakerLayer::new(printer(), extractor)
        .classify(ErrIsFailure)
        .span_per_call()
        .layer(service_fn(async |_: http::Request<()>| {
            Err::<http::Response<()>, _>(std::io::Error::other("down"))
        }));
    tokio_test::block_on(async {
        for _ in 0..3 {
            let mut request = http::Request::new(());
            let bearer = http::HeaderValue::from_static("Bearer s3cret");
            request.headers_mut().insert("authorization", bearer);
            let ready = service.ready().await.unwrap();
            ready.call(request).await.unwrap_err();
        }
    });
    let spans = exported.spans();
    assert!(!format!("{spans:?}").contains("s3cret"));
    let [_, trips, rejected] = &spans[..] else {
        panic!("{spans:#?}");
    };
    let transitions = events(trips, TRANSITION);
    assert_eq!(of_event(&transitions[0], "tenant.id"), id);
    assert_eq!(crate::exported::of_span(rejected, "tenant.id"), id);
}
