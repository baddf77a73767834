//! What one call costs.

use gauge::callgrind::Told;

/// The loads, by the names that the program of the calls gives them.
pub(crate) const COLUMNS: [&str; 4] = ["1", "1 busy", "1,000", "100,000"];

/// One kind of call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) group: String,
    pub(crate) call: String,
    /// In the order of [`COLUMNS`].
    pub(crate) instructions: [Option<u64>; COLUMNS.len()],
    /// The most of any column.
    pub(crate) allocations: f64,
}

/// One telling, and what its label says.
struct Count<'a> {
    row: (&'a str, &'a str),
    column: &'a str,
    calls: u64,
    told: &'a Told,
}

impl<'a> Count<'a> {
    fn of(told: &'a Told) -> Option<Self> {
        let mut label = told.label.split('\t');
        let row = (label.next()?, label.next()?);
        let column = label.next()?;
        let calls = label.next()?.parse().ok().filter(|calls| *calls > 0)?;
        label.next().is_none().then_some(Self {
            row,
            column,
            calls,
            told,
        })
    }

    /// Per call: of these calls, or where there is another count of more of them, of those that that has more.
    fn per_call(&self, more: Option<&Self>) -> (f64, f64) {
        let instructions = |count: &Self| count.told.instructions as f64;
        let allocations = |count: &Self| count.told.allocations as f64;
        let (calls, instructions, allocations) = match more {
            None => (self.calls as f64, instructions(self), allocations(self)),
            Some(more) => (
                more.calls as f64 - self.calls as f64,
                instructions(more) - instructions(self),
                allocations(more) - allocations(self),
            ),
        };
        (instructions / calls, allocations / calls)
    }
}

/// The rows that the program of the calls told of.
///
/// # Errors
///
/// A label is none of its labels, callgrind counted nothing, or two counts that are to be compared are of one number of calls.
pub(crate) fn of(told: &[Told]) -> Result<Vec<Row>, String> {
    let mut counts = Vec::with_capacity(told.len());
    for told in told {
        let count = Count::of(told).ok_or_else(|| format!("a count is called {:?}", told.label))?;
        // Callgrind knows what it is to count by a function's name, which a program without symbols does not have.
        if told.instructions == 0 {
            return Err(format!("nothing was counted: {:?}", told.label));
        }
        counts.push(count);
    }
    let mut rows: Vec<Row> = Vec::new();
    for pair in counts.chunk_by(|one, next| (one.row, one.column) == (next.row, next.column)) {
        let (first, more) = match pair {
            [only] => (only, None),
            [first, more] if first.calls < more.calls => (first, Some(more)),
            [first, ..] => {
                let (group, call) = first.row;
                return Err(format!("{group}, {call}: counts that cannot be compared"));
            }
            [] => continue,
        };
        let (instructions, allocations) = first.per_call(more);
        let (group, call) = first.row;
        let column = COLUMNS.iter().position(|column| *column == first.column);
        let column = column.ok_or_else(|| format!("a column is called {:?}", first.column))?;
        let place = rows
            .iter()
            .position(|row| row.group == group && row.call == call);
        let place = place.unwrap_or_else(|| {
            rows.push(Row {
                group: group.to_owned(),
                call: call.to_owned(),
                instructions: [None; COLUMNS.len()],
                allocations: 0.0,
            });
            rows.len() - 1
        });
        let row = &mut rows[place];
        row.instructions[column] = Some(instructions.round() as u64);
        let allocations = (allocations * 100.0).round() / 100.0;
        row.allocations = row.allocations.max(allocations);
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::{Row, of};
    use gauge::callgrind::Told;

    fn told(label: &str, instructions: u64, allocations: u64) -> Told {
        Told {
            label: label.replace('/', "\t"),
            instructions,
            allocations,
        }
    }

    #[test]
    fn a_call_costs_what_twice_as_many_cost_more() {
        let rows = of(&[
            told("core/closed/1/24", 1_050, 24),
            told("core/closed/1/48", 2_010, 24),
            told("core/new tenant/1,000/10", 30_000, 11),
            told("core/closed/1,000/100", 4_000, 0),
            told("core/closed/1,000/200", 8_100, 0),
        ])
        .unwrap();
        let row = |call: &str, instructions, allocations| Row {
            group: "core".into(),
            call: call.into(),
            instructions,
            allocations,
        };
        assert_eq!(
            rows,
            [
                row("closed", [Some(40), None, Some(41), None], 0.0),
                row("new tenant", [None, None, Some(3_000), None], 1.1),
            ]
        );
    }

    #[test]
    fn counts_that_do_not_go_together_are_refused() {
        let twice = [
            told("core/closed/1/24", 1, 0),
            told("core/closed/1/24", 2, 0),
        ];
        assert!(of(&twice).is_err());
        for label in [
            "core/closed/1",
            "core/closed/2/24",
            "core/closed/1/0",
            "core/closed/1/1/1",
        ] {
            assert!(of(&[told(label, 1, 0)]).is_err(), "{label}");
        }
        assert!(of(&[told("core/closed/1/24", 0, 0)]).is_err());
    }
}
