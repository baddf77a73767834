//! Who an HTTP request is for.
#![cfg(feature = "http")]

use http::{HeaderMap, HeaderName, HeaderValue, Request};
use siphasher::sip128::SipHasher24;
use tower_tenant_breaker::http::{CredentialTenant, ExtensionTenant, HeaderTenant};
use tower_tenant_breaker::{MissingReason, MissingTenant, Tenant, TenantExtractor, tenant_fn};

fn missing(reason: MissingReason) -> Result<Tenant<'static>, MissingTenant> {
    Err(reason.into())
}

type Headers<'a> = &'a [(&'static str, &'a [u8])];

fn request(headers: Headers<'_>) -> Request<()> {
    let mut request = Request::new(());
    for (name, value) in headers {
        let value = HeaderValue::from_bytes(value).unwrap();
        request.headers_mut().append(*name, value);
    }
    request
}

// ===== HeaderTenant =====

#[test]
fn a_header_names_the_tenant_exactly_as_it_is_written() {
    let extractor = HeaderTenant::new("x-tenant-id");
    let longest = "x".repeat(256);
    for id in ["acme", "Acme", "Zürich", "a, b", &longest] {
        let request = request(&[("x-tenant-id", id.as_bytes()), ("x-other", b"no")]);
        assert_eq!(extractor.extract(&request), Ok(id.into()));
    }
}

#[test]
fn a_tenant_header_that_is_absent_repeated_empty_too_long_or_not_utf8_is_missing() {
    let extractor = HeaderTenant::new("x-tenant-id");
    let too_long = "x".repeat(257);
    let cases: [(Headers<'_>, MissingReason); 7] = [
        (&[], MissingReason::Absent),
        (&[("x-tenant", b"acme")], MissingReason::Absent),
        (&[("x-tenant-id", b"")], MissingReason::Empty),
        (
            &[("x-tenant-id", too_long.as_bytes())],
            MissingReason::TooLong,
        ),
        (&[("x-tenant-id", b"ac\xffme")], MissingReason::NotUtf8),
        (
            &[("x-tenant-id", b"acme"), ("x-tenant-id", b"globex")],
            MissingReason::Repeated,
        ),
        // Not even where both say the same: the next hop may see only one.
        (
            &[("x-tenant-id", b"acme"), ("x-tenant-id", b"acme")],
            MissingReason::Repeated,
        ),
    ];
    for (headers, reason) in cases {
        assert_eq!(extractor.extract(&request(headers)), missing(reason));
    }
}

#[test]
fn the_name_of_a_header_is_checked_when_the_extractor_is_made() {
    const IN_A_CONSTANT: HeaderTenant = HeaderTenant::new("x-tenant-id");
    let acme = request(&[("x-tenant-id", b"acme")]);
    for extractor in [
        IN_A_CONSTANT,
        HeaderTenant::try_new("X-Tenant-ID").unwrap(),
        HeaderTenant::try_new(String::from("x-tenant-id")).unwrap(),
        HeaderTenant::from(HeaderName::from_static("x-tenant-id")),
    ] {
        assert_eq!(extractor.extract(&acme), Ok("acme".into()));
    }
    for name in ["", "x tenant", "x-tenant-id:", "x-tenänt"] {
        assert!(HeaderTenant::try_new(name).is_err(), "{name}");
        assert!(CredentialTenant::try_api_key(name).is_err(), "{name}");
    }
    assert!(std::panic::catch_unwind(|| HeaderTenant::new("x tenant")).is_err());
}

// ===== ExtensionTenant =====

#[test]
fn an_extension_names_the_tenant_by_its_type() {
    #[derive(Clone)]
    struct Account(&'static str);
    impl AsRef<str> for Account {
        fn as_ref(&self) -> &str {
            self.0
        }
    }

    let extractor = ExtensionTenant::<Account>::new();
    let mut request = Request::new(());
    request
        .extensions_mut()
        .insert(String::from("not this one"));
    assert_eq!(extractor.extract(&request), missing(MissingReason::Absent));

    request.extensions_mut().insert(Account("acme"));
    assert_eq!(extractor.extract(&request), Ok("acme".into()));
    assert_eq!(
        ExtensionTenant::<String>::new().extract(&request),
        Ok("not this one".into())
    );

    request.extensions_mut().insert(Account(""));
    assert_eq!(extractor.extract(&request), missing(MissingReason::Empty));
}

#[test]
fn an_extension_tenant_asks_nothing_of_its_type_to_be_copied_and_sent() {
    struct Unsendable(#[expect(dead_code)] std::rc::Rc<()>);
    fn anywhere<T: Copy + Send + Sync + std::fmt::Debug + 'static>(_: T) {}
    anywhere(ExtensionTenant::<Unsendable>::new());
}

// ===== CredentialTenant =====

#[test]
fn a_bearer_token_is_found_whatever_the_case_of_its_scheme() {
    let extractor = CredentialTenant::bearer();
    let id = extractor.tenant_id_of("s3cret");
    for value in [
        "Bearer s3cret",
        "bearer s3cret",
        "BEARER   s3cret",
        "bEaReR s3cret ",
    ] {
        let request = request(&[("authorization", value.as_bytes())]);
        assert_eq!(extractor.extract(&request), Ok(id.clone()), "{value}");
    }
    let other = request(&[("authorization", b"Bearer S3cret")]);
    assert_ne!(extractor.extract(&other), Ok(id));
}

#[test]
fn a_bearer_token_that_is_absent_malformed_or_repeated_is_missing() {
    let extractor = CredentialTenant::bearer();
    for value in [
        "",
        "s3cret",
        "Bearer",
        "Bearer ",
        "Bearer    ",
        "Bearers3cret",
        "Bearer\ts3cret",
        "Bearer two words",
        "Bearer two\twords",
        "Bear s3cret",
        "Basic dXNlcjpwYXNz",
        "Bearér s3cret",
    ] {
        let request = request(&[("authorization", value.as_bytes())]);
        assert_eq!(
            extractor.extract(&request),
            missing(MissingReason::Malformed),
            "{value}"
        );
    }
    assert_eq!(
        extractor.extract(&request(&[])),
        missing(MissingReason::Absent)
    );
    let twice = request(&[
        ("authorization", b"Bearer a"),
        ("authorization", b"Bearer a"),
    ]);
    assert_eq!(extractor.extract(&twice), missing(MissingReason::Repeated));
}

#[test]
fn an_api_key_is_the_whole_value_of_its_header() {
    let extractor = CredentialTenant::api_key("x-api-key");
    for key in ["k-123", "two words", "x".repeat(4_000).as_str()] {
        let request = request(&[("x-api-key", key.as_bytes())]);
        assert_eq!(extractor.extract(&request), Ok(extractor.tenant_id_of(key)));
    }
    // Bytes that are no text are a credential like any other.
    let bytes = request(&[("x-api-key", b"\xff\xfe")]);
    assert_eq!(
        extractor.extract(&bytes),
        Ok(extractor.tenant_id_of(b"\xff\xfe"))
    );

    let cases: [(Headers<'_>, MissingReason); 3] = [
        (&[], MissingReason::Absent),
        (&[("x-api-key", b"")], MissingReason::Empty),
        (
            &[("x-api-key", b"a"), ("x-api-key", b"b")],
            MissingReason::Repeated,
        ),
    ];
    for (headers, reason) in cases {
        assert_eq!(extractor.extract(&request(headers)), missing(reason));
    }
}

#[test]
fn a_credentials_id_is_its_siphash_in_32_hexadecimal_digits() {
    let key = *b"0123456789abcdef";
    let extractor = CredentialTenant::bearer().key(key);
    for credential in ["", "a", "s3cret", &"x".repeat(1_000)] {
        let hash = SipHasher24::new_with_key(&key).hash(credential.as_bytes());
        let digits = hash
            .as_u128()
            .to_le_bytes()
            .map(|byte| format!("{byte:02x}"));
        assert_eq!(extractor.tenant_id_of(credential).as_str(), digits.concat());
    }
}

#[test]
fn a_credentials_id_is_what_the_authors_of_siphash_publish() {
    // The first vectors of SipHash-2-4-128: key 00 01 .. 0f, messages of no byte and of one.
    let key: [u8; 16] = std::array::from_fn(|byte| byte as u8);
    let extractor = CredentialTenant::bearer().key(key);
    assert_eq!(
        extractor.tenant_id_of([]).as_str(),
        "a3817f04ba25a8e66df67214c7550293"
    );
    assert_eq!(
        extractor.tenant_id_of([0]).as_str(),
        "da87c1d86b99af44347659119b22fc45"
    );
}

#[test]
fn extractors_agree_in_one_process_and_between_processes_under_one_key() {
    let bearer = CredentialTenant::bearer();
    let api_key = CredentialTenant::api_key("x-api-key");
    assert_eq!(bearer.tenant_id_of("k"), api_key.tenant_id_of("k"));
    assert_eq!(bearer.tenant_id_of("k"), bearer.clone().tenant_id_of("k"));

    let keyed = CredentialTenant::bearer().key([7; 16]);
    assert_ne!(bearer.tenant_id_of("k"), keyed.tenant_id_of("k"));
    assert_eq!(
        keyed.tenant_id_of("k"),
        CredentialTenant::api_key("x")
            .key([7; 16])
            .tenant_id_of("k")
    );
    assert_ne!(
        keyed.tenant_id_of("k"),
        CredentialTenant::bearer().key([8; 16]).tenant_id_of("k")
    );
}

#[test]
fn without_a_key_every_process_gives_a_credential_another_id() {
    const CHILD: &str = "TENANT_BREAKER_TEST_CHILD";
    const NAME: &str = "without_a_key_every_process_gives_a_credential_another_id";
    let here = CredentialTenant::bearer().tenant_id_of("k");
    if std::env::var_os(CHILD).is_some() {
        println!("id={here}.");
        return;
    }
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", NAME, "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let said = String::from_utf8(child.stdout).unwrap();
    let (_, said) = said.split_once("id=").unwrap();
    let (there, _) = said.split_once('.').unwrap();
    assert_eq!(there.len(), 32);
    assert_ne!(here.as_str(), there);
}

#[test]
fn neither_key_nor_credential_is_ever_shown() {
    let extractor = CredentialTenant::api_key("x-api-key").key(*b"0123456789abcdef");
    let shown = format!("{extractor:?}");
    assert_eq!(
        shown,
        r#"CredentialTenant { place: ApiKey("x-api-key"), .. }"#
    );

    let with_key = request(&[("x-api-key", b"s3cret")]);
    let tenant = extractor.extract(&with_key).unwrap();
    assert!(!format!("{tenant:?} {tenant}").contains("s3cret"));

    let malformed = request(&[("authorization", b"Basic s3cret")]);
    let error = CredentialTenant::bearer().extract(&malformed).unwrap_err();
    assert!(!format!("{error:?} {error}").contains("s3cret"));
}

#[test]
fn headers_alone_are_enough_for_requests_of_other_types() {
    let headers: HeaderMap = request(&[("x-tenant-id", b"acme"), ("x-api-key", b"k")])
        .headers()
        .clone();
    struct Call {
        headers: HeaderMap,
    }
    let call = Call { headers };

    let header = HeaderTenant::new("x-tenant-id");
    let extractor = tenant_fn(move |call: &Call| header.of_headers(&call.headers));
    assert_eq!(extractor.extract(&call), Ok("acme".into()));

    let api_key = CredentialTenant::api_key("x-api-key");
    let id = api_key.tenant_id_of("k");
    let extractor = tenant_fn(move |call: &Call| api_key.of_headers(&call.headers));
    assert_eq!(extractor.extract(&call), Ok(id));
}

#[test]
fn extractors_of_http_can_go_anywhere() {
    fn anywhere<T: Clone + Send + Sync + 'static>(_: &T) {}
    anywhere(&HeaderTenant::new("x-tenant-id"));
    anywhere(&CredentialTenant::bearer());
    anywhere(&ExtensionTenant::<String>::new());
}
