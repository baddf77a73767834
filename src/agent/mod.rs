//! Agents: a rejected tool call is information that a model can plan with.

#[cfg(feature = "http")]
pub mod llm;
