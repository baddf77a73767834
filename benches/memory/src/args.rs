//! What the program is told to do.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::case::Case;

pub(crate) const HELP: &str = "\
Prints what tenants cost in memory, and how that and the cost of a call grow with their number.

  --svg FILE    draw the growth, too
  --most N      tenants at the most, at least 1000 (1000000)
  --help        print this

Each figure is measured in a process of its own, which is told so by --case, --curve or --pace.";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    Help,
    /// All of it.
    Report {
        svg: Option<PathBuf>,
        most: usize,
    },
    Case(Case),
    Curve {
        subject: String,
        most: usize,
    },
    Pace {
        tenants: usize,
    },
}

impl Task {
    pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Self, lexopt::Error> {
        use lexopt::prelude::*;

        let mut parser = lexopt::Parser::from_args(args);
        let (mut svg, mut most) = (None, 1_000_000);
        let mut task = None;
        while let Some(arg) = parser.next()? {
            match arg {
                Long("svg") => svg = Some(parser.value()?.into()),
                Long("most") => most = parser.value()?.parse_with(|text| in_bounds(text, 1_000))?,
                Long("case") => {
                    let kind = parser.value()?.parse()?;
                    let tenants = parser.value()?.parse_with(|text| in_bounds(text, 1))?;
                    task = Some(Self::Case(Case { kind, tenants }));
                }
                Long("curve") => {
                    let subject = parser.value()?.parse()?;
                    let most = parser.value()?.parse_with(|text| in_bounds(text, 2))?;
                    task = Some(Self::Curve { subject, most });
                }
                Long("pace") => {
                    let tenants = parser.value()?.parse_with(|text| in_bounds(text, 1))?;
                    task = Some(Self::Pace { tenants });
                }
                Long("help") | Short('h') => task = Some(Self::Help),
                _ => return Err(arg.unexpected()),
            }
        }
        Ok(task.unwrap_or(Self::Report { svg, most }))
    }
}

fn in_bounds(text: &str, least: usize) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| *number >= least);
    number.ok_or_else(|| format!("not a number of at least {least}"))
}

#[cfg(test)]
mod tests {
    use super::Task;
    use crate::case::Case;
    use crate::kind::Kind;

    fn parse(words: &str) -> Result<Task, lexopt::Error> {
        Task::parse(words.split_whitespace().map(Into::into))
    }

    #[test]
    fn without_a_word_it_reports_all_of_a_million_tenants() {
        let all = Task::Report {
            svg: None,
            most: 1_000_000,
        };
        assert_eq!(parse("").unwrap(), all);
        let some = Task::Report {
            svg: Some("growth.svg".into()),
            most: 5_000,
        };
        assert_eq!(parse("--svg growth.svg --most 5000").unwrap(), some);
    }

    #[test]
    fn a_process_of_its_own_is_told_one_measurement() {
        let case = Case {
            kind: Kind::Light,
            tenants: 7,
        };
        assert_eq!(parse("--case light 7").unwrap(), Task::Case(case));
        assert_eq!(parse("--pace 7").unwrap(), Task::Pace { tenants: 7 });
        let curve = Task::Curve {
            subject: "floor".into(),
            most: 7,
        };
        assert_eq!(parse("--curve floor 7").unwrap(), curve);
        assert_eq!(parse("-h").unwrap(), Task::Help);
    }

    #[test]
    fn what_it_does_not_know_is_refused() {
        for words in [
            "--most 999",
            "--most many",
            "--svg",
            "--case heavy 7",
            "--case idle",
            "--case idle 0",
            "--pace -1",
            "growth.svg",
            "--json",
        ] {
            assert!(parse(words).is_err(), "{words}");
        }
    }
}
