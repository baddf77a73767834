//! Alerts, and waiting for them.

use std::fmt;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::Failed;
use crate::http::Http;
use crate::prometheus::Api;

/// For how long anything is waited for.
const PATIENCE: Duration = Duration::from_secs(90);

/// How often Prometheus is asked.
const PAUSE: Duration = Duration::from_millis(500);

/// An alert, by what tells it from others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Alert {
    pub(crate) name: String,
    pub(crate) dependency: String,
    pub(crate) tenant: Option<String>,
    /// What it says to people.
    summary: String,
}

/// An alert that is waited for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected {
    pub(crate) name: &'static str,
    pub(crate) dependency: &'static str,
    pub(crate) tenant: Option<&'static str>,
}

impl Alert {
    pub(crate) fn of(said: &Value) -> Self {
        let label = |name: &str| said["labels"][name].as_str().map(str::to_owned);
        Self {
            name: label("alertname").unwrap_or_default(),
            dependency: label("dependency").unwrap_or_default(),
            tenant: label("tenant_id"),
            summary: said["annotations"]["summary"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        }
    }
}

impl Expected {
    fn is(&self, alert: &Alert) -> bool {
        alert.name == self.name
            && alert.dependency == self.dependency
            && alert.tenant.as_deref() == self.tenant
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.name, self.dependency)
    }
}

/// Waits until all of these fire.
pub(crate) async fn until_firing(
    http: &Http,
    api: &Api,
    expected: &[Expected],
) -> Result<(), Failed> {
    let began = Instant::now();
    let mut missing = expected.to_vec();
    while !missing.is_empty() {
        let firing = api.firing(http).await?;
        missing.retain(|expected| {
            let Some(alert) = firing.iter().find(|alert| expected.is(alert)) else {
                return true;
            };
            let seconds = Instant::now().saturating_duration_since(began).as_secs();
            println!("  {expected} fires after {seconds} s: {}", alert.summary);
            false
        });
        give_up(http, api, began, "does not fire", missing.first()).await?;
    }
    Ok(())
}

/// Waits until none of these fires, and of whatever else fires nothing either.
pub(crate) async fn until_resolved(
    http: &Http,
    api: &Api,
    expected: &[Expected],
) -> Result<(), Failed> {
    let began = Instant::now();
    let mut left = expected.to_vec();
    loop {
        let firing = api.firing(http).await?;
        left.retain(|expected| {
            let fires = firing.iter().any(|alert| expected.is(alert));
            if !fires {
                let seconds = Instant::now().saturating_duration_since(began).as_secs();
                println!("  {expected} is resolved after {seconds} s");
            }
            fires
        });
        if left.is_empty() && firing.is_empty() {
            return Ok(());
        }
        give_up(
            http,
            api,
            began,
            "still fires",
            firing.first().map(|alert| &alert.name),
        )
        .await?;
    }
}

/// Waits until the expression has a value, and returns all that it has.
pub(crate) async fn until_value(
    http: &Http,
    api: &Api,
    expression: &str,
) -> Result<Vec<f64>, Failed> {
    let began = Instant::now();
    loop {
        let values = api.query(http, expression).await?;
        if !values.is_empty() {
            return Ok(values);
        }
        if Instant::now().saturating_duration_since(began) > PATIENCE {
            let seconds = PATIENCE.as_secs();
            return Err(format!("no value after {seconds} s: {expression}").into());
        }
        sleep(PAUSE).await;
    }
}

async fn give_up(
    http: &Http,
    api: &Api,
    began: Instant,
    trouble: &str,
    what: Option<&impl fmt::Display>,
) -> Result<(), Failed> {
    if let Some(what) = what
        && Instant::now().saturating_duration_since(began) > PATIENCE
    {
        let said = api.all_alerts(http).await;
        let seconds = PATIENCE.as_secs();
        return Err(format!("{what} {trouble} after {seconds} s; Prometheus says {said}").into());
    }
    sleep(PAUSE).await;
    Ok(())
}
