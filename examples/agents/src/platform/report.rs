//! What is printed.

use std::io::{self, Write};
use std::time::Duration;

use tower_tenant_breaker::agent::SignalReason;

use super::catalog::{TENANTS, TOOLS};
use super::comparison::{Comparison, PATIENCE};
use super::hour::Hour;
use super::turn::TurnRecord;
use super::world::{DOWN, DOWN_FROM, DOWN_UNTIL, Reached, SLOW, SLOW_FOR, SLOW_FROM, SLOW_UNTIL};

impl Comparison {
    /// Writes the table, and the impact report of the hour with the breaker.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    pub fn print(&self, to: &mut impl Write) -> io::Result<()> {
        self.introduce(to)?;
        self.table(to)?;
        self.impact(to)
    }

    /// Writes the impact report of the hour with the breaker as comma-separated values, summed up by tenant.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    pub fn to_csv(&self, to: &mut impl Write) -> io::Result<()> {
        self.with.impact.tenants_to_csv(to)
    }

    fn introduce(&self, to: &mut impl Write) -> io::Result<()> {
        let minute = |moment: Duration| moment.as_secs() / 60;
        writeln!(
            to,
            "An hour of {TENANTS} tenants, whose agents call {} tools in {} turns, on a clock that is moved by hand (seed {}).",
            TOOLS.len(),
            self.with.turns.len(),
            self.seed
        )?;
        writeln!(
            to,
            "  {SLOW} is slow for {SLOW_FOR}, from minute {} to {}; encyclopedia can stand in for it",
            minute(SLOW_FROM),
            minute(SLOW_UNTIL)
        )?;
        writeln!(
            to,
            "  {DOWN} is down for all, from minute {} to {}; nothing can stand in for it",
            minute(DOWN_FROM),
            minute(DOWN_UNTIL)
        )?;
        if let Some((declared, over)) = self.with.outage {
            writeln!(
                to,
                "  its outage was declared after {:.0} s, and over {:.0} s after it was back",
                declared.saturating_sub(DOWN_FROM).as_secs_f64(),
                over.saturating_sub(DOWN_UNTIL).as_secs_f64()
            )?;
        }
        Ok(())
    }

    fn table(&self, to: &mut impl Write) -> io::Result<()> {
        writeln!(to, "\n{:48}{:>10}{:>10}", "", "without", "with")?;
        let mut row = |what: &str, count: &dyn Fn(&Hour) -> usize| {
            let (without, with) = (count(&self.without), count(&self.with));
            writeln!(to, "{what:48}{without:>10}{with:>10}")
        };
        row("turns finished", &Hour::finished)?;
        row(
            &format!("  within {} s", PATIENCE.as_secs()),
            &Hour::finished_in_time,
        )?;
        row("turns crashed, or gone round in circles", &|hour| {
            hour.turns.len() + hour.panicked - hour.finished()
        })?;
        row("turns degraded", &Hour::degraded)?;
        row("  waited until a timeout", &Hour::timed_out)?;
        row("  did without a tool, and did not wait", &|hour| {
            hour.degraded() - hour.timed_out()
        })?;
        row(
            "  though nothing was wrong for them",
            &Hour::degraded_for_nothing,
        )?;
        row("turns that used encyclopedia in search's place", &|hour| {
            let replanned = |turn: &&TurnRecord| turn.replanned > 0;
            hour.turns.iter().filter(replanned).count()
        })?;
        row("tool calls that reached a tool", &|hour| hour.reached.len())?;
        row(
            "  wasted: it was down, or slow for the tenant",
            &Hour::wasted,
        )?;
        for tool in [SLOW, DOWN] {
            row(&format!("    {tool}"), &|hour| hour.wasted_on(tool))?;
        }
        row(
            &format!("  of {SLOW} by the other tenants"),
            &Hour::healthy_use,
        )?;
        row("  probes for all, in the outage", &|hour| {
            let for_all = |call: &&Reached| call.probes_for_all;
            hour.reached.iter().filter(for_all).count()
        })?;
        row("tool calls that were rejected", &|hour| {
            let calls = hour.turns.iter().flat_map(|turn| &turn.calls);
            let signals = calls.filter_map(|seen| seen.signal);
            signals.filter(|signal| is_rejection(*signal)).count()
        })?;
        let [without, with] = [&self.without, &self.with].map(|hour| in_minutes(hour.waited()));
        writeln!(to, "{:48}{without:>10}{with:>10}", "time spent waiting")?;
        writeln!(
            to,
            "{:.1} times fewer calls were wasted, and {:.1} times less time.",
            self.fewer_wasted(),
            self.less_waiting()
        )?;
        writeln!(
            to,
            "\nDegraded: the agent had to do without a tool, with nothing in its place, or waited until a timeout. Nothing \
             can\nstand in for {DOWN}, so who wants it goes without in both hours: what is spared is the waiting.\n\
             Waiting: for longer than tools take that are well and answer."
        )
    }

    fn impact(&self, to: &mut impl Write) -> io::Result<()> {
        writeln!(
            to,
            "\nThe impact report of the hour, with the breaker, beside what the agents say. A turn that goes without a tool\n\
             since the note in its prompt says so makes no call, so it is degraded, and in no row."
        )?;
        writeln!(
            to,
            "  {:24}{:>8}{:>8}{:>8}{:>10}{:>8}{:>10}",
            "tenant", "calls", "failed", "slow", "rejected", "turns", "degraded"
        )?;
        for sum in self.with.impact.per_tenant() {
            let (counts, turns) = (sum.counts, sum.counts.turns.to_string());
            let tenant = sum.tenant.as_deref();
            let of_tenant = |turn: &&TurnRecord| Some(&*turn.tenant) == tenant;
            let degraded = self.with.turns.iter().filter(of_tenant);
            let degraded = match tenant {
                Some(_) => degraded
                    .filter(|turn| turn.is_degraded())
                    .count()
                    .to_string(),
                None => "-".to_owned(),
            };
            writeln!(
                to,
                "  {:24}{:>8}{:>8}{:>8}{:>10}{turns:>8}{degraded:>10}",
                tenant.unwrap_or("probes for all"),
                counts.calls,
                counts.failed,
                counts.slow,
                counts.rejected,
            )?;
        }
        Ok(())
    }
}

fn is_rejection(signal: SignalReason) -> bool {
    !matches!(
        signal,
        SignalReason::ToolCallTimeout | SignalReason::ToolCallFailed
    )
}

fn in_minutes(waited: Duration) -> String {
    format!("{:.1} min", waited.as_secs_f64() / 60.0)
}
