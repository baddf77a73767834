//! The browser, and what a person does with it: look, click, type, wait until something is there.

use std::path::PathBuf;
use std::time::Duration;

use fantoccini::key::Key;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Map, Value, json};
use tokio::time::{Instant, sleep};

use crate::args::Args;
use crate::command::Command;
use crate::failure::{Failure, ensure};

/// After which what should come counts as not coming; the page is told the figures every two seconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// Notes down what no page of ours may do, before any of its own scripts runs.
const WITNESS: &str = "
    window.seen = [];
    addEventListener('securitypolicyviolation', e => seen.push(`${e.violatedDirective} ${e.blockedURI}`));
    addEventListener('error', e => seen.push(`error ${e.message}`));
    addEventListener('unhandledrejection', e => seen.push(`rejection ${e.reason}`));
    for (const name of ['alert', 'confirm', 'prompt']) window[name] = text => { seen.push(`${name} ${text}`); };
";

#[derive(Debug)]
pub(crate) struct Browser {
    client: Client,
    version: String,
    screenshots: PathBuf,
}

impl Browser {
    pub(crate) async fn open(args: &Args) -> Result<Self, Failure> {
        let mut flags: Vec<_> = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            "--window-size=1280,1000",
        ]
        .map(str::to_owned)
        .into();
        let profile = std::env::temp_dir().join(format!("breaker-page-{}", std::process::id()));
        flags.push(format!("--user-data-dir={}", profile.display()));
        let mut options = json!({ "args": flags });
        if let Some(chromium) = &args.chromium {
            options["binary"] = chromium.as_str().into();
        }
        let mut capabilities = Map::new();
        capabilities.insert("goog:chromeOptions".to_owned(), options);
        capabilities.insert("goog:loggingPrefs".to_owned(), json!({ "browser": "ALL" }));

        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&args.driver)
            .await?;
        let version = client.capabilities().map(|all| {
            let [name, version] = ["browserName", "browserVersion"].map(|name| all.get(name));
            let word =
                |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or("?").to_owned();
            format!("{} {}", word(name), word(version))
        });
        let browser = Self {
            client,
            version: version.unwrap_or_default(),
            screenshots: args.screenshots.clone(),
        };
        let witness = json!({ "source": WITNESS });
        browser
            .devtools("Page.addScriptToEvaluateOnNewDocument", witness)
            .await?;
        // What is not written down here depends on where it runs.
        let zone = json!({ "timezoneId": "Europe/Berlin" });
        browser
            .devtools("Emulation.setTimezoneOverride", zone)
            .await?;
        Ok(browser)
    }

    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    pub(crate) async fn close(self) -> Result<(), Failure> {
        Ok(self.client.close().await?)
    }

    pub(crate) async fn devtools(&self, name: &str, params: Value) -> Result<(), Failure> {
        self.client
            .issue_cmd(Command::devtools(name, params))
            .await?;
        Ok(())
    }

    /// The size of the window as the page sees it.
    pub(crate) async fn resize(&self, width: u32, height: u32, phone: bool) -> Result<(), Failure> {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": if phone { 2 } else { 1 }, "mobile": phone });
        self.devtools("Emulation.setDeviceMetricsOverride", size)
            .await
    }

    /// `light` or `dark`.
    pub(crate) async fn prefer(&self, scheme: &str) -> Result<(), Failure> {
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", features).await
    }

    pub(crate) async fn goto(&self, url: &str) -> Result<(), Failure> {
        Ok(self.client.goto(url).await?)
    }

    /// What this script, the body of a function, returns.
    pub(crate) async fn ask(&self, script: &str) -> Result<Value, Failure> {
        Ok(self.client.execute(script, Vec::new()).await?)
    }

    /// The text of what this selector finds first, as a person sees it.
    pub(crate) async fn text(&self, css: &str) -> Result<String, Failure> {
        let text = self
            .ask(&format!(
                "return document.querySelector({css:?})?.innerText ?? ''"
            ))
            .await?;
        // The page keeps durations on one line.
        Ok(text.as_str().unwrap_or_default().replace('\u{a0}', " "))
    }

    /// Waits until the text there is as wished, and returns it.
    pub(crate) async fn read_until(
        &self,
        css: &str,
        wish: &str,
        is_it: impl Fn(&str) -> bool,
    ) -> Result<String, Failure> {
        let end = Instant::now() + PATIENCE;
        loop {
            let text = self.text(css).await?;
            if is_it(&text) {
                return Ok(text);
            }
            let waited = PATIENCE.as_secs();
            let late = format!("{css} did not say {wish} within {waited} s, but {text:?}");
            ensure(Instant::now() < end, late)?;
            sleep(PAUSE).await;
        }
    }

    /// Waits until the script, the body of a function, returns `true`.
    pub(crate) async fn until(&self, wish: &str, script: &str) -> Result<(), Failure> {
        let end = Instant::now() + PATIENCE;
        loop {
            let answer = self.ask(script).await?;
            if answer == true {
                return Ok(());
            }
            let waited = PATIENCE.as_secs();
            let late = format!("within {waited} s, not: {wish} (it was {answer})");
            ensure(Instant::now() < end, late)?;
            sleep(PAUSE).await;
        }
    }

    /// Clicks as a person can: what is hidden, covered or disabled, or not there, fails.
    pub(crate) async fn click(&self, css: &str) -> Result<(), Failure> {
        let found = self.client.find(Locator::Css(css)).await;
        let element = found.map_err(|error| Failure(format!("{css} is not there: {error}")))?;
        let clicked = element.click().await;
        clicked.map_err(|error| Failure(format!("{css} cannot be clicked: {error}")))
    }

    /// Chooses the option of this value.
    pub(crate) async fn select(&self, css: &str, value: &str) -> Result<(), Failure> {
        let element = self.client.find(Locator::Css(css)).await?;
        Ok(element.select_by_value(value).await?)
    }

    pub(crate) async fn write(&self, css: &str, text: &str) -> Result<(), Failure> {
        let element = self.client.find(Locator::Css(css)).await?;
        Ok(element.send_keys(text).await?)
    }

    /// Presses a key, wherever the focus is.
    pub(crate) async fn press(&self, key: Key) -> Result<(), Failure> {
        let element = self.client.active_element().await?;
        Ok(element.send_keys(&char::from(key).to_string()).await?)
    }

    /// How the page looks, in a file of this name.
    pub(crate) async fn screenshot(&self, name: &str) -> Result<(), Failure> {
        let png = self.client.screenshot().await?;
        std::fs::write(self.screenshots.join(format!("{name}.png")), png)?;
        Ok(())
    }

    /// What the page did that it may not, and what the console complained of, since the last time.
    pub(crate) async fn complaints(&self) -> Result<Vec<String>, Failure> {
        let seen = self.ask("return window.seen ? seen.splice(0) : []").await?;
        let console = self.client.issue_cmd(Command::console()).await?;
        let console = console.as_array().into_iter().flatten().filter(|entry| {
            let level = entry["level"].as_str().unwrap_or_default();
            matches!(level, "SEVERE" | "WARNING")
        });
        let seen = seen.as_array().cloned().unwrap_or_default();
        let all = seen.iter().chain(console.map(|entry| &entry["message"]));
        Ok(all
            .map(|text| {
                text.as_str()
                    .map_or_else(|| text.to_string(), str::to_owned)
            })
            .collect())
    }
}
