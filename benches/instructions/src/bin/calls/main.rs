//! The calls whose instructions are counted: run under callgrind by `instructions`, which reads what is told here.

mod base;
mod core;
mod drive;
mod http;
mod load;
mod newcomers;
mod processor;
mod row;
mod service;
mod state;
mod watched;
mod world;

use gauge::heap;

use crate::load::{ALL, WATCHED};
use crate::row::Rows;
use crate::watched::By;
use crate::world::Worlds;

#[global_allocator]
static ALLOCATOR: heap::Counting = heap::Counting;

fn main() {
    if std::env::args()
        .nth(1)
        .is_some_and(|arg| arg == "--processor")
    {
        println!("{}", processor::seen());
        return;
    }
    if cfg!(feature = "watched") {
        for by in [By::Nobody, By::Otel, By::Metrics] {
            let worlds = &Worlds::new(by);
            let group = by.group();
            let rows = |prefix| Rows {
                group,
                prefix,
                worlds,
            };
            core::count(&rows("core, "), WATCHED);
            service::count(&rows("service, "), WATCHED);
        }
        return;
    }
    let worlds = &Worlds::new(By::Nobody);
    let rows = |group| Rows {
        group,
        prefix: "",
        worlds,
    };
    base::count(&rows("base"));
    core::count(&rows("core"), ALL);
    core::count_more(&rows("core"));
    service::count(&rows("service"), ALL);
    service::count_more(&rows("service"));
    http::count(&rows("HTTP"));
    let newcomers = |prefix| Rows {
        group: "new tenant",
        prefix,
        worlds,
    };
    newcomers::count(
        &newcomers("core, "),
        &newcomers("service, "),
        &newcomers("HTTP, "),
    );
    newcomers::count_at_the_bound(&newcomers("core, "));
}
