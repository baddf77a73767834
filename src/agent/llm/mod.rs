//! Providers of language models: what their answers mean, streams and errors included.
//!
//! | | |
//! |---|---|
//! | what an answer means | [`LlmClassify`] |
//! | what the body of an error says | [`ProviderErrorLayer`], [`ProviderError`], [`ProviderErrorKind`] |
//! | what goes wrong in a stream, and its first token | [`LlmStreamJudge`] |
//! | both judges, and the clock of the first token | [`classify_llm`](crate::TenantCircuitBreakerLayer::classify_llm) |
//! | a policy to begin with | [`llm_policy`] |
//!
//! A provider is a dependency, and whose key it is called with is the tenant. From the outside in: what chooses among
//! providers ([`Failover`](crate::Failover)), the breaker, the timeout, the errors' reader, the client.
//!
//! ```
//! use std::time::Duration;
//!
//! use reqwest::{Request, Response};
//! use tower::{BoxError, Service, ServiceBuilder};
//! use tower_tenant_breaker::agent::llm::{ProviderErrorLayer, llm_policy};
//! use tower_tenant_breaker::{CircuitBreakerRegistry, TaskTenant, TenantCircuitBreakerLayer};
//!
//! fn provider(
//!     registry: &CircuitBreakerRegistry,
//!     client: reqwest::Client,
//! ) -> Result<impl Service<Request, Response = Response, Error = BoxError> + Clone + use<>, BoxError> {
//!     let provider = registry.dependency_with("provider", llm_policy().build()?)?;
//!     Ok(ServiceBuilder::new()
//!         .layer(TenantCircuitBreakerLayer::new(provider, TaskTenant).classify_llm())
//!         // To the head of the answer, and the end of an error's body. How long a stream may pause is for the client.
//!         .timeout(Duration::from_secs(120))
//!         .layer(ProviderErrorLayer::new())
//!         .service(client))
//! }
//! # let registry = CircuitBreakerRegistry::builder().build()?;
//! # drop(provider(&registry, reqwest::Client::new())?);
//! # Ok::<(), BoxError>(())
//! ```
//!
//! # The rules
//!
//! | answer | outcome | source |
//! |---|---|---|
//! | 2xx, 3xx | success | |
//! | 402 | quota exhausted | [A], [G]: `billing_error`, and prepaid credits that are spent. No kind beats it: Google's has the same name as its rate limit |
//! | 429 | throttled, with its hint | [O], [A], [G], [B] |
//! | 408, 424, 5xx, among them 503 and 529 | failure, with its hint | [O] 500, 503; [A] 500, 504, 529 `overloaded_error`; [G] 500, 503, 504; [B] 408 `ModelTimeoutException`, 424 `ModelErrorException` |
//! | 400, 401, 403, 404, 413, 422 | ignored: the request or its key is to blame | [O], [A], [G], [B] |
//! | any other 4xx | ignored, for the same reason. 409 too, which SDKs retry as a conflict of requests with each other | [S] |
//!
//! The kind of an error, where it is known, beats these where it says what a status cannot:
//!
//! | kind | named by | outcome |
//! |---|---|---|
//! | exhausted quota | `insufficient_quota`, `credit_balance_exhausted`, `organization_spend_limit_exceeded`, `organization_usage_limit_exceeded`, `project_spend_limit_exceeded` [O], all of them 429; `billing_not_active` (429) and `billing_hard_limit_reached` (400) as [reported](https://github.com/lifan0127/ai-research-assistant/issues/174) [by users](https://github.com/Decryptu/DecryptGPT/issues/1); `billing_error`, `enforced_spend_limit_reached` (429, in `error.details.error_code`) and, as a 400 `invalid_request_error`, a message that begins "You have reached your specified API usage limits" (or "workspace API") [A] or "Your credit balance is too low", as [reported](https://github.com/anthropics/claude-code/issues/66314) | quota exhausted |
//! | rate limit | `rate_limit_exceeded`, `rate_limit_error`, `slow_down` [O]; `rate_limit_error` [A]; `RESOURCE_EXHAUSTED`, `quota_exceeded`, `too_many_requests` [G]; `ThrottlingException`, `ServiceQuotaExceededException` ("You can resubmit your request later") [B] | throttled, with its hint |
//! | provider's own | `server_error`, `service_unavailable_error`, `server_is_overloaded` [O]; `vector_store_timeout` [R]; `api_error`, `overloaded_error`, `timeout_error` [A]; `INTERNAL`, `UNAVAILABLE`, `DEADLINE_EXCEEDED`, `service_unavailable` [G]; `InternalServerException`, `ServiceUnavailableException`, `ModelNotReadyException` (429) and other errors of models [B] | failure, with its hint |
//! | request's own | `invalid_request_error`, `authentication_error`, `permission_error`, `not_found_error`, `request_too_large`, `context_length_exceeded`, `invalid_prompt`, `INVALID_ARGUMENT`, `FAILED_PRECONDITION`, `PERMISSION_DENIED`, `NOT_FOUND`, `ValidationException` and others | by the status; ignored in a stream |
//!
//! A name is looked for in `error.code` and `error.details.error_code`, in `error.status`, and in `error.type`, in this
//! order, but an exhausted quota is one wherever it is named; and in the header `x-amzn-errortype`, for which no body need
//! be read.
//! What Azure answers with has OpenAI's form, with the status for a code where it names none.
//!
//! Google's `RESOURCE_EXHAUSTED` is no exhausted quota, although its message speaks of one: it is told for the limits of
//! a minute and of a day alike, which end by themselves. `quota_exceeded` is that of a day. How long they last is said in
//! the body alone (`RetryInfo`), and not read.
//!
//! A spending limit that its owner has set ends at the month's end; it is an exhausted quota nevertheless, since it may
//! be raised at any time, and nobody knows when. Whoever raises it [resets](crate::CircuitHandle::reset) the circuit.
//!
//! # Hints
//!
//! On a throttled answer or a failure: `retry-after` in seconds or as a date, and `retry-after-ms`, as
//! [`http::retry_after`](crate::http::retry_after()) reads them, and with fractions, which SDKs of OpenAI read too
//! ("allowing nonstandard floats" [S]).
//!
//! On a throttled answer without one: `x-ratelimit-reset-requests` and `x-ratelimit-reset-tokens`. Of the limits whose
//! `x-ratelimit-remaining-*` is 0 the latest reset counts, and where none is said to be, the earliest of all: a hint that
//! is too short costs one call. Their forms are Go's durations, as of OpenAI (`1s`, `6m0s` [L]) and Groq (`2m59.56s`,
//! `7.66s` [Q]), and seconds, as of [Azure](https://learn.microsoft.com/en-us/answers/questions/5625878/azure-openai-responses-api-x-ratelimit-headers-val).
//! They come with every answer, so on a failure, which is not about limits, they are not read. What is of no such form is
//! not there, and what is too long is capped by the policy.
//!
//! # Sources
//!
//! Read on 2026-11-29, in public copies of these pages:
//!
//! - [A] <https://platform.claude.com/docs/en/api/errors>, and for `enforced_spend_limit_reached` and the messages of limits
//!   <https://platform.claude.com/docs/en/api/rate-limits>, by way of
//!   [an index of documented errors](https://www.developersdigest.tech/errors/api/anthropic-api)
//! - [B] <https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html>, and the
//!   [exceptions of its runtime](https://docs.aws.amazon.com/botocore/latest/reference/services/bedrock-runtime/client/exceptions/ServiceQuotaExceededException.html);
//!   for the header, [how a client of Amazon's reads it](https://app.unpkg.com/@aws-amplify/core@6.16.2/files/dist/esm/clients/serde/json.mjs)
//! - [G] <https://ai.google.dev/gemini-api/docs/troubleshooting>, and for 402 and the names in lower case, by way of
//!   [an index of documented errors](https://www.developersdigest.tech/errors/api/gemini-api)
//! - [L] <https://developers.openai.com/api/docs/guides/rate-limits>
//! - [O] <https://developers.openai.com/api/docs/guides/error-codes>,
//!   <https://help.openai.com/en/articles/6614457-troubleshooting-api-usage-and-spend-limits>,
//!   <https://learn.microsoft.com/en-us/microsoft-cloud/dev/dev-proxy/concepts/openai-insufficient-quota>
//! - [Q] <https://console.groq.com/docs/rate-limits>
//! - [R] `ResponseError` in <https://github.com/openai/openai-python>, `src/openai/types/responses/response_error.py`
//! - [S] `_parse_retry_after_header` and `_should_retry` there, `src/openai/_base_client.py`; of errors in streams,
//!   `src/openai/_streaming.py`, which takes an `error` in any event for one and `[DONE]` for the end
//! - the events of streams: <https://platform.claude.com/docs/en/build-with-claude/streaming>, and
//!   [a report](https://github.com/anomalyco/opencode/issues/25730) of an error in a stream of OpenAI's
//!
//! [A]: #sources
//! [B]: #sources
//! [G]: #sources
//! [L]: #sources
//! [O]: #sources
//! [Q]: #sources
//! [R]: #sources
//! [S]: #sources

mod answer;
mod classify;
mod classify_llm;
mod event;
mod future;
mod go_duration;
mod handed_on;
mod hint;
mod kind;
mod policy;
mod provider_error;
mod said;
mod stream_judge;

pub use self::answer::ProviderAnswer;
pub use self::classify::LlmClassify;
pub use self::future::ProviderErrorFuture;
pub use self::handed_on::HandedOnBody;
pub use self::kind::ProviderErrorKind;
pub use self::policy::llm_policy;
pub use self::provider_error::{ProviderError, ProviderErrorLayer, ReadProviderErrors};
use self::said::Said;
pub use self::stream_judge::LlmStreamJudge;
