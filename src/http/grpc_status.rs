//! What a gRPC call says of itself, in its head or in its trailers.

use ::http::HeaderMap;
use ::http::header::CONTENT_TYPE;

use crate::outcome::Outcome;

/// A status of gRPC, from 0 to 16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GrpcStatus(u8);

impl GrpcStatus {
    pub(crate) const UNKNOWN: Self = Self(2);
    pub(crate) const COUNT: u8 = 17;

    /// The status of this number; unknown, where no status has it.
    pub(crate) const fn known(code: u8) -> Self {
        if code < Self::COUNT {
            Self(code)
        } else {
            Self::UNKNOWN
        }
    }

    #[cfg(feature = "grpc")]
    pub(crate) const fn code(self) -> u8 {
        self.0
    }

    /// What it means unless somebody said otherwise, hints aside: the failures are those of linkerd2-proxy.
    pub(crate) fn outcome(self) -> Outcome {
        match self.0 {
            // Cancelled: who gave up is anybody's guess.
            1 => Outcome::Cancelled,
            // Resource exhausted.
            8 => Outcome::throttled(),
            // Unknown, deadline exceeded, permission denied, internal, unavailable, data loss.
            2 | 4 | 7 | 13 | 14 | 15 => Outcome::failure(),
            _ => Outcome::Success,
        }
    }
}

/// Whether this is gRPC: `application/grpc`, alone or with a message format or a parameter.
///
/// `application/grpc-web` is another protocol.
pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    const GRPC: &[u8] = b"application/grpc";
    let Some(content_type) = headers.get(CONTENT_TYPE) else {
        return false;
    };
    let Some((essence, rest)) = content_type.as_bytes().split_at_checked(GRPC.len()) else {
        return false;
    };
    essence.eq_ignore_ascii_case(GRPC) && matches!(rest.first(), None | Some(b'+' | b';' | b' '))
}

/// The status among headers or trailers; none where there is none. What is not a status is one that gRPC reads
/// as unknown.
///
/// Only a call that ends without a message has it in its head. The others send it after their messages.
pub(crate) fn of(headers: &HeaderMap) -> Option<GrpcStatus> {
    let value = headers.get("grpc-status")?.as_bytes();
    Some(match *value {
        [digit @ b'0'..=b'9'] => GrpcStatus::known(digit - b'0'),
        [b'1', digit @ b'0'..=b'9'] => GrpcStatus::known(10 + digit - b'0'),
        _ => GrpcStatus::UNKNOWN,
    })
}

/// Whether this head is that of a gRPC call whose status is yet to come.
pub(crate) fn comes_later(head: &HeaderMap) -> bool {
    is_grpc(head) && of(head).is_none()
}
