//! gRPC over TCP: real tonic servers and clients, the breaker on either side, the four kinds of calls. Real time, so
//! nothing here asserts how long anything took: counts only, and conditions that are waited for.

#![cfg(feature = "grpc")]

#[path = "../../examples/tonic/codec.rs"]
mod codec;
#[path = "../../examples/tonic/echo.rs"]
mod echo;

mod cancelled;
mod classify;
mod client;
mod health;
mod server;
mod stack;
