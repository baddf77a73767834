//! Every panel of the dashboard, with what Prometheus has for it.

use serde_json::Value;

use crate::Failed;
use crate::alerts::until_value;
use crate::http::Http;
use crate::prometheus::Api;

/// What Grafana puts in place of its variables.
const VARIABLES: [(&str, &str); 5] = [
    ("$__rate_interval", "5s"),
    ("$__range", "5m"),
    ("$__interval", "1s"),
    ("$dependency", ".*"),
    ("$job", ".*"),
];

/// A query of a panel.
#[derive(Debug, PartialEq, Eq)]
struct Target {
    panel: String,
    expression: String,
}

/// Runs the expression of every panel until it has a value.
pub(crate) async fn have_data(http: &Http, api: &Api, dashboard: &Value) -> Result<(), Failed> {
    let targets = targets(dashboard)?;
    for Target { panel, expression } in &targets {
        let values = until_value(http, api, expression).await;
        let values = values.map_err(|error| format!("panel {panel:?}: {error}"))?;
        println!("  {:3} values: {panel}", values.len());
    }
    Ok(())
}

/// The queries of all panels, with the variables replaced. A panel that is no row and has none is an error.
fn targets(dashboard: &Value) -> Result<Vec<Target>, Failed> {
    let panels = dashboard["panels"].as_array();
    let panels = panels.ok_or("the dashboard has no panels")?;
    let mut targets = Vec::new();
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        let title = panel["title"].as_str().unwrap_or_default();
        if title.is_empty() {
            return Err(format!("panel {} has no title", panel["id"]).into());
        }
        let queries = panel["targets"].as_array().filter(|all| !all.is_empty());
        for query in queries.ok_or_else(|| format!("panel {title:?} asks for nothing"))? {
            let expression = query["expr"].as_str().unwrap_or_default();
            targets.push(Target {
                panel: title.to_owned(),
                expression: replaced(title, expression)?,
            });
        }
    }
    Ok(targets)
}

fn replaced(panel: &str, expression: &str) -> Result<String, Failed> {
    let replace = |text: String, (name, value): (&str, &str)| text.replace(name, value);
    let replaced = VARIABLES.into_iter().fold(expression.to_owned(), replace);
    if replaced.contains('$') || replaced.is_empty() {
        return Err(format!(
            "panel {panel:?} has no expression, or a variable in it that is not known: {replaced}"
        )
        .into());
    }
    Ok(replaced)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const DASHBOARD: &str = include_str!("../../../../../observability/dashboard.json");

    fn dashboard() -> Value {
        serde_json::from_str(DASHBOARD).unwrap()
    }

    #[test]
    fn every_panel_asks_and_says_in_which_unit_and_what_it_is() {
        let dashboard = dashboard();
        let targets = targets(&dashboard).unwrap();
        for panel in dashboard["panels"].as_array().unwrap() {
            if panel["type"] == "row" {
                continue;
            }
            let title = panel["title"].as_str().unwrap();
            assert!(
                targets.iter().any(|target| target.panel == title),
                "{title}"
            );
            assert!(
                panel["description"]
                    .as_str()
                    .is_some_and(|said| said.len() > 20),
                "{title}"
            );
            let unit = &panel["fieldConfig"]["defaults"]["unit"];
            let is_heatmap = panel["options"]["yAxis"]["unit"].is_string();
            assert!(unit.is_string() || is_heatmap, "{title}");
        }
    }

    #[test]
    fn panels_stand_beside_one_another_and_have_ids_of_their_own() {
        let dashboard = dashboard();
        let mut seen = std::collections::HashSet::new();
        for panel in dashboard["panels"].as_array().unwrap() {
            assert!(
                seen.insert(("id", panel["id"].as_u64().unwrap(), 0)),
                "{panel}"
            );
            let at = |field: &str| panel["gridPos"][field].as_u64().unwrap();
            for (x, y) in (at("x")..at("x") + at("w"))
                .flat_map(|x| (at("y")..at("y") + at("h")).map(move |y| (x, y)))
            {
                assert!(x < 24 && seen.insert(("place", x, y)), "{}", panel["title"]);
            }
        }
    }

    #[test]
    fn what_nobody_knows_the_value_of_is_not_asked() {
        let asks = |expr: &str| json!({"panels": [{"title": "a", "targets": [{"expr": expr}]}]});
        assert!(targets(&asks("up{job=~\"$job\"}")).is_ok());
        for unknown in ["up{job=\"$cluster\"}", ""] {
            assert!(targets(&asks(unknown)).is_err(), "{unknown}");
        }
        assert!(targets(&json!({"panels": [{"title": "a", "targets": []}]})).is_err());
    }
}
