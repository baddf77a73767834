//! What the benches read their figures from.

pub mod callgrind;
pub mod cpu;
pub mod heap;
mod quartiles;

pub use quartiles::Quartiles;
