//! The server goes away, and comes back.

use crate::browser::Browser;
use crate::failure::{Failure, ensure};
use crate::server::Server;
use crate::stage::Stage;

pub(super) async fn play(browser: &Browser, stage: &mut Stage) -> Result<(), Failure> {
    browser.goto(&stage.ops()).await?;
    stage.sick.set("search", &stage.tenants[..3]);
    browser
        .read_until("#headline", "that search is down", |text| {
            text.starts_with("search is down for 3 of")
        })
        .await?;

    stage.server.stop();
    let said = browser
        .read_until("#banner", "that the connection is lost", |text| {
            text.starts_with("Connection lost at ")
        })
        .await?;
    ensure(
        said.contains("The figures below are from "),
        format!("it does not say how old they are: {said:?}"),
    )?;
    let frozen = browser.text("#headline-for").await?;
    browser
        .read_until("#banner", "figures that are 3 s old", |text| {
            text.contains(", 3 s old.")
        })
        .await?;
    let still = browser.text("#headline-for").await?;
    ensure(
        frozen == still,
        format!("what is old goes on: {frozen:?}, then {still:?}"),
    )?;
    let title = browser
        .ask("return document.title.startsWith('? ')")
        .await?;
    ensure(title == true, "the tab does not say that it does not know")?;
    browser.screenshot("lost").await?;

    stage.sick.heal();
    let port = stage.server.address.port();
    stage.server = Server::start(&stage.registry, port).await?;
    browser
        .read_until("#banner", "that it is back", |text| {
            text.starts_with("Connected again after ")
        })
        .await?;
    browser
        .read_until("#headline", "that all is well", |text| {
            text.contains("are well.")
        })
        .await?;
    browser
        .until(
            "no banner",
            "return document.querySelector('#banner').hidden",
        )
        .await?;
    // The new server has a token of its own.
    browser.click("[data-name=mail] .doing .act").await?;
    browser.click("[value=force_open]").await?;
    browser.click("#act-do").await?;
    browser
        .read_until("#toast", "that it is done", |text| {
            text.starts_with("Done: mail")
        })
        .await?;

    // The browser's own words for a server that is not there.
    let complaints = browser.complaints().await?;
    let ours: Vec<_> = complaints
        .iter()
        .filter(|text| !text.contains("net::ERR_"))
        .collect();
    ensure(ours.is_empty(), format!("the browser complained: {ours:?}"))
}
