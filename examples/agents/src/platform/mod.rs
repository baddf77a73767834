//! A platform on which the agents of 50 tenants call 6 tools for an hour, on a clock that is moved by hand: once with the
//! breaker, once without, by the same scripts. One tool is slow for one tenant, and one is down for all.
//!
//! What a user of the library would write is in `turn.rs`: the loop between a model and its tools, in the types of
//! `async-openai`. The model itself is a script that reads what a real one would be told, and nothing else.

mod catalog;
mod comparison;
mod hour;
mod model;
mod promises;
mod report;
mod script;
mod tally;
mod told;
mod turn;
mod world;

pub use self::comparison::Comparison;
pub use self::hour::{Breaker, Hour};
pub use self::told::NamedBy;
pub use self::turn::{End, Seen, TurnRecord};
pub use self::world::Reached;
