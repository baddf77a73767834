//! What Prometheus says.

use std::net::SocketAddr;

use serde_json::Value;

use crate::Failed;
use crate::alerts::Alert;
use crate::http::Http;

/// The HTTP API of a Prometheus.
pub(crate) struct Api {
    address: SocketAddr,
}

impl Api {
    pub(crate) const fn at(address: SocketAddr) -> Self {
        Self { address }
    }

    /// The values of an expression at this moment, those that are no number aside.
    pub(crate) async fn query(&self, http: &Http, expression: &str) -> Result<Vec<f64>, Failed> {
        let url = format!("http://{}/api/v1/query", self.address);
        let said = http.form(&url, "query", expression).await;
        let said: Value =
            serde_json::from_str(&said.map_err(|error| format!("{expression}: {error}"))?)?;
        let rows = said["data"]["result"].as_array();
        let rows = rows.ok_or_else(|| format!("{expression}: no result in {said}"))?;
        let values = rows
            .iter()
            .filter_map(|row| row["value"][1].as_str()?.parse().ok());
        Ok(values.filter(|value: &f64| !value.is_nan()).collect())
    }

    /// The alerts that fire.
    pub(crate) async fn firing(&self, http: &Http) -> Result<Vec<Alert>, Failed> {
        let url = format!("http://{}/api/v1/alerts", self.address);
        let said: Value = serde_json::from_str(&http.get(&url).await?)?;
        let alerts = said["data"]["alerts"].as_array();
        let alerts = alerts.ok_or_else(|| format!("no alerts in {said}"))?;
        let firing = alerts.iter().filter(|alert| alert["state"] == "firing");
        Ok(firing.map(Alert::of).collect())
    }

    /// All that it has to say of alerts, for people who look for what went wrong.
    pub(crate) async fn all_alerts(&self, http: &Http) -> String {
        let url = format!("http://{}/api/v1/alerts", self.address);
        http.get(&url)
            .await
            .unwrap_or_else(|error| error.to_string())
    }
}
