//! Circuits as JSON, by pages and by tenant.

use std::fmt::Write;

use super::*;

fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut uri, byte| {
        write!(uri, "%{byte:02x}").unwrap();
        uri
    })
}

fn tenants(page: &Value) -> Vec<&str> {
    let circuits = page["circuits"].as_array().unwrap();
    let tenant = |circuit: &'_ Value| circuit["tenant"].as_str().map(str::len);
    assert!(circuits.iter().all(|circuit| tenant(circuit).is_some()));
    circuits
        .iter()
        .map(|circuit| circuit["tenant"].as_str().unwrap())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn circuits_come_by_pages_the_open_ones_first() {
    let (status, search) = search();
    for n in 0..50 {
        succeed(&search, &format!("tenant {n:02}"));
    }
    trip(&search, "tenant 33");
    let (code, first) = get_json(&status, "/circuits?dependency=search").await;
    assert_eq!(code, 200);
    assert_eq!(first["dependency"], "search");
    assert_eq!(tenants(&first).len(), 20, "where nothing is said");
    assert_eq!(first["circuits"][0]["tenant"], "tenant 33");
    assert_eq!(first["circuits"][0]["state"], "open");

    let mut seen: Vec<String> = Vec::new();
    let mut after = String::new();
    loop {
        let uri = format!("/circuits?dependency=search&limit=7{after}");
        let (_, page) = get_json(&status, &uri).await;
        seen.extend(tenants(&page).into_iter().map(str::to_owned));
        let Some(next) = page["next"].as_str() else {
            assert_eq!(page["next"], Value::Null);
            break;
        };
        after = format!("&after={next}");
    }
    assert_eq!(seen.len(), 50);
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 50);
}

#[tokio::test(start_paused = true)]
async fn a_page_can_be_of_a_prefix_and_of_those_that_are_not_closed() {
    let (status, search) = search();
    for tenant in ["eu-1", "eu-2", "us-1"] {
        succeed(&search, tenant);
    }
    trip(&search, "eu-2");
    trip(&search, "us-1");
    for (query, expected) in [
        ("prefix=eu-", vec!["eu-2", "eu-1"]),
        ("not_closed=true", vec!["eu-2", "us-1"]),
        ("not_closed=true&prefix=eu-", vec!["eu-2"]),
        ("not_closed=false&prefix=us-", vec!["us-1"]),
        ("prefix=asia", vec![]),
    ] {
        let uri = format!("/circuits?dependency=search&{query}");
        let (_, page) = get_json(&status, &uri).await;
        assert_eq!(tenants(&page), expected, "{query}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_tenant_is_shown_in_all_dependencies() {
    let registry = registry();
    let status = StatusService::new(registry.clone());
    for name in ["ledger", "search"] {
        trip(&declare(&registry, name, policy()), "acme");
    }
    declare(&registry, "mail", policy());
    let (code, shown) = get_json(&status, "/circuits?tenant=acme").await;
    assert_eq!(code, 200);
    assert_eq!(shown["tenant"], "acme");
    let circuits = shown["circuits"].as_array().unwrap();
    let names: Vec<_> = circuits
        .iter()
        .map(|circuit| &circuit["dependency"])
        .collect();
    assert_eq!(names, ["ledger", "search"]);
    let (code, shown) = get_json(&status, "/circuits?tenant=nobody").await;
    assert_eq!((code, &shown["circuits"]), (200, &serde_json::json!([])));
}

#[tokio::test(start_paused = true)]
async fn hostile_ids_are_text_on_their_way_in_and_out() {
    let (status, search) = search();
    let long = "é".repeat(128);
    let hostile = [
        "<script>alert(1)</script>",
        "\"},{\"tenant\":\"globex",
        "line\nevent: overview\ndata: {}\r\n\r\n",
        "\u{2028}\u{2029}\u{0}\u{7f}",
        "a&tenant=b#c?d%20e+f",
        long.as_str(),
    ];
    let mut reader = Reader::greeted(&status).await;
    for tenant in hostile {
        trip(&search, tenant);
        let change = reader.wait_for("change").await;
        assert_eq!(change["tenant"], tenant);
        let uri = format!("/circuits?tenant={}", encoded(tenant));
        let (_, shown) = get_json(&status, &uri).await;
        assert_eq!(shown["tenant"], tenant);
        assert_eq!(shown["circuits"][0]["tenant"], tenant);
        let uri = format!("/circuits?dependency=search&prefix={}", encoded(tenant));
        let (_, page) = get_json(&status, &uri).await;
        assert_eq!(tenants(&page), [tenant]);
    }
    let log = Reader::of(&status).await.wait_for("log").await;
    let logged = log.as_array().unwrap().iter();
    let logged: Vec<_> = logged.map(|change| change["tenant"].as_str()).collect();
    assert_eq!(logged, hostile.map(Some));
}

#[tokio::test(start_paused = true)]
async fn a_bad_query_is_told_the_parameter_the_value_and_the_bound() {
    let (status, _) = search();
    let long = "x".repeat(257);
    for (query, words) in [
        ("", vec!["dependency", "tenant"]),
        (
            "dependency=search&limit=0",
            vec!["limit", "\"0\"", "1 to 1000"],
        ),
        (
            "dependency=search&limit=1001",
            vec!["limit", "\"1001\"", "1 to 1000"],
        ),
        ("dependency=search&limit=-1", vec!["limit", "\"-1\""]),
        ("dependency=search&limit=many", vec!["limit", "\"many\""]),
        (
            "dependency=search&after=acme",
            vec!["after", "\"acme\"", "next"],
        ),
        (
            "dependency=search&not_closed=yes",
            vec!["not_closed", "\"yes\"", "true or false"],
        ),
        (
            "dependency=search&open=true",
            vec!["\"open\"", "not_closed"],
        ),
        ("dependency=search&limit=1&limit=2", vec!["limit", "twice"]),
        (
            "dependency=search&tenant=acme",
            vec!["dependency", "tenant", "exclude"],
        ),
        ("tenant=acme&limit=3", vec!["tenant", "without any other"]),
        ("tenant=", vec!["tenant", "0 bytes", "1 to 256"]),
        (
            &format!("tenant={long}"),
            vec!["tenant", "257 bytes", "1 to 256"],
        ),
        (
            &format!("dependency=search&prefix={long}"),
            vec!["prefix", "257 bytes", "256"],
        ),
    ] {
        let answer = get_json(&status, &format!("/circuits?{query}")).await;
        assert_eq!(answer.0, 400, "{query}");
        for word in words {
            assert!(
                detail(&answer).contains(word),
                "{query}: {}",
                detail(&answer)
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_dependency_is_told_some_that_are_known_and_none_is_made() {
    let registry = registry();
    let status = StatusService::new(registry.clone());
    for n in 0..25 {
        declare(&registry, &format!("tool {n:02}"), policy());
    }
    let answer = get_json(&status, "/circuits?dependency=%22serach").await;
    assert_eq!(answer.0, 404);
    for word in ["\"\\\"serach\"", "\"tool 19\"", "and 5 more"] {
        assert!(detail(&answer).contains(word), "{}", detail(&answer));
    }
    assert!(!detail(&answer).contains("tool 20"));
    assert_eq!(registry.dependencies().len(), 25);
    let long = format!("/circuits?dependency={}", "x".repeat(10_000));
    assert!(detail(&get_json(&status, &long).await).len() < 1_000);
}
