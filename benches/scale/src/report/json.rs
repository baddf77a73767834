//! The figures for programs. Times are nanoseconds.

use gauge::pairs::Cost;
use gauge::{Quartiles, machine};
use serde_json::{Value, json};

use super::{Budget, JUDGED_FROM, Row};

pub fn object(pairs: usize, rows: &[Row]) -> Value {
    json!({
        "machine": machine::in_words(),
        "pairs": pairs,
        "judged_from": JUDGED_FROM,
        "rows": rows.iter().map(row).collect::<Vec<_>>(),
    })
}

fn row(row: &Row) -> Value {
    let mut value = json!({
        "part": row.part.name(),
        "call": row.call,
        "on": row.on,
        "budget": row.budget.map(|budget| match budget {
            Budget::Cpu(ratio) => json!({ "cpu_ratio": ratio }),
            Budget::Wall(time) => json!({ "wall": time.as_nanos() as u64 }),
        }),
        "verdict": row.verdict().map(|verdict| verdict.in_words()),
    });
    match &row.compared {
        Ok(compared) => {
            value["cpu_ratio"] = quartiles(&compared.cpu);
            value["wall_ratio"] = quartiles(&compared.wall);
            value["first"] = cost(&compared.first);
            value["second"] = cost(&compared.second);
            value["control_ratio"] = quartiles(&compared.control);
            value["counted"] = compared.counted.into();
            value["void"] = compared.void.into();
        }
        Err(void) => {
            value["counted"] = void.counted.into();
            value["void"] = (void.crowded + void.inflated).into();
            value["why_void"] = void.to_string().into();
        }
    }
    if let Some(meanwhile) = &row.meanwhile {
        value["longest"] = (meanwhile.longest.as_nanos() as u64).into();
        value["calls"] = meanwhile
            .in_rows()
            .into_iter()
            .map(|(what, times)| {
                let at = |quantile| times.value_at_quantile(quantile);
                json!({
                    "what": what, "calls": times.len(),
                    "p50": at(0.5), "p99": at(0.99), "p99.9": at(0.999), "longest": times.max(),
                })
            })
            .collect();
    }
    value
}

fn cost(cost: &Cost) -> Value {
    json!({ "cpu": quartiles(&cost.cpu), "wall": quartiles(&cost.wall) })
}

fn quartiles(quartiles: &Quartiles) -> Value {
    json!({ "lower": quartiles.lower, "median": quartiles.median, "upper": quartiles.upper })
}

#[cfg(test)]
mod tests {
    use gauge::pairs::Void;

    use super::super::tests;
    use super::*;

    #[test]
    fn a_row_tells_its_figures_or_why_there_are_none() {
        let judged = tests::row(15, 2.0, 600.0).budget(Budget::Cpu(3.0));
        let void = Void {
            wanted: 15,
            counted: 3,
            crowded: 300,
            inflated: 1,
        };
        let voided = Row {
            compared: Err(void),
            ..tests::row(15, 1.0, 1.0)
        };
        let told = object(15, &[judged, voided]);
        let [judged, voided] = [&told["rows"][0], &told["rows"][1]];
        assert_eq!(judged["part"], "same-tenant");
        assert_eq!(judged["cpu_ratio"]["median"], 2.0);
        assert_eq!(judged["second"]["wall"]["median"], 1200.0);
        assert_eq!(
            (&judged["verdict"], &judged["budget"]["cpu_ratio"]),
            (&json!("met"), &json!(3.0))
        );
        assert_eq!(
            (&voided["void"], &voided["verdict"]),
            (&json!(301), &Value::Null)
        );
        assert!(voided["cpu_ratio"].is_null() && voided["why_void"].is_string());
    }
}
