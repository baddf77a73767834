//! A live page of what the circuits do: a tower service that any HTTP server can mount.
//!
//! | request | answer |
//! |---|---|
//! | `GET /` | the page, whole in itself: no other host is asked for anything |
//! | `GET /events` | server-sent events: figures of all dependencies every two seconds, and each change with its reason |
//! | `GET /circuits?dependency=search` | the circuits of a dependency as JSON, the open ones first, by pages |
//! | `GET /circuits?tenant=acme` | one tenant's circuits in all dependencies |
//! | `GET /actions` | who the caller is, and the token that actions need; 404 where there are [no actions](#actions) |
//! | `POST /actions` | forces open, clears or resets |
//!
//! The last segment of the path decides, so that the service is the same wherever it is mounted. A proxy's rule has to be
//! for all that lies beneath the mount: one for `/breakers/actions` alone would let `/breakers/x/actions` by.
//!
//! ```
//! use axum::Router;
//! use tower_tenant_breaker::CircuitBreakerRegistry;
//! use tower_tenant_breaker::status::StatusService;
//!
//! let registry = CircuitBreakerRegistry::builder().build()?;
//! let app: Router = Router::new().nest_service("/breakers", StatusService::new(registry));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Who may look
//!
//! Whoever can reach the path: put the layer before it by which you know your people. The page, the events and the JSON
//! name tenants, and what was noted with overrides.
//!
//! # Events
//!
//! | event | when | data |
//! |---|---|---|
//! | `overview` | at once, then every `interval_ms` | the figures of up to 200 dependencies, the worst first; `left_out` counts the others. The first one of a connection has a `history` of up to 60 samples |
//! | `log` | once, after the first overview | the last changes, up to 200, the oldest first |
//! | `change` | at once | one change, as [`OwnedEvent`](crate::OwnedEvent) is written |
//! | `skipped` | after a second in which more than 50 changes came | `{"skipped":n}`: so many were not sent |
//!
//! Of the 50, ten are kept for what concerns more than one circuit: outages, and overrides.
//!
//! Rates are calls that ended, and rejections, between two samples, by the real time between them; the first sample has
//! none. Calls under an override that records nothing are not among them.
//!
//! Each event is written once, whatever the number of readers. A reader that falls behind is dropped, never waited for:
//! where 256 pieces wait for it, or one has waited for half a minute. Its body then ends, and what waited is freed; the
//! connection is the server's to close. At most 64 read at the same time; the next is answered with 503 and
//! `Retry-After`. A comment keeps quiet connections alive.
//!
//! # What it costs
//!
//! Calls pay nothing. One task for a service and all of its clones goes over the circuits every two seconds, on a thread
//! for blocking work, also while nobody looks, so that whoever opens the page in the middle of an outage sees when it
//! began. Where that takes longer than a tenth of a second, it does so less often: it is never at work for more than a
//! twentieth of the time. At most two of those who ask for `circuits` have somebody go over them at the same time; the
//! others wait their turn, and who leaves before it costs nothing.
//!
//! The task begins with the service where that is made within a tokio runtime, otherwise with the first request. It ends
//! when the last clone of the service and the last body of its events are dropped.
//!
//! # Actions
//!
//! The page is read-only until somebody says by [`authorise`](StatusService::authorise) who may act. Even then an action
//! is only done for a request that is same-origin as browsers tell it (`sec-fetch-site`, and `origin` against `host`), is
//! of type `application/json`, and carries the header `x-csrf-token` with the token of `GET /actions`: a header that makes
//! browsers ask first, in other origins' requests, and this service never answers that it may. A proxy in between has
//! to keep `host` as the browser sent it.
//!
//! ```json
//! { "action": "force_open", "dependency": "search", "tenant": "acme", "for_ms": 60000, "note": "their index is broken" }
//! ```
//!
//! `action` is `force_open`, `clear` or `reset`, as [`CircuitHandle`](crate::CircuitHandle) and
//! [`Dependency`](crate::Dependency) have them; without a `tenant` it is of the whole dependency. `for_ms` is from 1 to
//! 2,592,000,000 (30 days), and without it a forced open has no end. `note` has up to 500 bytes. The override's note
//! begins with who it was, and the log says at `info` who asked for what.
//!
//! # Errors
//!
//! Each is a problem document (RFC 9457) that names the parameter, its value and the bound. All answers have a
//! Content-Security-Policy that lets nothing but the page's own script and style run, and are not to be stored.

mod act;
mod actions;
mod answer;
mod authorise;
mod body;
mod book;
mod circuits;
mod flood;
mod future;
mod guard;
mod history;
mod hub;
mod mailbox;
mod overview;
mod page;
mod query;
mod route;
mod row;
mod sampler;
mod scans;
mod service;
mod token;
mod wire;

pub use self::authorise::Authorise;
pub use self::body::StatusBody;
pub use self::future::StatusFuture;
pub use self::service::StatusService;
