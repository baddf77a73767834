//! What differs between providers, and how a request that was built for one becomes one for another.

use std::fmt;
use std::sync::Arc;

use async_openai::config::{OPENAI_ORGANIZATION_HEADER, OPENAI_PROJECT_HEADER, OpenAIConfig};
use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use reqwest::header::{AUTHORIZATION, HeaderValue, InvalidHeaderValue};
use reqwest::{Request, Url};

/// Where a provider is, and the key that it lets in. A clone copies one pointer.
#[derive(Clone)]
pub(crate) struct Account(Arc<Inner>);

struct Inner {
    /// Without a slash at its end.
    base: String,
    key: String,
    authorization: HeaderValue,
}

impl Account {
    pub(crate) fn new(base: String, key: &str) -> Result<Self, InvalidHeaderValue> {
        let mut authorization = HeaderValue::try_from(format!("Bearer {key}"))?;
        authorization.set_sensitive(true);
        Ok(Self(Arc::new(Inner {
            base,
            key: key.to_owned(),
            authorization,
        })))
    }

    /// For a client that builds its requests for this account.
    pub(crate) fn config(&self) -> OpenAIConfig {
        OpenAIConfig::new()
            .with_api_base(&*self.0.base)
            .with_api_key(&*self.0.key)
    }

    /// Makes of each request that a client builds for one account one for another. The SDK has the whole request in a
    /// closure, so what comes of it is another closure around that.
    pub(crate) fn instead_of(
        &self,
        built_for: &Self,
    ) -> impl Fn(HttpRequestFactory) -> HttpRequestFactory + Clone + Send + Sync + use<> {
        let (to, built_for) = (self.clone(), built_for.clone());
        move |factory| {
            let (to, built_for) = (to.clone(), built_for.clone());
            HttpRequestFactory::new(move || {
                let (factory, to, built_for) = (factory.clone(), to.clone(), built_for.clone());
                async move { to.take_over(factory.build().await?, &built_for) }
            })
        }
    }

    /// The same request, sent here, with this account's key and no other.
    pub(crate) fn take_over(
        &self,
        mut request: Request,
        built_for: &Self,
    ) -> Result<Request, OpenAIError> {
        let built = request.url().as_str();
        let path = built.strip_prefix(&*built_for.0.base);
        // What is not below that base was not built for that account, and gets nobody's key.
        let path = path.filter(|path| path.starts_with('/')).ok_or_else(|| {
            let base = &built_for.0.base;
            OpenAIError::InvalidArgument(format!("a request that is not below {base}"))
        })?;
        let url = format!("{}{path}", self.0.base);
        *request.url_mut() = Url::parse(&url)
            .map_err(|error| OpenAIError::InvalidArgument(format!("{url}: {error}")))?;
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, self.0.authorization.clone());
        // They name the other account.
        headers.remove(OPENAI_ORGANIZATION_HEADER);
        headers.remove(OPENAI_PROJECT_HEADER);
        Ok(request)
    }
}

// By hand, without the key.
impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("base", &self.0.base)
            .finish_non_exhaustive()
    }
}
