//! A gateway of axum over TCP, with the layer and without.
//!
//! The gateway is a process of its own, that serves both ways on a port each, so that what it spends is counted without
//! its client and its upstream, and both have the same process's luck with where its code and its memory lie. For each
//! pair a new process is started, so that the luck is another one.

mod load;
mod process;
mod serve;
mod upstream;

use std::cell::RefCell;
use std::time::Duration;

use gauge::pairs::{Pairs, Spent};
use tower::BoxError;

use crate::args::Part;
use crate::report::{Budget, Row};
use load::Load;
use process::Process;
pub use serve::serve;

/// What the processor spends on a request, with the layer over without.
const BUDGET: Budget = Budget::Cpu(1.03);

/// How many requests a run is.
const REQUESTS: u64 = 5_000;

/// How many before the first run of a process, each way: by then it has its connections and its memory.
const WARM: u64 = 1_000;

/// A gateway that runs, and the load upon it.
struct Stage {
    gateway: Process,
    load: Load,
    /// How many runs are over.
    runs: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Without,
    With,
}

impl Stage {
    fn set() -> Result<Self, BoxError> {
        let load = Load::new()?;
        let gateway = Process::start(load.upstream())?;
        let mut stage = Self {
            gateway,
            load,
            runs: 0,
        };
        stage.warm()?;
        Ok(stage)
    }

    /// Connects with a gateway that has just begun, and has it answer until it is warm.
    fn warm(&mut self) -> Result<(), BoxError> {
        self.load.connect(self.gateway.addresses())?;
        for way in [Way::Without, Way::With] {
            self.load.send(way, WARM)?;
        }
        Ok(())
    }

    fn run(&mut self, way: Way) -> Result<Spent, BoxError> {
        if self.runs > 0 && self.runs.is_multiple_of(2) {
            self.gateway = Process::start(self.load.upstream())?;
            self.warm()?;
        }
        self.runs += 1;
        let spent = self.gateway.spent()?;
        let wall = self.load.send(way, REQUESTS)?;
        let cpu = self.gateway.spent()? - spent;
        Ok(Spent {
            calls: REQUESTS,
            cpu,
            wall,
            // Requests do not cost the gateway more for waiting.
            queued: Duration::ZERO,
        })
    }
}

/// # Errors
///
/// Where the gateway could not be started, or did not answer with 200.
pub fn measure(pairs: &Pairs) -> Result<Vec<Row>, BoxError> {
    let stage = RefCell::new(Stage::set()?);
    let failed = RefCell::new(None);
    let run = |way| {
        if failed.borrow().is_some() {
            return Spent::default();
        }
        let spent = stage.borrow_mut().run(way);
        spent.unwrap_or_else(|error| {
            failed.replace(Some(error));
            Spent::default()
        })
    };
    let compared = pairs.compare(2, || run(Way::Without), || run(Way::With));
    match failed.into_inner() {
        Some(error) => Err(error),
        None => Ok(vec![
            Row::new(
                Part::Gateway,
                "axum, HTTP/1.1 on loopback",
                "with the layer to without",
                compared,
            )
            .budget(BUDGET),
        ]),
    }
}
