//! The routes by which troubles are provoked, and what is printed of them. On loopback, and open to whoever is there.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::post;

use crate::scenario::Service;
use crate::stage::{FLAPPING, Stage, Trouble};

pub(crate) fn routes(stage: Arc<Stage>) -> Router {
    Router::new()
        .route("/provoke/{what}", post(provoke))
        .with_state(stage)
}

type Refused = (StatusCode, String);

/// `POST /provoke/{what}?dependency=..`.
async fn provoke(
    State(stage): State<Arc<Stage>>,
    Path(what): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<String, Refused> {
    let refuse = |why: String| (StatusCode::BAD_REQUEST, why + "\n");
    let asked = query.get("dependency").map(|name| name.parse());
    let asked: Option<Service> = asked.transpose().map_err(refuse)?;
    let (trouble, usual) = match what.as_str() {
        "outage" => (Trouble::Outage, Service::Search),
        "tenant" => (Trouble::Tenant, Service::Billing),
        "flap" => (Trouble::Flap, Service::Search),
        "overflow" => (Trouble::Overflow, Service::Billing),
        "well" => {
            stage.be_well();
            return Ok("all is well now\n".to_owned());
        }
        _ => {
            let known = "outage, tenant, flap, overflow or well";
            return Err(refuse(format!("{what:?} cannot be provoked: {known}")));
        }
    };
    let service = asked.unwrap_or(usual);
    stage.provoke(service, trouble);
    let name = service.name();
    Ok(match trouble {
        Trouble::Outage => format!("{name} fails for all now\n"),
        Trouble::Tenant => format!("{name} fails for the busiest tenant now\n"),
        Trouble::Flap => format!("{name} fails for the {FLAPPING} busiest tenants in turn now\n"),
        Trouble::Overflow => format!("tenants that nobody knows call {name} now\n"),
    })
}

/// Where everything is, to be printed. The first line is what programs read.
pub(crate) fn introduction(front: SocketAddr) -> String {
    format!(
        "http://{front}

  the live page:             http://{front}/breakers/
  metrics:                   curl http://{front}/metrics
  call as acme:              curl -i -H 'x-tenant-id: acme' http://{front}/search
  an outage for all:         curl -X POST http://{front}/provoke/outage
  ... for one tenant:        curl -X POST http://{front}/provoke/tenant
  circuits that flap:        curl -X POST http://{front}/provoke/flap
  more tenants than places:  curl -X POST http://{front}/provoke/overflow
  make all well again:       curl -X POST http://{front}/provoke/well

Each trouble takes ?dependency=search, billing or llm. The load goes on until Ctrl-C."
    )
}
