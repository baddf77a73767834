//! Somebody who may look.

use crate::browser::Browser;
use crate::failure::{Failure, ensure};
use crate::stage::Stage;

pub(super) async fn play(browser: &Browser, stage: &mut Stage) -> Result<(), Failure> {
    browser.goto(&stage.look()).await?;
    browser
        .read_until("#headline", "that all is well", |text| {
            text.contains("are well.")
        })
        .await?;
    browser.click("[data-name=search] [aria-expanded]").await?;
    browser
        .until(
            "twenty tenants",
            "return document.querySelectorAll('[data-name=search] .row').length === 20",
        )
        .await?;
    let shown = browser
        .ask("return [...document.querySelectorAll('.act')].filter(button => button.checkVisibility()).length + !document.querySelector('#who').hidden")
        .await?;
    ensure(shown == 0, format!("{shown} things to act with are shown"))
}
