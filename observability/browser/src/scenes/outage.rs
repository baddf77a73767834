//! The first ten seconds of whoever was woken.

use tokio::time::Instant;

use crate::browser::Browser;
use crate::failure::{Failure, ensure};
use crate::stage::{Stage, unix_ms};

const SICK: usize = 37;

pub(super) async fn play(browser: &Browser, stage: &mut Stage) -> Result<(), Failure> {
    browser.goto(&stage.ops()).await?;
    well(browser).await?;
    // A sparkline needs a few samples to be one.
    browser
        .until(
            "a line of ten samples",
            "return document.querySelector('.spark path:last-child')?.getAttribute('d').split('L').length >= 10",
        )
        .await?;
    browser.screenshot("well").await?;

    stage.sick.set("search", &stage.tenants[..SICK]);
    let headline = browser
        .read_until(
            "#headline",
            "that search is down for 37 of 1,000 tenants",
            |text| {
                text.starts_with("search is down for 37 of 1,000 tenants, for ")
                    && text.contains("(since ")
            },
        )
        .await?;
    let others = format!("the headline does not say that the others are well: {headline:?}");
    ensure(headline.contains("2 others are well."), others)?;
    since(browser, stage).await?;
    let tile = browser.text("#tiles > :first-child").await?;
    for said in [
        "search",
        "Down for 37 of 1,000 tenants",
        "3.7 %",
        "37 of 1,000",
    ] {
        ensure(
            tile.contains(said),
            format!("the first tile does not say {said:?}: {tile:?}"),
        )?;
    }
    let title = browser.ask("return document.title").await?;
    let title = title.as_str().unwrap_or_default();
    let silent = format!("the tab says {title:?}");
    ensure(title.starts_with("✖ search: 37 of 1,000"), silent)?;
    browser
        .read_until("#log", "that 37 tenants opened", |text| {
            text.contains("37 tenants (") && text.contains("3 failures in a row")
                || text.contains("37 tenants (") && text.contains("consecutive failures")
        })
        .await?;
    browser
        .until(
            "calls that are rejected",
            "return !document.querySelector('#tiles > :first-child').innerText.includes('0/s')",
        )
        .await?;
    browser.screenshot("outage").await?;

    stage.sick.heal();
    well(browser).await?;
    browser
        .read_until("#log", "that they closed again", |text| {
            text.contains("closed again")
        })
        .await?;

    stage.sick.set("billing", stage.tenants.iter());
    browser
        .read_until("#headline", "that billing is down for all", |text| {
            text.starts_with("billing is down for all 1,000 tenants, for ")
        })
        .await?;
    let badge = browser.text("[data-name=billing] .badge").await?;
    let silent = format!("the tile does not say what the outage was declared for: {badge:?}");
    ensure(
        badge.contains("active tenants were down when it was declared"),
        silent,
    )?;
    browser.screenshot("everybody").await?;
    stage.sick.heal();
    well(browser).await
}

async fn well(browser: &Browser) -> Result<(), Failure> {
    browser
        .read_until("#headline", "that all is well", |text| {
            text.starts_with("All 3 dependencies are well.")
        })
        .await?;
    browser
        .until("a tile for each, with calls", "return [...document.querySelectorAll('.tile')].filter(t => /[1-9][\\d,.]*\\/s/.test(t.innerText)).length === 3")
        .await
}

/// The headline names the instant at which the first circuit opened, and keeps to it.
async fn since(browser: &Browser, stage: &Stage) -> Result<(), Failure> {
    browser
        .read_until("#headline-for", "that it lasts for 5 s", |text| {
            text.contains(" for 5 s")
        })
        .await?;
    let trips = stage.tenants[..SICK].iter().filter_map(|tenant| {
        let snapshot = stage.search.circuit(tenant).snapshot()?;
        Some(snapshot.last_trip?.at)
    });
    let first = trips
        .min()
        .ok_or_else(|| Failure("no circuit has opened".to_owned()))?;
    let ago = Instant::now().saturating_duration_since(first);
    let began = unix_ms() - ago.as_secs_f64() * 1000.0;
    let at = browser
        .ask("return Date.parse(document.querySelector('#headline-since').dateTime)")
        .await?;
    let at = at.as_f64().unwrap_or_default();
    let wrong = format!("since {at}, and the first circuit opened at {began}");
    // The page does not follow what trembles by less than 1.5 s.
    ensure((at - began).abs() < 1_600.0, wrong)?;
    let said = browser.text("#headline-since").await?;
    // The zone of the browser, which is not the machine's.
    let script = format!(
        "return new Intl.DateTimeFormat('en-GB', {{ timeStyle: 'medium', timeZone: 'Europe/Berlin' }}).format(new Date({at}))"
    );
    let local = browser.ask(&script).await?;
    let local = local.as_str().unwrap_or_default();
    ensure(
        said == format!("(since {local})"),
        format!("{said:?} is not {local} of the reader's zone"),
    )?;
    let utc = browser
        .ask("return document.querySelector('#headline-since').title.endsWith(' UTC')")
        .await?;
    ensure(utc == true, "the instant has no title in UTC")
}
