//! The flags.

use std::ffi::OsString;
use std::path::PathBuf;

pub(crate) const HELP: &str = "\
Shows the live page to a Chromium, and looks whether it says what is so.

Usage: observability/browser.sh [flags]

  --only NAME         play one scene alone
  --screenshots DIR   where the screenshots go (target/browser)
  --driver URL        of the chromedriver; the script gives it
  --chromium PATH     of the browser; the script gives it
  -h, --help          print this

Exit code: 0 if all scenes are as they should be; 1 if not, with a sentence for each; 2 for a flag that it does
not know.
";

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Args {
    pub(crate) only: Option<String>,
    pub(crate) screenshots: PathBuf,
    pub(crate) driver: String,
    pub(crate) chromium: Option<String>,
    pub(crate) help: bool,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            only: None,
            screenshots: PathBuf::from("target/browser"),
            driver: "http://127.0.0.1:9515".to_owned(),
            chromium: None,
            help: false,
        }
    }
}

impl Args {
    pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Self, lexopt::Error> {
        use lexopt::prelude::*;

        let mut parser = lexopt::Parser::from_args(args);
        let mut parsed = Self::default();
        while let Some(arg) = parser.next()? {
            match arg {
                Long("only") => parsed.only = Some(parser.value()?.string()?),
                Long("screenshots") => parsed.screenshots = parser.value()?.into(),
                Long("driver") => parsed.driver = parser.value()?.string()?,
                Long("chromium") => parsed.chromium = Some(parser.value()?.string()?),
                Long("help") | Short('h') => parsed.help = true,
                _ => return Err(arg.unexpected()),
            }
        }
        Ok(parsed)
    }
}

#[cfg(test)]
mod tests {
    use super::{Args, HELP};

    fn parse(words: &str) -> Result<Args, lexopt::Error> {
        Args::parse(words.split_whitespace().map(Into::into))
    }

    #[test]
    fn each_flag_asks_for_one_thing() {
        let asked = "--only phone --screenshots a/b --driver http://[::1]:1 --chromium /c --help";
        let args = parse(asked).unwrap();
        assert_eq!(args.only.as_deref(), Some("phone"));
        assert_eq!(args.screenshots.to_str(), Some("a/b"));
        assert_eq!(args.driver, "http://[::1]:1");
        assert_eq!(args.chromium.as_deref(), Some("/c"));
        assert!(args.help);
        assert_eq!(parse("").unwrap(), Args::default());
    }

    #[test]
    fn what_it_does_not_know_is_refused() {
        for words in ["--onlyone", "--only", "phone", "-x"] {
            assert!(parse(words).is_err(), "{words}");
        }
    }

    #[test]
    fn every_flag_is_in_the_help() {
        for flag in [
            "--only NAME",
            "--screenshots DIR",
            "--driver URL",
            "--chromium PATH",
            "-h, --help",
        ] {
            assert!(HELP.contains(&format!("  {flag} ")), "{flag}");
        }
    }
}
