//! What the benches read their figures from.

pub mod cpu;
pub mod heap;
pub mod machine;
pub mod pairs;
mod quartiles;

pub use quartiles::Quartiles;
