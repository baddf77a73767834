//! By day and by night.

use crate::browser::Browser;
use crate::contrast;
use crate::failure::{Failure, ensure};
use crate::stage::Stage;

pub(super) async fn play(browser: &Browser, stage: &mut Stage) -> Result<(), Failure> {
    browser.goto(&stage.ops()).await?;
    stage.sick.set("search", &stage.tenants[..37]);
    stage.billing.force_open("maintenance until noon");
    browser
        .read_until("#headline", "both", |text| {
            text.starts_with("billing is forced open")
                && text.contains("Also: search (37 of 1,000).")
        })
        .await?;
    browser
        .read_until("#headline", "who is well", |text| {
            text.contains("1 other is well.")
        })
        .await?;
    browser.click("[data-name=search] [aria-expanded]").await?;
    browser
        .until(
            "the worst tenants",
            "return document.querySelectorAll('.row .k-down').length >= 10",
        )
        .await?;
    browser
        .read_until("#log", "what happened", |text| text.contains("37 tenants"))
        .await?;
    browser
        .ask("document.querySelector('[data-name=search]').scrollIntoView()")
        .await?;
    browser.screenshot("tenants").await?;

    let mut grounds = Vec::new();
    for scheme in ["light", "dark"] {
        browser.prefer(scheme).await?;
        contrast::check(browser)
            .await
            .map_err(|failure| Failure(format!("{scheme}: {failure}")))?;
        grounds.push(
            browser
                .ask("return getComputedStyle(document.body).backgroundColor")
                .await?,
        );
        // And the dialog, which lies above it all.
        browser.click("[data-name=search] .doing .act").await?;
        browser.click("[value=force_open]").await?;
        contrast::check(browser)
            .await
            .map_err(|failure| Failure(format!("{scheme}, asked: {failure}")))?;
        browser.click("#act-cancel").await?;
    }
    ensure(
        grounds[0] != grounds[1],
        format!("both are on {}", grounds[0]),
    )?;

    stage.billing.clear();
    browser.click("[data-name=search] [aria-expanded]").await?;
    browser
        .read_until("#headline", "search alone", |text| {
            text.starts_with("search is down") && text.contains("2 others are well.")
        })
        .await?;
    browser
        .until(
            "search as the first tile",
            "return document.querySelector('#tiles > :first-child').dataset.name === 'search'",
        )
        .await?;
    browser.ask("scrollTo(0, 0)").await?;
    browser.screenshot("outage-dark").await
}
