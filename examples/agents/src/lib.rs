//! Programs of agents on the SDKs that they are written with: see `src/bin`.

pub mod platform;
