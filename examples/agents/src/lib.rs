//! Programs of agents on the SDKs that they are written with: see `src/bin`.

#[path = "../../../src/guide/mcp.rs"]
pub mod guide_mcp;
#[path = "../../../src/guide/models.rs"]
pub mod guide_models;
pub mod platform;
