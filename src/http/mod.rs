//! HTTP: tenants from requests, outcomes of responses, answers to rejections.
//!
//! | | |
//! |---|---|
//! | who a request is for | [`HeaderTenant`], [`ExtensionTenant`], [`CredentialTenant`] |
//! | which turn a request belongs to | [`HeaderTurn`] |
//! | what a response means | [`DefaultClassify`](crate::DefaultClassify), [`HttpClassify`], [`AskFirst`] |
//! | what comes after a response's head | [`body`] |
//! | how long to stay away | [`retry_after()`] |
//! | what a rejected caller gets | [`problem_response`], [`error_response`] |
//! | which requests a failover sends again | [`IfIdempotent`](crate::IfIdempotent), [`IfBodiless`] |
//! | a plain response of what a failover served | [`Served::into_response`](crate::Served::into_response) |

mod answer;
pub mod body;
mod classify;
mod credential_tenant;
mod extension_tenant;
pub(crate) mod grpc_status;
mod header_tenant;
mod header_turn;
pub(crate) mod known_error;
mod problem;
mod resend;
pub(crate) mod retry_after;
mod served;
pub(crate) mod status_table;

#[cfg(feature = "status")]
pub(crate) use self::answer::plain as plain_problem;
pub use self::answer::{error_response, problem_response};
#[cfg(feature = "reqwest-middleware")]
pub(crate) use self::classify::of_head;
pub use self::classify::{AskFirst, HttpClassify};
pub use self::credential_tenant::CredentialTenant;
pub use self::extension_tenant::ExtensionTenant;
pub use self::header_tenant::HeaderTenant;
pub use self::header_turn::HeaderTurn;
pub use self::resend::IfBodiless;
pub use self::retry_after::retry_after;
