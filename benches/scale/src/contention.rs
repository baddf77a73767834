//! Two threads, to one.

use gauge::pairs::Pairs;

use crate::args::Part;
use crate::calls::{Whose, run};
use crate::kinds::{
    CLOSED_CORE, CLOSED_HTTP, CLOSED_SERVICE, HALF_OPEN_CORE, Kind, REJECTED_CORE,
    REJECTED_RESPONSE,
};
use crate::report::{Budget, Row};

/// What the processor spends on a call of one tenant by two threads, over what it spends by one.
const SAME: Budget = Budget::Cpu(3.0);

/// The same where each thread calls tenants of its own.
const OWN: Budget = Budget::Cpu(1.15);

/// As much as a registry has by default.
const HISTOGRAMS: usize = 64 << 20;

/// The budgets are those of a circuit without a histogram: what one adds stands beside them.
pub fn same_tenant(pairs: &Pairs) -> Vec<Row> {
    let one = Whose::Same(1);
    vec![
        row(pairs, Part::SameTenant, &CLOSED_CORE, one, 0, "").budget(SAME),
        row(pairs, Part::SameTenant, &CLOSED_SERVICE, one, 0, "").budget(SAME),
        row(pairs, Part::SameTenant, &CLOSED_HTTP, one, 0, ""),
        row(
            pairs,
            Part::SameTenant,
            &CLOSED_CORE,
            one,
            HISTOGRAMS,
            ", with a histogram",
        ),
        row(pairs, Part::SameTenant, &REJECTED_CORE, one, 0, ""),
        row(pairs, Part::SameTenant, &REJECTED_RESPONSE, one, 0, ""),
        row(pairs, Part::SameTenant, &HALF_OPEN_CORE, one, 0, ""),
    ]
}

/// One tenant for each thread, whose circuit lies beside that of the other now and then; and a thousand each.
pub fn own_tenants(pairs: &Pairs) -> Vec<Row> {
    let (one, many) = (Whose::Own(1), Whose::Own(1_000));
    vec![
        row(pairs, Part::OwnTenants, &CLOSED_CORE, one, 0, ", one each").budget(OWN),
        row(
            pairs,
            Part::OwnTenants,
            &CLOSED_CORE,
            many,
            0,
            ", 1,000 each",
        )
        .budget(OWN),
        row(
            pairs,
            Part::OwnTenants,
            &CLOSED_SERVICE,
            one,
            0,
            ", one each",
        )
        .budget(OWN),
        row(
            pairs,
            Part::OwnTenants,
            &CLOSED_SERVICE,
            many,
            0,
            ", 1,000 each",
        )
        .budget(OWN),
        row(
            pairs,
            Part::OwnTenants,
            &CLOSED_CORE,
            one,
            HISTOGRAMS,
            ", one each, with a histogram",
        ),
        row(
            pairs,
            Part::OwnTenants,
            &REJECTED_CORE,
            many,
            0,
            ", 1,000 each",
        ),
        row(
            pairs,
            Part::OwnTenants,
            &HALF_OPEN_CORE,
            many,
            0,
            ", 1,000 each",
        ),
    ]
}

fn row(pairs: &Pairs, part: Part, kind: &Kind, whose: Whose, histograms: usize, also: &str) -> Row {
    let compared = pairs.compare(
        2,
        || run(kind, 1, whose, histograms),
        || run(kind, 2, whose, histograms),
    );
    Row::new(
        part,
        format!("{}{also}", kind.name),
        "two threads to one",
        compared,
    )
}
