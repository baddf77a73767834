//! What the driver starts. It is killed when it is dropped.

use std::ffi::OsString;
use std::fs::File;
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::Failed;
use crate::http::Http;
use crate::prometheus::Api;

/// The gateway, while it runs.
pub(crate) struct Gateway {
    pub(crate) process: Child,
    /// `http://` and its host and port.
    pub(crate) address: String,
}

/// Prometheus, while it runs.
pub(crate) struct Prometheus {
    pub(crate) process: Child,
    pub(crate) api: Api,
}

/// Starts the gateway, which lies beside this program, on a port of its own choice.
pub(crate) async fn start_gateway(
    scratch: &Path,
    flags: impl Iterator<Item = OsString>,
) -> Result<Gateway, Failed> {
    let program = std::env::current_exe()?.with_file_name("observed");
    let mut process = Command::new(&program)
        .args(flags)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(File::create(scratch.join("gateway.log"))?)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("{}: {error}", program.display()))?;
    let said = process.stdout.take().ok_or("the gateway has no output")?;
    let mut lines = BufReader::new(said).lines();
    let first = timeout(Duration::from_secs(20), lines.next_line()).await;
    let first = first.map_err(|_| "the gateway said no address")??;
    // The rest of it is for people; a pipe that nobody reads would stop the gateway.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    let address = first.filter(|line| line.starts_with("http://"));
    let address = address.ok_or("the first line of the gateway is no URL; see gateway.log")?;
    println!("the gateway is at {address}");
    Ok(Gateway { process, address })
}

/// Starts a Prometheus with these rules, which scrapes the gateway every second, and waits until it is ready.
pub(crate) async fn start_prometheus(
    http: &Http,
    scratch: &Path,
    rules: &str,
    gateway: &str,
) -> Result<Prometheus, Failed> {
    let target = gateway.trim_start_matches("http://");
    let config = format!(
        "global:
  scrape_interval: 1s
  scrape_timeout: 1s
  evaluation_interval: 1s
rule_files: [rules.yml]
scrape_configs:
  - job_name: observed
    static_configs: [{{targets: ['{target}']}}]
"
    );
    std::fs::write(scratch.join("rules.yml"), rules)?;
    let config_file = scratch.join("prometheus.yml");
    std::fs::write(&config_file, config)?;
    // Free at this moment. Prometheus does not say which port the system chose for it.
    let address = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
    let log = File::create(scratch.join("prometheus.log"))?;
    let mut process = Command::new("prometheus")
        .arg(format!("--config.file={}", config_file.display()))
        .arg(format!(
            "--storage.tsdb.path={}",
            scratch.join("data").display()
        ))
        .arg(format!("--web.listen-address={address}"))
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("prometheus: {error}"))?;
    let ready = format!("http://{address}/-/ready");
    let mut tries = 0;
    while let Err(error) = http.get(&ready).await {
        tries += 1;
        if tries == 100 || process.try_wait()?.is_some() {
            return Err(format!("Prometheus is not ready: {error}; see prometheus.log").into());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    println!("Prometheus is at http://{address}");
    let api = Api::at(address);
    Ok(Prometheus { process, api })
}
