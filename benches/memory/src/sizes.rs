//! What tenants cost in memory by what they have been through, and whether that is within the budgets.

use std::error::Error;

use gauge::thousands;

use crate::case::{Case, Cost};
use crate::curve::Curve;
use crate::kind::Kind;

/// Of an idle tenant all told, in bytes.
const EACH: f64 = 220.0;

/// Of a million idle tenants, resident, in MiB.
const RESIDENT: f64 = 220.0;
const MILLION: usize = 1_000_000;

const MIB: f64 = 1_048_576.0;

/// Prints the table, and what became of the budgets.
pub(crate) fn print(curve: &Curve, most: usize) -> Result<(), Box<dyn Error>> {
    let tenth = most / 10;
    let idle = |tenants| Case {
        kind: Kind::Idle,
        tenants,
    };
    // One tenant: what there is in any case, the program among it.
    let mut cases = vec![idle(1), idle(tenth), idle(most)];
    let worst = curve.worst();
    let best = worst.and_then(|worst| curve.best_before(worst));
    cases.extend(
        [best, worst]
            .into_iter()
            .flatten()
            .map(|point| idle(point.tenants)),
    );
    cases.sort_by_key(|case| case.tenants);
    cases.dedup();
    for kind in [Kind::Light, Kind::Busy] {
        cases.extend([tenth, most].map(|tenants| Case { kind, tenants }));
    }
    println!(
        "Live: what is asked of the allocator and not given back. Resident: the whole process, with what the allocator \
         keeps. Idle tenants have made {} call, light ones {} of which one was bad, busy ones {}.\n",
        Kind::Idle.calls(),
        Kind::Light.calls(),
        Kind::Busy.calls()
    );
    println!(
        "| tenants | kind | live bytes each | allocations each | live, MiB | resident, MiB | at its peak | resident bytes each |"
    );
    println!("|--:|---|--:|--:|--:|--:|--:|--:|");
    let mut full = None;
    for case in cases {
        let cost = case.ask()?;
        println!("{}", row(case, cost));
        if case == idle(most) {
            full = Some(cost);
        }
    }
    println!();
    if let Some(worst) = worst {
        let told = verdict("bytes live each", worst.each(), EACH, worst.tenants);
        println!(
            "Idle, {told} Of more than {} tenants none cost more.",
            thousands(most / 2)
        );
    }
    if let Some(best) = best {
        let (tenants, each) = (thousands(best.tenants), best.each());
        println!("Idle, {tenants} tenants: {each:.1}, before the tables doubled.");
    }
    if let Some(cost) = full {
        let each = cost.live as f64 / most as f64;
        println!("Idle, {}", verdict("bytes live each", each, EACH, most));
        let resident = cost.resident.filter(|_| most == MILLION);
        match resident.map(|resident| resident.now as f64 / MIB) {
            Some(now) => println!("Idle, {}", verdict("MiB resident", now, RESIDENT, most)),
            None if most == MILLION => println!("This system does not say what is resident."),
            None => {}
        }
    }
    Ok(())
}

fn row(case: Case, cost: Cost) -> String {
    let Case { kind, tenants } = case;
    let each = |sum: usize| format!("{:.1}", sum as f64 / tenants as f64);
    let mib = |bytes: usize| format!("{:.1}", bytes as f64 / MIB);
    let resident = match cost.resident {
        Some(resident) => [mib(resident.now), mib(resident.peak), each(resident.now)],
        None => ["?"; 3].map(str::to_owned),
    };
    let columns = [
        thousands(tenants),
        kind.to_string(),
        each(cost.live),
        format!("{:.2}", cost.allocations as f64 / tenants as f64),
        mib(cost.live),
    ];
    let columns: Vec<_> = columns.into_iter().chain(resident).collect();
    format!("| {} |", columns.join(" | "))
}

fn verdict(what: &str, is: f64, budget: f64, tenants: usize) -> String {
    let tenants = thousands(tenants);
    let met = if is <= budget { "met" } else { "MISSED" };
    format!("{tenants} tenants: {is:.1} {what}, of at most {budget:.0}: {met}.")
}

#[cfg(test)]
mod tests {
    use super::verdict;

    #[test]
    fn a_budget_is_met_up_to_itself() {
        let of = |is| verdict("bytes", is, 220.0, 1_000);
        assert_eq!(
            of(220.0),
            "1,000 tenants: 220.0 bytes, of at most 220: met."
        );
        assert!(of(220.1).ends_with(": MISSED."));
    }
}
