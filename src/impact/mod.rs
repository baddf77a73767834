//! What a tenant's day was like: bad calls by hour, tenant and dependency.
//!
//! A registry that is built with an [`ImpactPolicy`] keeps a ledger. It has a row for each hour, tenant and dependency
//! in which a call was *bad*: it failed, was throttled or slow, was rejected, or was served by a fallback. Tenants whose
//! calls are all good take no memory, and their calls do not come by here.
//!
//! ```
//! use tower_tenant_breaker::impact::ImpactPolicy;
//! use tower_tenant_breaker::{CircuitBreakerRegistry, Outcome};
//!
//! let registry = CircuitBreakerRegistry::builder().impact(ImpactPolicy::default()).build()?;
//! let search = registry.dependency("search")?;
//! for _ in 0..3 {
//!     search.acquire("acme")?.record(Outcome::Success);
//! }
//! search.acquire("acme")?.record(Outcome::failure());
//! search.acquire("globex")?.record(Outcome::Success);
//!
//! let report = registry.impact();
//! let [acme] = report.rows() else { panic!("globex had a good day") };
//! assert_eq!((acme.tenant.as_deref(), acme.counts.calls, acme.counts.failed), (Some("acme"), 4, 1));
//!
//! let mut file = Vec::new();
//! report.to_csv(&mut file)?;
//! assert!(String::from_utf8(file)?.ends_with(",acme,search,4,1,0,0,0,0,false\r\n"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is counted
//!
//! | count | what |
//! |---|---|
//! | calls | what the circuit counted: good and bad, probes among them, and those that ended late, whatever came of them |
//! | failed | failures, and throttled calls: the tenant got nothing from either; late ones; abandoned calls once they count as failures, those of the hour in which they do |
//! | slow | calls over the lowest threshold of the latency rules, whatever came of them |
//! | rejected | calls that were not admitted, by a circuit, an outage or an override; they are not among `calls` |
//! | fallback-served | rejected and failed calls that something else has served: a fallback whose answer is `Ok`, [`call_or`](crate::Dependency::call_or), a later provider of a [`Failover`](crate::Failover), or its last resort |
//! | turns | [`Turn`]s in which one of the tenant's calls was bad |
//!
//! What is left to the tenant, then, is `failed + rejected - fallback_served`, which is not negative in any row: a call
//! is fallback-served in the row in which it is bad, also where the fallback takes until the next hour; and where it has
//! no row, nowhere. `failed` is part of `calls`, up to the calls that end while a report is made. In a failover this holds for each provider
//! by itself: where A rejects a call, B fails it, and C serves it, the call is fallback-served in the rows of A and of B.
//! An answer to a rejection that is not a fallback, as by
//! [`respond_with`](crate::TenantCircuitBreakerLayer::respond_with), serves nothing.
//!
//! `calls` are those of the whole hour, also the good ones before the first bad one. Where nothing is recorded, nothing
//! is counted: of ignored calls, and under [`Override::Disabled`](crate::Override::Disabled). What a dry run would have
//! rejected is not rejected.
//!
//! Rows without a tenant are of calls that stand for no tenant: those without one, those on the circuit that
//! tenants without room [share](crate::Overflow::Shared), and the few that probe for all in an outage.
//!
//! # Hours
//!
//! Hours are those of UTC. What the clock on the wall said when the registry was built is kept
//! ([`ImpactPolicy::wall_clock`]), and counted on by the clock that calls are timed with. A bad call belongs to the hour in
//! which it ends. Good calls cost nothing, and so the clock is not asked about them: those that come after the full hour
//! and before the circuit's next slot of the window, a tenth of it, or its next bad call, belong to the hour before.
//!
//! # When there is no room
//!
//! Bad calls that find no room for a row are counted ([`ImpactHour::unlisted`]), so that a report that is not whole says
//! so; as CSV in a [file of its own](ImpactReport::hours_to_csv). Who finds room is decided so that nobody can buy a place by being many:
//!
//! - Tenants of which a call has succeeded, since their circuit was made, come first: they take the places of newcomers, of which none has.
//!   So ids that somebody makes up, whose calls only fail or are rejected, cost a row to newcomers alone.
//! - A newcomer need not be made up. A tenant that is new is one until a call of it succeeds, and so is one that was idle
//!   until its circuit made room for another's (in as many circuits as there may be, made-up ids can bring that about).
//!   Where newcomers have all the room, its bad calls until then are unlisted; a row that it had before stays.
//! - Hours share the room fairly: an hour with fewer rows takes the place of a row of the hour with the most
//!   ([`ImpactHour::dropped`]), of one with few bad calls; the hour with the most gets no more. So a flood, or an outage of
//!   100,000 tenants, costs its own hour rows, but not the hours before it, nor those after.
//!
//! The room is kept in up to 64 parts of at least 256 rows, by a keyed hash of the tenant. No lock is shared by all
//! tenants, and a part can be full while another has some rows left.
//!
//! # What it costs
//!
//! A registry without a ledger asks whether there is one where a call is bad, or is the first in a slot of its circuit's
//! window, and pays no more. With one, a good call costs what it did, except the first in each slot, which asks for the
//! hour; the first in an hour takes the lock of its tenant's part. A bad one takes that lock, for two hashes and a look
//! into a table. What goes is dropped with the registry; a report is a copy.

mod csv;
mod ledger;
mod policy;
mod report;
mod turn;
mod turn_layer;

pub(crate) use self::ledger::{Harm, Ledger, Part, Subject};
pub use self::policy::ImpactPolicy;
pub use self::report::{ImpactCounts, ImpactHour, ImpactReport, ImpactRow, TenantImpact, Turns};
pub use self::turn::{Turn, TurnScope};
pub use self::turn_layer::{InTurn, InTurnFuture, TurnExtractor, TurnLayer};
