//! Instructions of chosen stretches of a program, counted by valgrind's callgrind.
//!
//! Two programs: one [`count`]s and [`tell`]s, the other [`run`]s it under callgrind and reads what it told. Callgrind
//! knows the stretches by the names of two functions, so a program can make everything ready that it is about to count,
//! and count many things, in one run.

mod run;
mod told;

pub use run::run;
pub use told::{Told, count, tell};
