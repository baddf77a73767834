//! The page itself, and what its policy lets run.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};

use super::*;

async fn page() -> (String, String) {
    let response = get(&search().0, "/").await;
    assert_eq!(response.status(), 200);
    let policy = response.headers()["content-security-policy"].to_str();
    let policy = policy.unwrap().to_owned();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (String::from_utf8(body.to_vec()).unwrap(), policy)
}

/// What stands between the only pair of these tags.
fn only<'a>(page: &'a str, tag: &str) -> &'a str {
    let (before, rest) = page.split_once(&format!("<{tag}>")).unwrap();
    let (inner, after) = rest.split_once(&format!("</{tag}>")).unwrap();
    for beside in [before, after] {
        assert!(
            !beside.contains(&format!("<{tag}")),
            "one {tag}, without attributes"
        );
    }
    inner
}

fn hash(text: &str) -> String {
    format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(text)))
}

#[tokio::test(start_paused = true)]
async fn the_policy_names_the_pages_own_script_and_style_and_nothing_else() {
    let (page, policy) = page().await;
    let [script, style] = ["script", "style"].map(|tag| hash(only(&page, tag)));
    let right = format!(
        "default-src 'none'; script-src {script}; style-src {style}; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    assert_eq!(
        policy, right,
        "the page has changed: write the second of these as SECURITY_POLICY into src/status/page.rs"
    );
}

#[tokio::test(start_paused = true)]
async fn the_page_is_small_and_asks_no_other_host() {
    let (page, _) = page().await;
    assert!(page.len() < 40_000, "{}", page.len());
    for outside in [
        "http:",
        "https:",
        "src=\"//",
        "href=\"//",
        "@import",
        "url(",
    ] {
        // A namespace is a name, and not asked for.
        let page = page.replace("http://www.w3.org/2000/svg", "");
        assert!(!page.contains(outside), "{outside}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_page_asks_for_begins_with_its_own_origin_whatever_its_path_begins_with() {
    let (page, _) = page().await;
    assert!(page.contains("const base = location.origin + location.pathname"));
    for asks in ["fetch(", "new EventSource("] {
        let all = page.matches(asks).count();
        assert_eq!(
            page.matches(&format!("{asks}base + ")).count(),
            all,
            "{asks}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_page_has_nothing_in_attributes_that_its_policy_forbids() {
    let (page, _) = page().await;
    let markup = page.replace(only(&page, "script"), "");
    let markup = markup.replace(only(&markup, "style"), "");
    for word in ["style=", "onclick=", "onload=", "onsubmit=", "javascript:"] {
        assert!(!markup.contains(word), "{word}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_length_of_the_page_is_known_before_it_is_read() {
    let (status, _search) = search();
    let answer = get(&status, "/").await;
    let expected = answer.body().size_hint().exact().unwrap();
    let read = answer.into_body().collect().await.unwrap().to_bytes();
    assert!(expected > 0);
    assert_eq!(read.len() as u64, expected);
}
