use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;

use http::{HeaderValue, Request, Response, header};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// What it answers.
const PAGE: &[u8] = br#"{"hits":[{"id":17,"title":"found it"},{"id":23,"title":"and this"}]}"#;

/// Serves a small page to whoever asks.
pub async fn serve() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            // Where it could not be set, answers are only slower.
            let _ = connection.set_nodelay(true);
            tokio::spawn(
                http1::Builder::new()
                    .serve_connection(TokioIo::new(connection), service_fn(answer)),
            );
        }
    });
    Ok(address)
}

async fn answer(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::new(Bytes::from_static(PAGE)));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    Ok(response)
}
