//! The gateway's routes for its operator. On loopback, and open to whoever is there: yours ask who it is.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::routing::{get, post};

use super::operator::Operator;

/// The routes.
pub(crate) fn routes(operator: Arc<Operator>) -> Router {
    Router::new()
        .route("/admin", get(show))
        .route("/admin/force-open", post(force_open))
        .route("/admin/recover", post(recover))
        .with_state(operator)
}

/// `GET /admin`.
async fn show(State(operator): State<Arc<Operator>>) -> String {
    format!("{:#}\n", operator.snapshot())
}

/// `POST /admin/force-open?note=..`.
async fn force_open(
    State(operator): State<Arc<Operator>>,
    Query(query): Query<HashMap<String, String>>,
) -> String {
    let note = query.get("note").map_or("no reason given", String::as_str);
    operator.force_open(note);
    format!("{:#}\n", operator.snapshot())
}

/// `POST /admin/recover`.
async fn recover(State(operator): State<Arc<Operator>>) -> String {
    operator.recover();
    format!("{:#}\n", operator.snapshot())
}

/// Commands to paste.
pub(crate) fn commands(gateway: SocketAddr, upstream: SocketAddr, page: SocketAddr) -> String {
    format!(
        "
The gateway, the upstream and the load stay up until Ctrl-C. Look at it in a browser:

  http://{page}/

Try, in another terminal:

  see how it is:                    curl http://{gateway}/admin
  force it open for all:            curl -X POST 'http://{gateway}/admin/force-open?note=maintenance'
  ... and let it recover:           curl -X POST http://{gateway}/admin/recover
  call as anybody:                  curl -i -H 'x-tenant-id: acme' http://{gateway}/search
  see acme's circuit:               curl http://{gateway}/circuits/acme
  make the upstream fail for all:   curl -X PUT http://{upstream}/health/failing
  ... or for acme alone:            curl -X PUT http://{upstream}/health/acme/failing
  ... and be well again for all:    curl -X PUT http://{upstream}/health/healthy

The log above goes on.
"
    )
}
