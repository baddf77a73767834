//! Ids, names and notes that would be a page's end if they were markup.

use serde_json::json;

use crate::browser::Browser;
use crate::failure::{Failure, ensure};
use crate::load::call;
use crate::stage::{Stage, policy};

const TENANTS: [&str; 4] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(2)>",
    "'-alert(3)-'{{7*7}}${alert(4)}",
    "</script></style><svg onload=alert(5)>",
];
/// Would turn round what is written after it.
const TURNED: &str = "\u{202e}evil\u{2066}&lt;b&gt;";
/// As which it is to be seen.
const ESCAPED: &str = "\\u202eevil\\u2066&lt;b&gt;";
const DEPENDENCY: &str = "<img src=x onerror=alert(6)>";
const NOTE: &str = "</p><iframe src=javascript:alert(7)>";

pub(super) async fn play(browser: &Browser, stage: &mut Stage) -> Result<(), Failure> {
    let hostile = stage.registry.dependency_with(DEPENDENCY, policy()?)?;
    browser.goto(&stage.ops()).await?;
    browser
        .until("a tile for it", &has(".tile h3", DEPENDENCY))
        .await?;
    // While the page looks on, so that its log hears of it.
    for tenant in TENANTS.into_iter().chain([TURNED]) {
        for _ in 0..3 {
            call(&hostile, tenant, false);
        }
    }
    hostile.circuit("acme").force_open(NOTE);
    browser
        .read_until("#headline", "the name as it is", |text| {
            text.starts_with(&format!("{DEPENDENCY} is down for all 5 tenants"))
        })
        .await?;

    let mine = format!("[data-name={DEPENDENCY:?}]");
    browser.click(&format!("{mine} [aria-expanded]")).await?;
    for tenant in TENANTS.into_iter().chain([ESCAPED]) {
        browser
            .until(
                &format!("{tenant:?} among the worst, verbatim"),
                &has(&format!("{mine} .row bdi"), tenant),
            )
            .await?;
    }
    browser
        .read_until("#log", "the ids", |text| {
            TENANTS.iter().take(3).all(|tenant| text.contains(tenant))
        })
        .await?;
    browser
        .read_until("#log", "the note", |text| text.contains(NOTE))
        .await?;
    // Where a person is asked about one of them.
    browser
        .click(&format!("{mine} .row:first-child button"))
        .await?;
    browser.until("a dialog that names it", "return document.querySelector('#act').open && document.querySelector('#act-title').textContent.includes('alert')").await?;
    browser.screenshot("hostile").await?;
    browser.click("#act-cancel").await?;

    let foreign = browser
        .ask("return [...document.querySelectorAll('img, iframe, object, embed, b, svg[onload], script')].map(n => n.outerHTML.slice(0, 60))")
        .await?;
    let only_ours = foreign.as_array().is_some_and(|all| all.len() == 1);
    ensure(only_ours, format!("elements came out of text: {foreign}"))
}

/// Whether one of these elements holds exactly this text.
fn has(css: &str, text: &str) -> String {
    let (css, text) = (json!(css), json!(text));
    format!(
        "return [...document.querySelectorAll({css})].some(node => node.textContent === {text})"
    )
}
