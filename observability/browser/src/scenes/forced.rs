//! An operator acts.

use crate::browser::Browser;
use crate::failure::{Failure, ensure};
use crate::load::call;
use crate::stage::Stage;

const SEARCH: &str = "[data-name=search]";

pub(super) async fn play(browser: &Browser, stage: &mut Stage) -> Result<(), Failure> {
    browser.goto(&stage.ops()).await?;
    browser
        .read_until("#who", "who I am", |text| {
            text == "You are alice, and may act."
        })
        .await?;
    browser
        .read_until("#headline", "that all is well", |text| {
            text.contains("are well.")
        })
        .await?;
    ensure(
        call(&stage.search, "tenant-1", true),
        "the call before was rejected",
    )?;

    // Nothing is chosen, so nothing can be done by a slip.
    browser.click(&format!("{SEARCH} .doing .act")).await?;
    let ready = browser
        .ask("return !document.querySelector('#act-do').disabled")
        .await?;
    ensure(
        ready == false,
        "the dialog can be confirmed before anything is chosen",
    )?;
    browser.click("[value=force_open]").await?;
    browser.select("#act-for", "60000").await?;
    browser.write("#act-note", "their index is broken").await?;
    browser
        .read_until("#act-effect", "what it will do", |text| {
            text == "Every call of all tenants to search will be rejected, and none will probe, for 1 min."
        })
        .await?;
    browser.screenshot("forcing").await?;
    ensure(
        call(&stage.search, "tenant-1", true),
        "it was done before it was confirmed",
    )?;
    browser.click("#act-do").await?;
    browser
        .read_until("#toast", "that it is done", |text| {
            text == "Done: search is forced open."
        })
        .await?;
    ensure(
        !call(&stage.search, "tenant-1", true),
        "search is forced open, and the next call was admitted",
    )?;
    browser
        .read_until("#headline", "that search is forced open", |text| {
            text.starts_with("search is forced open by hand for all 1,000 tenants, for ")
        })
        .await?;
    browser
        .read_until(
            &format!("{SEARCH} .badge"),
            "who, why and for how long",
            |text| {
                text.contains("alice")
                    && text.contains("their index is broken")
                    && text.contains("ends in ")
            },
        )
        .await?;
    browser
        .until(
            "search as the first tile",
            "return document.querySelector('#tiles > :first-child').dataset.name === 'search'",
        )
        .await?;
    browser.screenshot("forced").await?;

    act(browser, &format!("{SEARCH} .doing .act"), "clear").await?;
    browser
        .read_until("#headline", "that all is well again", |text| {
            text.contains("are well.")
        })
        .await?;
    ensure(
        call(&stage.search, "tenant-1", true),
        "search is cleared, and the next call was rejected",
    )?;

    of_one_tenant(stage, browser).await?;
    reset(stage, browser).await
}

async fn of_one_tenant(stage: &Stage, browser: &Browser) -> Result<(), Failure> {
    browser.click(&format!("{SEARCH} [aria-expanded]")).await?;
    browser
        .write(&format!("{SEARCH} input"), "tenant-77")
        .await?;
    let row = format!("{SEARCH} .row:first-child");
    browser
        .read_until(
            &format!("{SEARCH} .tenants .muted"),
            "that there is but eleven",
            |text| text.starts_with("All "),
        )
        .await?;
    browser
        .read_until(&format!("{row} bdi"), "tenant-77", |text| {
            text.starts_with("tenant-77")
        })
        .await?;
    let tenant = browser.text(&format!("{row} bdi")).await?;
    act(browser, &format!("{row} .act"), "force_open").await?;
    ensure(!call(&stage.search, &tenant, true), "its call was admitted")?;
    ensure(
        call(&stage.search, "tenant-1", true),
        "another tenant's call was rejected",
    )?;
    browser
        .read_until(&format!("{SEARCH} .tenants"), "forced open", |text| {
            text.contains("forced open")
        })
        .await?;
    browser
        .read_until(&format!("{SEARCH} .word"), "that some are", |text| {
            text == "Forced for some"
        })
        .await?;
    let its = format!("[aria-label='Act on {tenant} in search']");
    act(browser, &its, "clear").await?;
    ensure(
        call(&stage.search, &tenant, true),
        "it is cleared, and its call was rejected",
    )
}

async fn reset(stage: &Stage, browser: &Browser) -> Result<(), Failure> {
    stage.billing.circuit("tenant-5").open()?;
    ensure(
        !call(&stage.billing, "tenant-5", true),
        "an open circuit admitted a call",
    )?;
    act(browser, "[data-name=billing] .doing .act", "reset").await?;
    ensure(
        call(&stage.billing, "tenant-5", true),
        "billing is reset, and the next call was rejected",
    )
}

/// Opens the dialog, chooses, confirms, and waits until it is done.
async fn act(browser: &Browser, button: &str, what: &str) -> Result<(), Failure> {
    browser
        .ask("document.querySelector('#toast').textContent = ''")
        .await?;
    browser.click(button).await?;
    browser.click(&format!("[value={what}]")).await?;
    browser.click("#act-do").await?;
    browser
        .read_until("#toast", "that it is done", |text| {
            text.starts_with("Done: ")
        })
        .await?;
    browser
        .until(
            "a dialog that is closed",
            "return !document.querySelector('#act').open",
        )
        .await
}
