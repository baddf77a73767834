use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

use ::http::header::{AUTHORIZATION, HeaderName};
use ::http::{HeaderMap, Request};
use siphasher::sip128::SipHasher24;

use super::header_tenant::only_value;
use crate::tenant::{MissingReason, MissingTenant, Tenant, TenantExtractor};

/// The tenant is whoever holds a credential: a bearer token or an API key.
///
/// The credential itself is neither kept nor shown. The tenant's id is its keyed 128-bit hash,
/// SipHash-2-4, as 32 hexadecimal digits; it goes into circuits, events, logs and errors, and is
/// made without an allocation.
///
/// ```
/// use http::Request;
/// use tower_tenant_breaker::TenantExtractor;
/// use tower_tenant_breaker::http::CredentialTenant;
///
/// # fn main() -> Result<(), http::Error> {
/// let extractor = CredentialTenant::bearer();
/// let request = Request::get("/").header("authorization", "Bearer s3cret").body(())?;
///
/// // What an operator does who is handed a credential and asked for its circuit.
/// assert_eq!(extractor.extract(&request), Ok(extractor.tenant_id_of("s3cret")));
/// # Ok(())
/// # }
/// ```
///
/// # It does not authenticate
///
/// An unknown credential has a circuit as well as a valid one. Put the layer behind the one that
/// checks credentials, or a caller can make up as many tenants as it likes.
///
/// A token that is renewed every hour is a new tenant every hour, with a new circuit. For such
/// tokens, take the account that authentication found in them: see
/// [`ExtensionTenant`](crate::http::ExtensionTenant).
///
/// # When a hash under a secret key is enough, and when it is not
///
/// SipHash is made to be unpredictable to whoever lacks the key. Such a person, holding ids from a
/// log, can neither compute a credential nor check a guess, and cannot aim at another tenant's
/// circuit; and among 128-bit ids an accident is out of the question. A slow password hash would add
/// nothing to that, and cost every call.
///
/// It is not enough where the key gets out. SipHash is fast, so who has the key and an id can try
/// guesses at leisure: harmless against 128 random bits, fatal for what people think up. So there
/// is no such extractor for Basic authentication; guard [a key of your own](Self::key) as you guard
/// the credentials, and use it for nothing else.
#[derive(Clone)]
pub struct CredentialTenant {
    place: Place,
    key: [u8; 16],
}

#[derive(Clone, Debug)]
enum Place {
    Bearer,
    ApiKey(HeaderName),
}

impl CredentialTenant {
    /// The credential is the token of `Authorization: Bearer <token>`, the scheme in any case.
    ///
    /// Another scheme, no token or more than one word of it is
    /// [`Malformed`](MissingReason::Malformed), and a repeated header
    /// [`Repeated`](MissingReason::Repeated).
    #[must_use]
    pub fn bearer() -> Self {
        Self::at(Place::Bearer)
    }

    /// The credential is the whole value of this header, whose name is written in the program.
    ///
    /// # Panics
    ///
    /// Where the name is not a header's or has upper-case letters in it, as
    /// [`HeaderName::from_static`]. Use [`try_api_key`](Self::try_api_key) for a name that comes from
    /// a configuration.
    ///
    /// ```
    /// use tower_tenant_breaker::http::CredentialTenant;
    ///
    /// let extractor = CredentialTenant::api_key("x-api-key");
    /// ```
    #[must_use]
    pub fn api_key(name: &'static str) -> Self {
        Self::at(Place::ApiKey(HeaderName::from_static(name)))
    }

    /// The credential is the whole value of this header, whose name comes from outside; in any case.
    ///
    /// # Errors
    ///
    /// The name is not a header's.
    ///
    /// ```
    /// use tower_tenant_breaker::http::CredentialTenant;
    ///
    /// assert!(CredentialTenant::try_api_key("X-Api-Key").is_ok());
    /// assert!(CredentialTenant::try_api_key("api key").is_err());
    /// ```
    pub fn try_api_key<N>(name: N) -> Result<Self, N::Error>
    where
        N: TryInto<HeaderName>,
    {
        Ok(Self::at(Place::ApiKey(name.try_into()?)))
    }

    fn at(place: Place) -> Self {
        Self {
            place,
            key: *key_of_this_process(),
        }
    }

    /// Hashes under this key, so that several processes, or one before and after a restart, give a
    /// credential the same id.
    ///
    /// Sixteen bytes from a secure random source, kept secret. Without it, all extractors of this
    /// process share one random key, which the standard library's [`RandomState`] makes from the
    /// operating system's randomness.
    ///
    /// ```
    /// use tower_tenant_breaker::http::CredentialTenant;
    ///
    /// # let key = [7; 16];
    /// let here = CredentialTenant::bearer().key(key);
    /// let there = CredentialTenant::api_key("x-api-key").key(key);
    /// assert_eq!(here.tenant_id_of("s3cret"), there.tenant_id_of("s3cret"));
    /// ```
    #[must_use]
    pub fn key(mut self, key: [u8; 16]) -> Self {
        self.key = key;
        self
    }

    /// The id of the tenant who holds this credential: what names its circuit for an operator.
    ///
    /// The credential alone, without `Bearer`.
    #[must_use]
    pub fn tenant_id_of(&self, credential: impl AsRef<[u8]>) -> Tenant<'static> {
        let hasher = SipHasher24::new_with_key(&self.key);
        let hash = hasher.hash(credential.as_ref()).as_u128();
        // In the order of SipHash's own definition, so that other programs come to the same digits.
        Tenant::hex(hash.to_le_bytes())
    }

    /// The tenant that these headers name, for requests that are not an [`http::Request`](Request).
    ///
    /// # Errors
    ///
    /// As [`extract`](TenantExtractor::extract): absent, repeated, malformed, empty.
    pub fn of_headers(&self, headers: &HeaderMap) -> Result<Tenant<'static>, MissingTenant> {
        let credential = match &self.place {
            Place::Bearer => {
                let value = only_value(headers, &AUTHORIZATION)?;
                token_of(value.as_bytes()).ok_or(MissingReason::Malformed)?
            }
            Place::ApiKey(name) => only_value(headers, name)?.as_bytes(),
        };
        if credential.is_empty() {
            return Err(MissingReason::Empty.into());
        }
        Ok(self.tenant_id_of(credential))
    }
}

impl<B> TenantExtractor<Request<B>> for CredentialTenant {
    fn extract<'a>(&self, req: &'a Request<B>) -> Result<Tenant<'a>, MissingTenant> {
        self.of_headers(req.headers())
    }
}

// By hand, because the key is a secret.
impl fmt::Debug for CredentialTenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialTenant")
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

/// The token of a bearer credential: `Bearer`, at least one space, one word.
fn token_of(authorization: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = authorization.split_at_checked(b"Bearer".len())?;
    let token = rest.trim_ascii();
    let one_word = !token.is_empty() && !token.iter().any(u8::is_ascii_whitespace);
    (scheme.eq_ignore_ascii_case(b"Bearer") && rest.starts_with(b" ") && one_word).then_some(token)
}

/// One key for all extractors of a process, so that a credential has one circuit behind all layers
/// that share a dependency.
fn key_of_this_process() -> &'static [u8; 16] {
    static KEY: OnceLock<[u8; 16]> = OnceLock::new();
    KEY.get_or_init(|| {
        // The keys of a `RandomState` are secret and random, and SipHash under them is a source of
        // bits: two different inputs give two independent halves.
        let random = RandomState::new();
        let halves = [random.hash_one(0_u8), random.hash_one(1_u8)];
        let mut key = [0; 16];
        for (place, byte) in key
            .iter_mut()
            .zip(halves.iter().flat_map(|half| half.to_ne_bytes()))
        {
            *place = byte;
        }
        key
    })
}
