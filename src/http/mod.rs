//! HTTP: tenants from requests, outcomes of responses, answers to rejections.
//!
//! | | |
//! |---|---|
//! | who a request is for | [`HeaderTenant`], [`ExtensionTenant`], [`CredentialTenant`] |
//! | what a response means | [`DefaultClassify`](crate::DefaultClassify), [`HttpClassify`], [`AskFirst`] |
//! | how long to stay away | [`retry_after()`] |
//! | what a rejected caller gets | [`problem_response`], [`error_response`] |

mod answer;
mod classify;
mod credential_tenant;
mod extension_tenant;
mod grpc_status;
mod header_tenant;
mod retry_after;
mod status_table;

pub use self::answer::{error_response, problem_response};
#[cfg(feature = "reqwest-middleware")]
pub(crate) use self::classify::of_head;
pub use self::classify::{AskFirst, HttpClassify};
pub use self::credential_tenant::CredentialTenant;
pub use self::extension_tenant::ExtensionTenant;
pub use self::header_tenant::HeaderTenant;
pub use self::retry_after::retry_after;
