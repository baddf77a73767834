//! What is provoked, in which order, and what has to be seen.

use serde_json::Value;
use tokio::time::Instant;

use crate::Failed;
use crate::alerts::{Expected, until_firing, until_resolved, until_value};
use crate::http::Http;
use crate::prometheus::Api;
use crate::rules::LONG;
use crate::{cost, panels};

const fn of(name: &'static str, dependency: &'static str) -> Expected {
    Expected {
        name,
        dependency,
        tenant: None,
    }
}

/// Search is down for all: each tenant finds out for itself. So is the provider of models, whose breaker declares an
/// outage. Billing is down for one tenant.
const DOWN: [Expected; 5] = [
    of("CircuitBreakerGlobalOutage", "search"),
    of("CircuitBreakerGlobalOutage", "llm"),
    of("CircuitBreakerOpenLong", "billing"),
    of("CircuitBreakerProbesFailing", "billing"),
    Expected {
        name: "CircuitBreakerTenantBlocked",
        dependency: "billing",
        tenant: Some("tenant-0001"),
    },
];

/// Billing is called by tenants for whom there is no room.
const CROWDED: [Expected; 1] = [of("CircuitBreakerOverflow", "billing")];

pub(crate) async fn tell(
    http: &Http,
    gateway: &str,
    api: &Api,
    alerts: &[String],
    dashboard: &Value,
) -> Result<(), Failed> {
    let seen = |alert: &&String| DOWN.iter().chain(&CROWDED).any(|seen| seen.name == **alert);
    if let Some(alert) = alerts.iter().find(|alert| !seen(alert)) {
        return Err(format!("nothing is provoked for {alert}").into());
    }
    let provoke = async |what: &str| {
        let said = http.post(&format!("{gateway}/provoke/{what}")).await?;
        println!("provoked: {}", said.trim_end());
        Ok::<_, Failed>(())
    };

    println!("waiting until all tenants have called everything");
    until_value(
        http,
        api,
        "sum(circuit_breaker_circuits{state=\"closed\"}) >= 3000",
    )
    .await?;
    cost::of_a_scrape(http, gateway, "of 1,000 tenants that are well").await?;
    until_resolved(http, api, &[]).await?;

    provoke("outage?dependency=search").await?;
    provoke("outage?dependency=llm").await?;
    provoke("tenant?dependency=billing").await?;
    until_firing(http, api, &DOWN).await?;
    declared(http, api).await?;
    cost::of_a_scrape(http, gateway, "in an outage").await?;
    provoke("well").await?;
    until_resolved(http, api, &DOWN).await?;
    told_once(http, api).await?;

    let flapping = Instant::now();
    provoke("flap?dependency=search").await?;
    provoke("overflow?dependency=billing").await?;
    until_firing(http, api, &CROWDED).await?;
    println!("the panels of the dashboard:");
    panels::have_data(http, api, dashboard).await?;
    fakes_nothing(http, api, flapping).await?;
    provoke("well").await?;
    until_resolved(http, api, &CROWDED).await
}

/// Of the two outages, one is declared by the breaker.
async fn declared(http: &Http, api: &Api) -> Result<(), Failed> {
    let declared = until_value(http, api, "circuit_breaker_outage{dependency=\"llm\"} == 1").await;
    declared.map(drop)
}

/// Where a dependency is down for all, no tenant was told of by name as well.
async fn told_once(http: &Http, api: &Api) -> Result<(), Failed> {
    let also = "count_over_time(ALERTS{alertname=\"CircuitBreakerTenantBlocked\", \
                alertstate=\"firing\", dependency!=\"billing\"}[10m])";
    if api.query(http, also).await?.is_empty() {
        return Ok(());
    }
    Err("tenants of a dependency that is down for all were told of by name as well".into())
}

/// Circuits that open and close in turn: at each moment some circuit of search is open, for twice as long as one may be,
/// and nothing fires.
async fn fakes_nothing(http: &Http, api: &Api, since: Instant) -> Result<(), Failed> {
    let always = format!(
        "min_over_time(sum(circuit_breaker_circuits{{dependency=\"search\", \
         state=~\"open|half_open\"}})[{}s:1s]) > 0",
        2 * LONG
    );
    until_value(http, api, &always).await?;
    let seconds = Instant::now().saturating_duration_since(since).as_secs();
    let fired = format!(
        "count_over_time(ALERTS{{alertname=\"CircuitBreakerOpenLong\", alertstate=\"firing\", \
         dependency=\"search\"}}[{seconds}s])"
    );
    if !api.query(http, &fired).await?.is_empty() {
        return Err("circuits that open and close in turn have faked a long opening".into());
    }
    println!(
        "  for {} s some circuit was open, none for long, and nothing fires",
        2 * LONG
    );
    Ok(())
}
