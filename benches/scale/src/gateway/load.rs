use std::net::SocketAddr;
use std::time::{Duration, Instant};

use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::runtime::{self, Runtime};
use tokio::task::JoinSet;
use tower::BoxError;

use super::{Way, upstream};
use crate::setup::tenants;

/// Each sends its next request when the last one is answered, so that the gateway always has something to do.
const CONNECTIONS: usize = 16;

/// Who calls, in turn.
const TENANTS: usize = 160;

/// The client and the upstream, on one thread, beside the gateway's.
pub struct Load {
    runtime: Runtime,
    upstream: SocketAddr,
    /// For each way, and the host that its requests name.
    connections: [(String, Vec<Connection>); 2],
}

type Connection = SendRequest<Empty<Bytes>>;

impl Load {
    pub fn new() -> Result<Self, BoxError> {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let upstream = runtime.block_on(upstream::serve())?;
        Ok(Self {
            runtime,
            upstream,
            connections: Default::default(),
        })
    }

    pub fn upstream(&self) -> SocketAddr {
        self.upstream
    }

    /// Lets go of the connections that there were, and connects with a gateway without the layer and with it.
    pub fn connect(&mut self, addresses: [SocketAddr; 2]) -> Result<(), BoxError> {
        for (address, (host, connections)) in addresses.into_iter().zip(&mut self.connections) {
            *host = address.to_string();
            connections.clear();
            for _ in 0..CONNECTIONS {
                connections.push(self.runtime.block_on(connect(address))?);
            }
        }
        Ok(())
    }

    /// Sends so many requests over all connections of this way, and says how long that took.
    pub fn send(&mut self, way: Way, requests: u64) -> Result<Duration, BoxError> {
        let (host, connections) = &mut self.connections[way as usize];
        let begun = Instant::now();
        let sent = self.runtime.block_on(async {
            let mut all = JoinSet::new();
            let each = requests / CONNECTIONS as u64;
            let rest = requests % CONNECTIONS as u64;
            for (number, connection) in connections.drain(..).enumerate() {
                let some = each + u64::from((number as u64) < rest);
                all.spawn(send(connection, host.clone(), number, some));
            }
            let mut back = Vec::new();
            while let Some(connection) = all.join_next().await {
                back.push(connection??);
            }
            Ok::<_, BoxError>(back)
        });
        let took = begun.elapsed();
        *connections = sent?;
        Ok(took)
    }
}

async fn connect(address: SocketAddr) -> Result<Connection, BoxError> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (connection, driver) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(driver);
    Ok(connection)
}

/// One after the other, by tenants of its own in turn, each read to its end.
async fn send(
    mut connection: Connection,
    host: String,
    number: usize,
    requests: u64,
) -> Result<Connection, BoxError> {
    let each = TENANTS / CONNECTIONS;
    for tenant in tenants(number * each, each)
        .iter()
        .cycle()
        .take(usize::try_from(requests)?)
    {
        let request = Request::get("/search?q=breaker")
            .header(header::HOST, &host)
            .header(header::ACCEPT, "application/json")
            .header("x-tenant-id", *tenant)
            .body(Empty::new())?;
        connection.ready().await?;
        let answer = connection.send_request(request).await?;
        if answer.status() != StatusCode::OK {
            return Err(format!("the gateway answered {}", answer.status()).into());
        }
        answer.into_body().collect().await?;
    }
    Ok(connection)
}
