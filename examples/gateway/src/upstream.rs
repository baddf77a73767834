//! The upstream: a real HTTP server, whose health can be switched per tenant.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::put;
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::scenario::WORK;

/// How the upstream treats the calls of one tenant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Health {
    /// It answers 200.
    #[default]
    Healthy,
    /// It answers 503.
    Failing,
    /// It does not answer.
    Hanging,
}

impl Health {
    pub(crate) const fn in_words(self) -> &'static str {
        match self {
            Self::Healthy => "is well",
            Self::Failing => "answers 503",
            Self::Hanging => "hangs",
        }
    }
}

impl FromStr for Health {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        match word {
            "healthy" => Ok(Self::Healthy),
            "failing" => Ok(Self::Failing),
            "hanging" => Ok(Self::Hanging),
            _ => Err(()),
        }
    }
}

/// The upstream, while it runs.
#[derive(Clone, Debug)]
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    ledger: Arc<Mutex<Ledger>>,
}

/// A call that came in.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    pub(crate) tenant: String,
    pub(crate) at: Instant,
}

#[derive(Debug, Default)]
struct Ledger {
    health: HashMap<String, Health>,
    /// How it treats the tenants that are not in `health`.
    of_others: Health,
    /// While somebody keeps them: they would grow for as long as it runs.
    arrivals: Option<Vec<Arrival>>,
    /// By tenant and gateway: the calls that came in while the upstream was sick for the tenant.
    received_sick: HashMap<(String, String), u64>,
}

impl Upstream {
    /// Starts it on a free port.
    pub(crate) async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let upstream = Self {
            address: listener.local_addr()?,
            ledger: Arc::default(),
        };
        let app = Router::new()
            .route("/health/{health}", put(switch_all))
            .route("/health/{tenant}/{health}", put(switch))
            .fallback(answer)
            .with_state(upstream.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(upstream)
    }

    /// How it treats this tenant.
    pub(crate) fn health(&self, tenant: &str) -> Health {
        self.ledger(|ledger| {
            let own = ledger.health.get(tenant).copied();
            own.unwrap_or(ledger.of_others)
        })
    }

    /// Switches how it treats this tenant.
    pub(crate) fn set(&self, tenant: &str, health: Health) {
        self.ledger(|ledger| ledger.health.insert(tenant.to_owned(), health));
    }

    /// Switches how it treats all tenants, also those that were treated otherwise.
    pub(crate) fn set_all(&self, health: Health) {
        self.ledger(|ledger| {
            ledger.health.clear();
            ledger.of_others = health;
        });
    }

    /// Keeps the calls that come in from now on.
    pub(crate) fn keep_arrivals(&self) {
        self.ledger(|ledger| ledger.arrivals = Some(Vec::new()));
    }

    /// The calls that were kept.
    pub(crate) fn arrivals(&self) -> Vec<Arrival> {
        self.ledger(|ledger| ledger.arrivals.clone().unwrap_or_default())
    }

    /// Drops the calls that were kept, and keeps no more.
    pub(crate) fn drop_arrivals(&self) {
        self.ledger(|ledger| ledger.arrivals = None);
    }

    /// How many calls of this tenant came in through this gateway while it was sick for the tenant.
    pub(crate) fn received_sick(&self, tenant: &str, gateway: &str) -> u64 {
        let key = (tenant.to_owned(), gateway.to_owned());
        self.ledger(|ledger| ledger.received_sick.get(&key).copied().unwrap_or_default())
    }

    fn ledger<T>(&self, read: impl FnOnce(&mut Ledger) -> T) -> T {
        read(&mut self.ledger.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes a call in: counts it, and says how to treat it.
    fn receive(&self, tenant: &str, gateway: &str) -> Health {
        let health = self.health(tenant);
        self.ledger(|ledger| {
            if let Some(arrivals) = &mut ledger.arrivals {
                arrivals.push(Arrival {
                    tenant: tenant.to_owned(),
                    at: Instant::now(),
                });
            }
        });
        if health != Health::Healthy {
            let key = (tenant.to_owned(), gateway.to_owned());
            self.ledger(|ledger| *ledger.received_sick.entry(key).or_default() += 1);
        }
        health
    }
}

/// Any request that is not about health.
async fn answer(
    State(upstream): State<Upstream>,
    headers: HeaderMap,
) -> (StatusCode, &'static str) {
    let text = |name| {
        let value = headers.get(name);
        value.and_then(|value| value.to_str().ok()).unwrap_or("")
    };
    // `1.1 isolated`: the protocol, and who passed the call on.
    let gateway = text(header::VIA.as_str()).rsplit(' ').next().unwrap_or("");
    match upstream.receive(text("x-tenant-id"), gateway) {
        Health::Healthy => {
            tokio::time::sleep(WORK).await;
            (StatusCode::OK, "found it\n")
        }
        Health::Failing => (StatusCode::SERVICE_UNAVAILABLE, "out of order\n"),
        Health::Hanging => std::future::pending().await,
    }
}

/// `PUT /health/{tenant}/{healthy, failing or hanging}`.
async fn switch(
    State(upstream): State<Upstream>,
    Path((tenant, health)): Path<(String, String)>,
) -> Result<String, BadHealth> {
    let health = parse(&health)?;
    upstream.set(&tenant, health);
    Ok(format!(
        "for {tenant}, the upstream {} now\n",
        health.in_words()
    ))
}

/// `PUT /health/{healthy, failing or hanging}`.
async fn switch_all(
    State(upstream): State<Upstream>,
    Path(health): Path<String>,
) -> Result<String, BadHealth> {
    let health = parse(&health)?;
    upstream.set_all(health);
    Ok(format!("for all, the upstream {} now\n", health.in_words()))
}

type BadHealth = (StatusCode, &'static str);

fn parse(health: &str) -> Result<Health, BadHealth> {
    let said = health.parse();
    said.map_err(|()| (StatusCode::BAD_REQUEST, "say healthy, failing or hanging\n"))
}
