//! A tonic client that asks through one breaker, and a tonic server behind another. The service fails for one tenant.
//!
//! `cargo run --features grpc --example tonic`

mod codec;
mod echo;

use std::error::Error;
use std::net::SocketAddr;

use futures_util::stream;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::service::Routes;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Status, Streaming};
use tower::ServiceBuilder;
use tower_tenant_breaker::grpc::{GrpcClassify, error_response, rejection_response, status_error};
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitOpen, Dependency, HeaderTenant, Policy,
    TenantCircuitBreakerLayer,
};

use crate::echo::{Echo, EchoClient};

const TENANT: HeaderTenant = HeaderTenant::new("x-tenant-id");

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let registry = CircuitBreakerRegistry::builder().build()?;
    let three = Policy::builder().consecutive_failures(3).build()?;
    let near = registry.dependency_with("echo as the client sees it", three.clone())?;
    let far = registry.dependency_with("echo as the server sees it", three)?;

    println!("A client with a breaker around its channel; a server without one.");
    let channel = connect(serve_plainly().await?)?;
    let breaker =
        TenantCircuitBreakerLayer::new(near.clone(), TENANT).classify_grpc(GrpcClassify::new());
    let guarded = ServiceBuilder::new()
        .map_err(status_error) // so that the caller sees `Unavailable`, and can find the circuit
        .layer(breaker)
        .service(channel);
    let mut client = EchoClient::new(guarded);
    for call in 1..=4 {
        // The stream begins well: its status comes in the trailers, after the second message.
        let answers = client.repeat(of("acme", "one, two, fail 14".to_owned())?);
        tell("acme", call, all(answers.await).await);
    }
    let answers = client.repeat(of("globex", "one, two, three".to_owned())?);
    tell("globex", 1, all(answers.await).await);
    tell_of(&near);

    println!("\nA client without a breaker; a server behind one.");
    let mut client = EchoClient::new(connect(serve_guarded(far.clone()).await?)?);
    for call in 1..=4 {
        let answer = client.once(of("acme", "fail 14".to_owned())?).await;
        tell("acme", call, answer.map(|answer| vec![answer]));
    }
    let words = |words: [&'static str; 2]| stream::iter(words.map(str::to_owned));
    let joined = client.join(of("globex", words(["one, ", "two"]))?).await;
    tell("globex", 1, joined.map(|joined| vec![joined]));
    tell(
        "globex",
        2,
        all(client.each(of("globex", words(["one", "two"]))?).await).await,
    );
    tell_of(&far);
    println!(
        "\nOne tenant's outage was found in heads and in trailers, and cost the other no call."
    );
    Ok(())
}

fn of<T>(tenant: &str, message: T) -> Result<Request<T>, Box<dyn Error>> {
    let mut request = Request::new(message);
    request
        .metadata_mut()
        .insert("x-tenant-id", tenant.parse()?);
    Ok(request)
}

async fn all(answers: Result<Streaming<String>, Status>) -> Result<Vec<String>, Status> {
    let mut answers = answers?;
    let mut seen = Vec::new();
    while let Some(answer) = answers.message().await? {
        seen.push(answer);
    }
    Ok(seen)
}

fn tell(tenant: &str, call: u32, answers: Result<Vec<String>, Status>) {
    match answers {
        Ok(answers) => println!("  {tenant:>6}, call {call}: {}", answers.join(", ")),
        Err(status) => {
            let pushback = status.metadata().get("grpc-retry-pushback-ms");
            let pushback = pushback.and_then(|milliseconds| milliseconds.to_str().ok());
            let told = match (CircuitOpen::find(&status), pushback) {
                (Some(open), _) => {
                    let left = open.retry_after().unwrap_or_default();
                    format!("not sent: {}, back in {left:.0?}", open.reason())
                }
                (None, Some(pushback)) => format!("not served, back in {pushback} ms"),
                (None, None) => "sent, and the service failed".to_owned(),
            };
            println!("  {tenant:>6}, call {call}: {:?}, {told}", status.code());
        }
    }
}

fn tell_of(echo: &Dependency) {
    let (acme, globex) = (echo.state("acme"), echo.state("globex"));
    println!(
        "  {}: acme's circuit is {acme}, globex's is {globex}",
        echo.name()
    );
}

fn connect(server: SocketAddr) -> Result<Channel, Box<dyn Error>> {
    Ok(Endpoint::try_from(format!("http://{server}"))?.connect_lazy())
}

async fn listen() -> Result<(SocketAddr, TcpListenerStream), Box<dyn Error>> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    Ok((listener.local_addr()?, TcpListenerStream::new(listener)))
}

async fn serve_plainly() -> Result<SocketAddr, Box<dyn Error>> {
    let (address, incoming) = listen().await?;
    tokio::spawn(
        Server::builder()
            .add_service(Echo)
            .serve_with_incoming(incoming),
    );
    Ok(address)
}

async fn serve_guarded(echo: Dependency) -> Result<SocketAddr, Box<dyn Error>> {
    let (address, incoming) = listen().await?;
    let breaker = TenantCircuitBreakerLayer::new(echo, TENANT)
        .classify_grpc(GrpcClassify::new())
        .respond_with(rejection_response) // `UNAVAILABLE` with a pushback
        .respond_to_error(error_response);
    let mut server = Server::builder().layer(breaker);
    tokio::spawn(
        server
            .add_routes(Routes::new(Echo))
            .serve_with_incoming(incoming),
    );
    Ok(address)
}
