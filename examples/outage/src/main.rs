//! Prints both counts, for traffic that is uneven in two ways, and for traffic that is perfectly even.

use std::process::ExitCode;

use outage::{Comparison, Traffic};

fn main() -> ExitCode {
    let usual = Comparison::of(Traffic::ProgramsAndPeople);
    usual.print();
    Comparison::of(Traffic::LogNormal).print();
    Comparison::of(Traffic::Even).print();
    println!(
        "The more alike the tenants, the more of them have nearly tripped when the first fifth of them has, and the \
         less\nthere is to spare until then. What comes after is spared in any case."
    );
    let holds = usual.fewer_in_all() >= 5.0
        && usual.fewer_after_detection() >= 20.0
        && usual.surge() <= 1.5;
    if holds {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
