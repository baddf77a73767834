//! A dependency that is down for all of its 1,000 tenants for five minutes, on a clock that is moved by hand: what the
//! calls of those five minutes cost it, and how it finds its traffic when it is back.

mod report;
mod simulation;
mod traffic;

pub use self::report::Comparison;
pub use self::simulation::Run;
pub use self::traffic::Traffic;
