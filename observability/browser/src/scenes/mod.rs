//! What is looked at.

mod connection;
mod crowd;
mod forced;
mod hostile;
mod keyboard;
mod outage;
mod phone;
mod read_only;
mod schemes;

use crate::browser::Browser;
use crate::failure::{Failure, ensure};
use crate::stage::Stage;

/// Plays them, or the one of this name, and returns how many failed.
pub(crate) async fn play(browser: &Browser, only: Option<&str>) -> Result<usize, Failure> {
    let (mut played, mut failed) = (0, 0);
    macro_rules! scenes {
        ($($name:ident: $sentence:literal,)*) => {$(
            if only.is_none_or(|only| only == stringify!($name)) {
                played += 1;
                browser.resize(1280, 1000, false).await?;
                browser.prefer("light").await?;
                // Until it has been looked at, its server is there.
                let mut stage = Stage::set().await?;
                let seen = match $name::play(browser, &mut stage).await {
                    Ok(()) => silent(browser).await,
                    Err(failure) => Err(failure),
                };
                match seen {
                    Ok(()) => println!("ok      {}: {}", stringify!($name), $sentence),
                    Err(failure) => {
                        failed += 1;
                        println!("FAILED  {}: {}\n        {failure}", stringify!($name), $sentence);
                        browser.screenshot(concat!("failed-", stringify!($name))).await?;
                        // What it complained of is not the next one's.
                        browser.complaints().await?;
                    }
                }
                browser.goto("about:blank").await?;
            }
        )*};
    }
    scenes! {
        outage: "an outage is seen to come and go, with how many tenants and since when",
        hostile: "whatever ids, names and notes hold stays text",
        forced: "a forced open works by clicking, rejects, and can be cleared; so does a reset",
        read_only: "without an authoriser there is nothing to act with",
        keyboard: "all of it can be done by keyboard, and the focus stays where it was",
        phone: "on a phone nothing lies beside the screen",
        schemes: "light and dark, all text can be read",
        connection: "a lost connection is said, and so is its return",
        crowd: "100,000 circuits do not make the page large, and the worst come up",
    }
    let unknown = format!("there is no scene {:?}", only.unwrap_or_default());
    ensure(played > 0, unknown)?;
    Ok(failed)
}

/// Nothing broke the Content-Security-Policy, and the console is empty.
async fn silent(browser: &Browser) -> Result<(), Failure> {
    let complaints = browser.complaints().await?;
    ensure(
        complaints.is_empty(),
        format!("the browser complained: {complaints:?}"),
    )
}
