use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;
use std::{env, thread};

use tower::BoxError;

/// Before the gateway is asked what it spent, so that its threads wait, and the system knows what they spent.
const SETTLING: Duration = Duration::from_millis(3);

/// The gateway, in a process of its own, which ends with this.
///
/// It says its addresses in one line, and then answers each line with what it has spent, in nanoseconds, in another.
pub struct Process {
    child: Child,
    ask: ChildStdin,
    answers: BufReader<ChildStdout>,
    addresses: [SocketAddr; 2],
}

impl Process {
    pub fn start(upstream: SocketAddr) -> Result<Self, BoxError> {
        let mut gateway = Command::new(env::current_exe()?);
        gateway.args(["--serve", &upstream.to_string()]);
        let mut child = gateway
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let ask = child.stdin.take().ok_or("a pipe was asked for")?;
        let answers = child.stdout.take().ok_or("a pipe was asked for")?;
        // From here on it is ended with what it is part of, also where what it says is not understood.
        let nowhere = SocketAddr::from(([0; 4], 0));
        let mut process = Self {
            child,
            ask,
            answers: BufReader::new(answers),
            addresses: [nowhere; 2],
        };
        let line = process.line()?;
        let mut said = line.split_whitespace().map(str::parse);
        for address in &mut process.addresses {
            *address = said.next().ok_or("the gateway says no address")??;
        }
        Ok(process)
    }

    /// Without the layer, and with it.
    pub fn addresses(&self) -> [SocketAddr; 2] {
        self.addresses
    }

    /// What its processors spent on it so far.
    pub fn spent(&mut self) -> Result<Duration, BoxError> {
        thread::sleep(SETTLING);
        self.ask.write_all(b"spent\n")?;
        let nanos = self.line()?.trim().parse()?;
        Ok(Duration::from_nanos(nanos))
    }

    fn line(&mut self) -> Result<String, BoxError> {
        let mut line = String::new();
        match self.answers.read_line(&mut line)? {
            0 => Err("the gateway has ended".into()),
            _ => Ok(line),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
