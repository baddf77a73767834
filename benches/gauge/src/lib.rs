//! What the benches read their figures from.

pub mod callgrind;
pub mod cpu;
pub mod heap;
mod quartiles;
mod resident;

pub use quartiles::Quartiles;
pub use resident::Resident;
