//! In a hand.

use crate::browser::Browser;
use crate::failure::{Failure, ensure};
use crate::load::call;
use crate::stage::Stage;

const WIDTH: u32 = 320;

pub(super) async fn play(browser: &Browser, stage: &mut Stage) -> Result<(), Failure> {
    browser.resize(WIDTH, 640, true).await?;
    // One word that fits on no line.
    call(&stage.search, &"x".repeat(128), true);
    browser.goto(&stage.ops()).await?;
    stage.sick.set("search", &stage.tenants[..37]);
    browser
        .read_until("#headline", "that search is down", |text| {
            text.contains("search is down for 37 of")
        })
        .await?;
    browser
        .read_until("#log", "the first who opened", |text| {
            text.contains("37 tenants")
        })
        .await?;
    fits(browser).await?;
    let seen = browser.ask("return document.querySelector('#headline').getBoundingClientRect().bottom <= innerHeight").await?;
    ensure(seen == true, "the headline does not fit on the screen")?;
    browser.screenshot("phone").await?;

    browser.click("[data-name=search] [aria-expanded]").await?;
    browser.write("[data-name=search] input", "x").await?;
    browser
        .until("the long id", "return document.querySelector('.row bdi')?.textContent.length === 128 && document.querySelectorAll('.row').length === 1")
        .await?;
    fits(browser).await?;
    browser.click(".row .act").await?;
    browser.click("[value=force_open]").await?;
    fits(browser).await?;
    browser.click("#act-cancel").await?;
    let small = browser
        .ask("return [...document.querySelectorAll('button')].filter(b => b.checkVisibility()).map(b => b.getBoundingClientRect()).filter(r => r.height < 24 || r.width < 24).length")
        .await?;
    ensure(
        small == 0,
        format!("{small} buttons are too small for a finger"),
    )
}

/// Nothing lies to the right of the screen.
async fn fits(browser: &Browser) -> Result<(), Failure> {
    let width = browser.ask("return Math.max(document.documentElement.scrollWidth, visualViewport.width, document.querySelector('#act').scrollWidth)").await?;
    let width = width.as_f64().unwrap_or(f64::MAX);
    ensure(
        width <= f64::from(WIDTH),
        format!("it is {width} px wide on a screen of {WIDTH}"),
    )
}
