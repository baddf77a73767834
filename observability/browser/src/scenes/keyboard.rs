//! Without a mouse.

use fantoccini::key::Key;

use crate::browser::Browser;
use crate::failure::{Failure, ensure};
use crate::stage::Stage;

/// More than there are places for the focus before the last tile.
const TABS: usize = 30;

pub(super) async fn play(browser: &Browser, stage: &mut Stage) -> Result<(), Failure> {
    browser.goto(&stage.ops()).await?;
    browser
        .read_until("#who", "who I am", |text| !text.is_empty())
        .await?;
    tab_to(browser, "Tenants of search").await?;
    let outline = browser.ask("const s = getComputedStyle(document.activeElement); return s.outlineStyle + ' ' + parseFloat(s.outlineWidth)").await?;
    ensure(
        outline == "solid 3",
        format!("the focus is not to be seen: {outline}"),
    )?;
    browser.press(Key::Enter).await?;
    browser
        .until(
            "twenty tenants",
            "return document.querySelectorAll('[data-name=search] .row').length === 20",
        )
        .await?;

    // Tiles change places as search falls ill; the focus is not lost to that.
    stage.sick.set("search", &stage.tenants[..5]);
    browser
        .until(
            "search as the first tile",
            "return document.querySelector('#tiles > :first-child').dataset.name === 'search'",
        )
        .await?;
    ensure(
        focus(browser).await? == "Tenants of search",
        "the focus went away with an update",
    )?;

    // The rows change places too.
    browser
        .until(
            "an open circuit as the first row",
            "return document.querySelector('.row:first-child .word').textContent === 'open'",
        )
        .await?;
    tab_to(browser, "Act on tenant-").await?;
    let held = focus(browser).await?;
    browser.press(Key::Enter).await?;
    browser
        .until("a dialog", "return document.querySelector('#act').open")
        .await?;
    browser.press(Key::Escape).await?;
    browser
        .until("no dialog", "return !document.querySelector('#act').open")
        .await?;
    let back = focus(browser).await?;
    ensure(
        back == held,
        format!("the focus is on {back:?} after the dialog, not on {held:?}"),
    )?;

    tab_to(browser, "More tenants of search").await?;
    browser.press(Key::Enter).await?;
    browser
        .until(
            "forty tenants",
            "return document.querySelectorAll('[data-name=search] .row').length === 40",
        )
        .await?;
    // All the way through, and out again: no trap.
    tab_to(browser, "Act on mail").await?;
    tab_to(browser, "Tenants of search").await?;
    browser.press(Key::Enter).await?;
    browser
        .until(
            "the tenants folded away",
            "return document.querySelector('[data-name=search] .tenants').hidden",
        )
        .await
}

/// What the focus is on.
async fn focus(browser: &Browser) -> Result<String, Failure> {
    let label = browser.ask("return document.activeElement.getAttribute('aria-label') ?? document.activeElement.tagName").await?;
    Ok(label.as_str().unwrap_or_default().to_owned())
}

async fn tab_to(browser: &Browser, label: &str) -> Result<(), Failure> {
    let mut passed = Vec::new();
    for _ in 0..TABS + 60 {
        browser.press(Key::Tab).await?;
        let now = focus(browser).await?;
        if now.starts_with(label) {
            return Ok(());
        }
        passed.push(now);
    }
    Err(Failure(format!(
        "no Tab leads to {label:?}, but to {passed:?}"
    )))
}
