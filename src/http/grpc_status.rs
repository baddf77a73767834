//! gRPC responses that say in their head how the call went.

use ::http::HeaderMap;
use ::http::header::CONTENT_TYPE;

use crate::outcome::Outcome;

/// Whether this is gRPC: `application/grpc`, alone or with a message format or a parameter.
///
/// `application/grpc-web` is another protocol.
pub(super) fn is_grpc(headers: &HeaderMap) -> bool {
    const GRPC: &[u8] = b"application/grpc";
    let Some(content_type) = headers.get(CONTENT_TYPE) else {
        return false;
    };
    let Some((essence, rest)) = content_type.as_bytes().split_at_checked(GRPC.len()) else {
        return false;
    };
    essence.eq_ignore_ascii_case(GRPC) && matches!(rest.first(), None | Some(b'+' | b';' | b' '))
}

/// What the `grpc-status` in the head means, hints aside.
///
/// Only a call that ends without a message has it there. The others send it as a trailer, which
/// this crate does not see here; until then the dependency is at work, which is a success.
pub(super) fn of_head(headers: &HeaderMap) -> Outcome {
    let Some(status) = headers.get("grpc-status") else {
        return Outcome::Success;
    };
    match status.as_bytes() {
        // Resource exhausted.
        b"8" => Outcome::throttled(),
        b"0" | b"1" | b"3" | b"5" | b"6" | b"9" | b"10" | b"11" | b"12" | b"16" => Outcome::Success,
        // Unknown 2, deadline exceeded 4, permission denied 7, internal 13, unavailable 14, data loss
        // 15: the failures of linkerd2-proxy. And whatever is not a status, which gRPC reads as unknown.
        _ => Outcome::failure(),
    }
}
