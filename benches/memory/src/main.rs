//! Prints what tenants cost in memory, and how that and the cost of a call grow with their number.

mod args;
mod case;
mod child;
mod curve;
mod growth;
mod ids;
mod kind;
mod machine;
mod pace;
mod picture;
mod sizes;
mod subject;

use std::error::Error;

use gauge::heap;

use self::args::{HELP, Task};
use self::curve::Curve;
use self::growth::Growth;
use self::subject::{Breaker, Floor};

#[global_allocator]
static ALLOCATOR: heap::Counting = heap::Counting;

fn main() -> Result<(), Box<dyn Error>> {
    match Task::parse(std::env::args_os().skip(1))? {
        Task::Help => println!("{HELP}"),
        Task::Report { svg, most } => {
            println!("{}\n", machine::line());
            let mut growth = Growth::ask(most)?;
            sizes::print(&growth.ours, most)?;
            println!();
            growth.ask_paces(most)?;
            growth.print();
            if let Some(path) = svg {
                std::fs::write(path, picture::svg(&growth)?)?;
            }
        }
        Task::Case(case) => println!("{}", case.measure()?),
        Task::Curve { subject, most } => {
            let curve = match subject.as_str() {
                growth::OURS => Curve::measure::<Breaker>(most)?,
                growth::FLOOR => Curve::measure::<Floor>(most)?,
                _ => return Err(format!("{subject:?} is neither ours nor the floor").into()),
            };
            print!("{}", curve.written());
        }
        Task::Pace { tenants } => print!("{}", pace::written(&pace::measure(tenants)?)),
    }
    Ok(())
}
