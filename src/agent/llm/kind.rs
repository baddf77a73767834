use crate::Outcome;

/// What a provider says is wrong, as far as a circuit cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProviderErrorKind {
    /// Too many requests or tokens for now.
    RateLimited,
    /// What was paid for, or allowed to be spent, is used up: waiting does not help, or not before the month is over.
    QuotaExhausted,
    /// The provider is overloaded, or something broke there.
    Unavailable,
    /// What was asked for, or who asked: malformed, too long, refused, not found, not allowed.
    InvalidRequest,
}

use ProviderErrorKind::{InvalidRequest, QuotaExhausted, RateLimited, Unavailable};

impl ProviderErrorKind {
    /// What it means to a circuit, hints aside.
    pub(super) const fn outcome(self) -> Outcome {
        match self {
            RateLimited => Outcome::throttled(),
            QuotaExhausted => Outcome::QuotaExhausted,
            Unavailable => Outcome::failure(),
            InvalidRequest => Outcome::Ignored,
        }
    }

    /// The kind that a type, a code or a status of a provider names; none where it is not known here.
    ///
    /// [The module](super) has the sources.
    pub(super) fn of(name: &str) -> Option<Self> {
        Some(match name {
            // OpenAI.
            "insufficient_quota"
            | "credit_balance_exhausted"
            | "organization_spend_limit_exceeded"
            | "organization_usage_limit_exceeded"
            | "project_spend_limit_exceeded"
            | "billing_hard_limit_reached"
            | "billing_not_active" => QuotaExhausted,
            "rate_limit_exceeded" | "slow_down" => RateLimited,
            "server_error"
            | "service_unavailable_error"
            | "server_is_overloaded"
            | "vector_store_timeout" => Unavailable,
            "context_length_exceeded"
            | "invalid_prompt"
            | "invalid_api_key"
            | "model_not_found" => InvalidRequest,
            // Anthropic; its `rate_limit_error` and `invalid_request_error` are OpenAI's too.
            "billing_error" | "enforced_spend_limit_reached" => QuotaExhausted,
            "rate_limit_error" => RateLimited,
            "api_error" | "overloaded_error" | "timeout_error" => Unavailable,
            "invalid_request_error"
            | "authentication_error"
            | "permission_error"
            | "not_found_error"
            | "conflict_error"
            | "request_too_large" => InvalidRequest,
            // Google. `RESOURCE_EXHAUSTED` is a rate limit and a quota of a day alike.
            "RESOURCE_EXHAUSTED" | "quota_exceeded" | "too_many_requests" => RateLimited,
            "UNAVAILABLE" | "INTERNAL" | "DEADLINE_EXCEEDED" | "service_unavailable" => Unavailable,
            "INVALID_ARGUMENT"
            | "FAILED_PRECONDITION"
            | "PERMISSION_DENIED"
            | "UNAUTHENTICATED"
            | "NOT_FOUND"
            | "invalid_request"
            | "failed_precondition"
            | "not_found" => InvalidRequest,
            // Amazon. Its quota of an account is one to come back to later.
            "ThrottlingException" | "ServiceQuotaExceededException" => RateLimited,
            "InternalServerException"
            | "InternalFailure"
            | "ModelErrorException"
            | "ModelNotReadyException"
            | "ModelStreamErrorException"
            | "ModelTimeoutException"
            | "ServiceUnavailableException" => Unavailable,
            "AccessDeniedException" | "ResourceNotFoundException" | "ValidationException" => {
                InvalidRequest
            }
            _ => return None,
        })
    }

    /// Where a provider has an exhausted quota among what is wrong with a request, its message alone tells.
    pub(super) fn of_message(message: &str) -> Option<Self> {
        const QUOTA: [&str; 3] = [
            "Your credit balance is too low",
            "You have reached your specified API usage limits",
            "You have reached your specified workspace API usage limits",
        ];
        QUOTA
            .iter()
            .any(|begins| message.starts_with(begins))
            .then_some(QuotaExhausted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_providers_name_has_a_kind_and_what_they_do_not_has_none() {
        for (name, kind) in [
            ("insufficient_quota", QuotaExhausted),
            ("billing_error", QuotaExhausted),
            ("enforced_spend_limit_reached", QuotaExhausted),
            ("slow_down", RateLimited),
            ("RESOURCE_EXHAUSTED", RateLimited),
            ("ServiceQuotaExceededException", RateLimited),
            ("overloaded_error", Unavailable),
            ("ModelNotReadyException", Unavailable),
            ("context_length_exceeded", InvalidRequest),
        ] {
            assert_eq!(ProviderErrorKind::of(name), Some(kind), "{name}");
        }
        for name in ["", "tokens", "insufficient_quota ", "resource_exhausted"] {
            assert_eq!(ProviderErrorKind::of(name), None, "{name}");
        }
    }

    #[test]
    fn a_balance_that_is_spent_is_told_by_its_message() {
        let spent = "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing \
            to upgrade or purchase credits.";
        assert_eq!(ProviderErrorKind::of_message(spent), Some(QuotaExhausted));
        let quoted = "messages: the text \"Your credit balance is too low\" is not allowed";
        assert_eq!(ProviderErrorKind::of_message(quoted), None);
    }
}
