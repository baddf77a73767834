//! Very many tenants.

use serde_json::Value;

use crate::browser::Browser;
use crate::failure::{Failure, ensure};
use crate::load::call;
use crate::stage::Stage;

/// With the thousand that call all the time, the most that a registry has room for.
const CIRCUITS: usize = 99_000;
const OPEN: usize = 5_000;

/// The most elements, all told: of a page with three tiles, forty tenants and a full log.
const ELEMENTS: u64 = 2_500;

/// What the log holds.
const LINES: usize = 200;

/// The longest time between two frames, and how many there were.
const FRAMES: &str = "
    window.frames_ = { longest: 0, count: 0 };
    let last = performance.now();
    const frame = now => {
        frames_.longest = Math.max(frames_.longest, now - last);
        frames_.count++;
        last = now;
        requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
";

pub(super) async fn play(browser: &Browser, stage: &mut Stage) -> Result<(), Failure> {
    let crowd: Vec<_> = (0..CIRCUITS)
        .map(|number| format!("crowd-{number:06}"))
        .collect();
    for tenant in &crowd {
        call(&stage.search, tenant, true);
    }
    browser.goto(&stage.ops()).await?;
    browser
        .read_until("[data-name=search]", "all of them", |text| {
            text.contains("0 of 100,000")
        })
        .await?;
    browser.ask(FRAMES).await?;

    for tenant in &crowd[..OPEN] {
        // Nobody asks for them again, so they stay as they are.
        stage.search.circuit(tenant).open()?;
    }
    browser
        .read_until("#headline", "how many they are", |text| {
            text.starts_with("search is down for 5,000 of 100,000 tenants")
        })
        .await?;
    browser
        .read_until("#log", "that not all is listed", |text| {
            text.contains("more changes came at once")
        })
        .await?;
    browser.click("[data-name=search] [aria-expanded]").await?;
    browser
        .until("twenty, all of them open", &all_open(20))
        .await?;
    browser
        .click("[data-name=search] .tenants > button")
        .await?;
    browser.until("twenty more", &all_open(40)).await?;
    browser.ask("scrollTo(0, 0)").await?;
    browser.screenshot("crowd").await?;

    let elements = browser
        .ask("return document.querySelectorAll('*').length")
        .await?;
    let many = format!("there are {elements} elements, more than {ELEMENTS}");
    ensure(
        elements
            .as_u64()
            .is_some_and(|elements| elements <= ELEMENTS),
        many,
    )?;
    let frames = browser.ask("return frames_").await?;
    let longest = frames["longest"].as_f64().unwrap_or_default();
    let count = frames["count"].as_u64().unwrap_or_default();
    ensure(frames != Value::Null && count > 0, "no frame was drawn")?;
    println!("        {elements} elements; the longest of {count} frames took {longest:.0} ms");
    full_log(browser, stage).await
}

/// So many rows, none of them of a closed circuit.
fn all_open(rows: usize) -> String {
    format!(
        "const rows = [...document.querySelectorAll('[data-name=search] .row')]; return rows.length === {rows} && rows.every(row => row.querySelector('.word').textContent === 'open')"
    )
}

/// A log that is full takes what comes, and lets the oldest go.
async fn full_log(browser: &Browser, stage: &Stage) -> Result<(), Failure> {
    let change = |number: usize| {
        stage.billing.force_open(&format!("change {number}"));
        stage.billing.clear();
    };
    (0..LINES).for_each(change);
    browser.goto(&stage.ops()).await?;
    let lines = "document.querySelectorAll('#log > li').length";
    browser
        .until(
            &format!("a log of {LINES} lines"),
            &format!("return {lines} === {LINES}"),
        )
        .await?;
    // The second in which so many came is over, and there is room for more.
    browser
        .read_until("#log", "how many were left out", |text| {
            text.contains("more changes came at once")
        })
        .await?;
    (LINES..LINES + 10).for_each(change);
    let newest = format!("change {}", LINES + 9);
    browser
        .read_until("#log", &newest, |text| text.contains(&newest))
        .await?;
    let count = browser.ask(&format!("return {lines}")).await?;
    ensure(
        count == LINES,
        format!("the log has {count} lines, not {LINES}"),
    )
}
