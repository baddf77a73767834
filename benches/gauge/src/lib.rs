//! What the benches read their figures from.

pub mod callgrind;
pub mod cpu;
pub mod heap;
mod locked;
pub mod machine;
pub mod pairs;
mod quartiles;
mod resident;
mod thousands;

pub use locked::locked;
pub use quartiles::Quartiles;
pub use resident::Resident;
pub use thousands::thousands;
