//! What is asked for on the command line.

/// The arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Args {
    /// By which the scripts are drawn.
    pub(crate) seed: u64,
    /// Whether only the impact report is wanted.
    pub(crate) csv: bool,
}

impl Args {
    pub(crate) fn read(given: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut args = Self {
            seed: 7,
            csv: false,
        };
        let mut given = given.into_iter();
        while let Some(arg) = given.next() {
            match &*arg {
                "--csv" => args.csv = true,
                "--seed" => {
                    let seed = given.next().unwrap_or_default();
                    args.seed = seed
                        .parse()
                        .map_err(|_| format!("--seed is {seed:?}, but must be a number"))?;
                }
                other => return Err(format!("{other:?} is none of --csv and --seed N")),
            }
        }
        Ok(args)
    }
}

#[cfg(test)]
mod tests {
    use super::Args;

    fn read(given: &[&str]) -> Result<Args, String> {
        Args::read(given.iter().map(|arg| (*arg).to_owned()))
    }

    #[test]
    fn the_seed_and_the_form_are_read() {
        let (seed, csv) = (12, true);
        assert_eq!(read(&["--csv", "--seed", "12"]), Ok(Args { seed, csv }));
        assert!(!read(&[]).unwrap().csv);
    }

    #[test]
    fn what_is_no_argument_is_named() {
        for wrong in [&["--cvs"][..], &["--seed"], &["--seed", "-1"]] {
            let error = read(wrong).unwrap_err();
            assert!(error.contains(wrong[0]), "{error}");
        }
    }
}
