//! What was found of one breaker, and how it is written.

use gauge::pairs::{Compared, Void};
use gauge::thousands;
use peers::breakers::About;
use peers::load::{LOADS, State};
use serde_json::{Value, json};

use crate::lacks::CALLS;
use crate::threads::Threads;
use crate::versions::with_versions;

pub(crate) struct Row {
    pub(crate) about: About,
    /// Of one call, for each of [`LOADS`].
    pub(crate) instructions: Vec<f64>,
    pub(crate) allocations: Vec<f64>,
    /// With as many tenants as there is room for, and with `OVER` times as many.
    pub(crate) bytes: [f64; 2],
    pub(crate) tenants: usize,
    pub(crate) threads: Threads,
    pub(crate) probes: usize,
    pub(crate) cancelled: Option<usize>,
}

const HEAD: &str = "\
| breaker | closed call, instructions: 1 / 1,000 / 100,000 tenants | of a busy tenant | allocations \
| rejected call, instructions: 1 / 1,000 / 100,000 tenants | allocations | bytes of an idle tenant \
| closed call, ns of CPU | two threads, one tenant | two threads, a tenant each | two threads, 64 tenants each \
| opens on a latency percentile | half-open: of 10,000 calls at once get through | cancelled calls that open it \
| memory of four times the tenants that fit |
|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|--:|--:|--:|";

pub(crate) fn head() -> &'static str {
    HEAD
}

impl Row {
    fn name(&self) -> String {
        with_versions(self.about.name, self.about.packages)
    }

    /// Those of [`LOADS`] with this state.
    fn of<'a>(figures: &'a [f64], state: State) -> impl Iterator<Item = (&'static str, f64)> + 'a {
        let figures = LOADS.iter().zip(figures);
        figures
            .filter(move |(load, _)| load.state == state)
            .map(|(load, figure)| (load.name, *figure))
    }

    /// Nothing is in front of the dependency, and so nothing rejects.
    fn is_breaker(&self) -> bool {
        !self.about.packages.is_empty()
    }

    pub(crate) fn markdown(&self) -> String {
        let Self {
            instructions,
            allocations,
            ..
        } = self;
        let is_busy = |name: &str| name.contains("busy");
        let quiet = |state| {
            let all = Self::of(instructions, state).filter(|(name, _)| !is_busy(name));
            all.map(|(_, count)| whole(count))
                .collect::<Vec<_>>()
                .join(" / ")
        };
        let busy = Self::of(instructions, State::Closed).find(|(name, _)| is_busy(name));
        let most = |state| {
            let most = Self::of(allocations, state)
                .map(|(_, count)| count)
                .fold(0.0, f64::max);
            fraction(most)
        };
        let a_breaker_s = |text: String| match self.is_breaker() {
            true => text,
            false => "-".to_owned(),
        };
        let alone = match &self.threads.same {
            Ok(compared) => whole(compared.first.cpu.median),
            Err(_) => "void".to_owned(),
        };
        let cells = [
            self.name(),
            quiet(State::Closed),
            busy.map(|(_, count)| whole(count)).unwrap_or_default(),
            most(State::Closed),
            a_breaker_s(quiet(State::Open)),
            a_breaker_s(most(State::Open)),
            a_breaker_s(whole(self.bytes[0] / self.tenants as f64)),
            alone,
            inflation(&self.threads.same),
            inflation(&self.threads.own),
            inflation(&self.threads.many),
            self.about.percentile.to_owned(),
            a_breaker_s(thousands(self.probes)),
            a_breaker_s(match self.cancelled {
                Some(calls) => thousands(calls),
                None => format!("not {}", thousands(CALLS)),
            }),
            a_breaker_s(format!("x {:.2}", self.bytes[1] / self.bytes[0])),
        ];
        format!("| {} |", cells.join(" | "))
    }

    pub(crate) fn json(&self) -> Value {
        let by_load = |figures: &[f64], state| {
            let figures =
                Self::of(figures, state).map(|(name, figure)| (name.to_owned(), json!(figure)));
            Value::Object(figures.collect())
        };
        json!({
            "breaker": self.name(),
            "closed": {
                "instructions": by_load(&self.instructions, State::Closed),
                "allocations": by_load(&self.allocations, State::Closed),
            },
            "rejected": self.is_breaker().then(|| json!({
                "instructions": by_load(&self.instructions, State::Open),
                "allocations": by_load(&self.allocations, State::Open),
            })),
            "idle_bytes_per_tenant": self.bytes[0] / self.tenants as f64,
            "memory_of_four_times_the_tenants_that_fit": self.is_breaker().then(|| self.bytes[1] / self.bytes[0]),
            "two_threads": {
                "one_tenant": compared(&self.threads.same),
                "a_tenant_each": compared(&self.threads.own),
                "64_tenants_each": compared(&self.threads.many),
            },
            "opens_on_a_latency_percentile": self.about.percentile,
            "probes_of_10000_calls_at_once": self.is_breaker().then_some(self.probes),
            "cancelled_calls_that_open_it": self.cancelled,
        })
    }
}

fn inflation(compared: &Result<Compared, Void>) -> String {
    match compared {
        Ok(compared) => compared.cpu.to_string(),
        Err(_) => "void".to_owned(),
    }
}

fn compared(compared: &Result<Compared, Void>) -> Value {
    match compared {
        Ok(Compared {
            cpu,
            first,
            second,
            counted,
            void,
            control,
            ..
        }) => json!({
            "cpu_inflation": { "lower": cpu.lower, "median": cpu.median, "upper": cpu.upper },
            "cpu_ns_per_call_on_one": first.cpu.median,
            "cpu_ns_per_call_on_two": second.cpu.median,
            "control_inflation": control.median,
            "pairs": counted,
            "void_pairs": void,
        }),
        Err(void) => json!({ "void": void.to_string() }),
    }
}

/// As people write it.
fn whole(figure: f64) -> String {
    thousands(figure.round().max(0.0) as usize)
}

/// Up to two places, and none that say nothing.
fn fraction(figure: f64) -> String {
    let figure = format!("{figure:.2}");
    figure
        .trim_end_matches('0')
        .trim_end_matches('.')
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::fraction;

    #[test]
    fn fractions_are_written_without_zeros_that_say_nothing() {
        let fractions = [0.0, 3.0, 10.0, 0.016, 0.25].map(fraction);
        assert_eq!(fractions, ["0", "3", "10", "0.02", "0.25"]);
    }
}
