//! The second story: a dependency that is down for one tenant, then for all, and then forced open by hand.
//!
//! Told by the log that an operator reads, by a table and by a verdict. Read on in `plan.rs`, which has the
//! policy, and in `play.rs`, which has the acts.

mod admin;
mod count;
mod load;
mod log;
mod operator;
mod plan;
mod play;
mod reading;
mod story;
mod table;
mod tape;
mod verdict;
mod words;

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::time::Instant;
use tower_tenant_breaker::http::HeaderTenant;
use tower_tenant_breaker::{CircuitBreakerRegistry, Dependency, Event};

use self::load::Load;
use self::log::{LEGEND, Log};
use self::operator::Operator;
use self::plan::{POLICY_IN_WORDS, TENANTS, policy};
use self::story::Story;
use self::tape::Tape;
use crate::args::Args;
use crate::gateways::serve;
use crate::serve::page;
use crate::upstream::Upstream;

/// An upstream, a gateway in front of it, and who watches both.
#[derive(Debug)]
pub(crate) struct Stage {
    upstream: Upstream,
    gateway: SocketAddr,
    registry: CircuitBreakerRegistry,
    dependency: Arc<Dependency>,
    operator: Arc<Operator>,
    log: Arc<Log>,
    tape: Tape,
}

impl Stage {
    async fn set(aloud: bool) -> Result<Self, Box<dyn Error>> {
        let upstream = Upstream::start().await?;
        let tape = Tape::default();
        let log = Arc::new(Log::new(Instant::now(), aloud, tape.clone()));

        let observer = Arc::clone(&log);
        let registry = CircuitBreakerRegistry::builder()
            .observer(move |event: &Event<'_>| observer.note(event))
            .build()?;
        let dependency = Arc::new(registry.dependency_with("search", policy()?)?);
        log.watch(Arc::downgrade(&dependency));

        let operator = Arc::new(Operator::new(Arc::clone(&dependency), Arc::clone(&log)));
        let beside = admin::routes(Arc::clone(&operator));
        let tenant = HeaderTenant::new("x-tenant-id");
        let gateway = serve("gateway", &dependency, tenant, &upstream, beside).await?;
        Ok(Self {
            upstream,
            gateway,
            registry,
            dependency,
            operator,
            log,
            tape,
        })
    }
}

/// Plays it, and returns whether it showed what it should.
pub(crate) async fn run(args: Args) -> Result<bool, Box<dyn Error>> {
    let stage = Stage::set(!args.json).await?;
    if !args.json {
        let (tenants, upstream, gateway) = (TENANTS.len(), stage.upstream.address, stage.gateway);
        println!(
            "upstream on {upstream}, gateway on {gateway}: a circuit for each of {tenants} tenants"
        );
        println!("{POLICY_IN_WORDS}\n\n{LEGEND}");
    }

    // From the beginning, so that it has seen what it shows.
    let page = match args.serve {
        true => Some(page(&stage.registry).await?),
        false => None,
    };
    stage.upstream.keep_arrivals();
    let load = Load::start(stage.gateway, &stage.tape);
    let marks = play::all_acts(&stage).await;
    load.stop().await;
    let story = Story::of(&marks, &stage.tape.end(), &stage.upstream.arrivals());
    stage.upstream.drop_arrivals();

    let complaints = verdict::complaints(&story);
    if args.json {
        println!("{}", table::json_line(&story, &complaints));
    } else {
        table::print(&story);
    }
    for complaint in &complaints {
        eprintln!("not as it should be: {complaint}");
    }
    if complaints.is_empty() && !args.json {
        println!("\n{}", words::in_words(&story));
    }

    if let Some(page) = page {
        let commands = admin::commands(stage.gateway, stage.upstream.address, page);
        // The last line of stdout is the figures, where they were asked for.
        if args.json {
            eprintln!("{commands}");
        } else {
            println!("{commands}");
        }
        let load = Load::start(stage.gateway, &stage.tape);
        tokio::signal::ctrl_c().await?;
        load.stop().await;
    }
    Ok(complaints.is_empty())
}
