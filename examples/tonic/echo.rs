//! A gRPC service with the four kinds of calls, and its client. It answers with what it is told, and does as it is told:
//! `fail 14` fails with the status of that number, and `hang` never answers.

use std::convert::Infallible;
use std::future::{Future, pending};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::stream::{self, BoxStream, Stream, StreamExt};
use http::uri::PathAndQuery;
use tonic::body::Body;
use tonic::client::GrpcService;
use tonic::server::NamedService;
use tonic::{Code, Request, Response, Status, Streaming};
use tower::{BoxError, Service, service_fn};

use crate::codec::Text;

// ===== server =====

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Echo;

impl NamedService for Echo {
    const NAME: &'static str = "echo.Echo";
}

impl Service<http::Request<Body>> for Echo {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async move {
            let mut grpc = tonic::server::Grpc::new(Text);
            Ok(match request.uri().path() {
                "/echo.Echo/Once" => grpc.unary(service_fn(once), request).await,
                "/echo.Echo/Repeat" => grpc.server_streaming(service_fn(repeat), request).await,
                "/echo.Echo/Join" => grpc.client_streaming(service_fn(join), request).await,
                "/echo.Echo/Each" => grpc.streaming(service_fn(each), request).await,
                _ => Status::unimplemented("no such method").into_http(),
            })
        })
    }
}

type Answers = BoxStream<'static, Result<String, Status>>;

/// Does as the word says.
async fn obey(word: String) -> Result<String, Status> {
    match word.split_once(' ') {
        Some(("fail", code)) => {
            let code = code.parse().map_or(Code::Unknown, Code::from_i32);
            Err(Status::new(code, "as you wish"))
        }
        _ if word == "hang" => pending().await,
        _ => Ok(word),
    }
}

async fn once(request: Request<String>) -> Result<Response<String>, Status> {
    obey(request.into_inner()).await.map(Response::new)
}

/// One answer for each word.
async fn repeat(request: Request<String>) -> Result<Response<Answers>, Status> {
    let words: Vec<String> = request
        .into_inner()
        .split(", ")
        .map(str::to_owned)
        .collect();
    Ok(Response::new(stream::iter(words).then(obey).boxed()))
}

async fn join(request: Request<Streaming<String>>) -> Result<Response<String>, Status> {
    let mut words = request.into_inner();
    let mut joined = String::new();
    while let Some(word) = words.message().await? {
        joined.push_str(&obey(word).await?);
    }
    Ok(Response::new(joined))
}

async fn each(request: Request<Streaming<String>>) -> Result<Response<Answers>, Status> {
    let answers = request.into_inner().then(async |word| obey(word?).await);
    Ok(Response::new(answers.boxed()))
}

// ===== client =====

/// As a generated client: around a `Channel`, or around a breaker around one.
#[derive(Clone, Debug)]
pub(crate) struct EchoClient<T> {
    grpc: tonic::client::Grpc<T>,
}

impl<T> EchoClient<T>
where
    T: GrpcService<Body>,
    T::ResponseBody: Send + 'static,
    <T::ResponseBody as http_body::Body>::Error: Into<BoxError> + Send,
    T::ResponseBody: http_body::Body<Data = bytes::Bytes>,
{
    pub(crate) fn new(inner: T) -> Self {
        Self {
            grpc: tonic::client::Grpc::new(inner),
        }
    }

    async fn ready(&mut self) -> Result<&mut tonic::client::Grpc<T>, Status> {
        let ready = self.grpc.ready().await;
        ready.map_err(|error| Status::from_error(error.into()))?;
        Ok(&mut self.grpc)
    }

    pub(crate) async fn once(&mut self, word: Request<String>) -> Result<String, Status> {
        let path = PathAndQuery::from_static("/echo.Echo/Once");
        let answer = self.ready().await?.unary(word, path, Text).await?;
        Ok(answer.into_inner())
    }

    pub(crate) async fn repeat(
        &mut self,
        words: Request<String>,
    ) -> Result<Streaming<String>, Status> {
        let path = PathAndQuery::from_static("/echo.Echo/Repeat");
        let answer = self.ready().await?.server_streaming(words, path, Text);
        Ok(answer.await?.into_inner())
    }

    pub(crate) async fn join<S>(&mut self, words: Request<S>) -> Result<String, Status>
    where
        S: Stream<Item = String> + Send + 'static,
    {
        let path = PathAndQuery::from_static("/echo.Echo/Join");
        let answer = self.ready().await?.client_streaming(words, path, Text);
        Ok(answer.await?.into_inner())
    }

    pub(crate) async fn each<S>(&mut self, words: Request<S>) -> Result<Streaming<String>, Status>
    where
        S: Stream<Item = String> + Send + 'static,
    {
        let path = PathAndQuery::from_static("/echo.Echo/Each");
        let answer = self.ready().await?.streaming(words, path, Text);
        Ok(answer.await?.into_inner())
    }
}
