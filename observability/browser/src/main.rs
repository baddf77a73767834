//! Shows the live page to a real Chromium, and looks whether it says what is so.
//!
//! `observability/browser.sh` has it all started; `scenes/` is what is looked at, one scene a file. Each has a service of
//! its own, on loopback, with real calls.

mod args;
mod browser;
mod command;
mod contrast;
mod failure;
mod load;
mod scenes;
mod server;
mod stage;

use std::process::ExitCode;

use self::args::{Args, HELP};
use self::browser::Browser;
use self::failure::Failure;

#[tokio::main]
async fn main() -> ExitCode {
    let args = match Args::parse(std::env::args_os().skip(1)) {
        Ok(args) => args,
        Err(error) => {
            eprintln!("{error}; --help says what there is");
            return ExitCode::from(2);
        }
    };
    if args.help {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    match run(&args).await {
        Ok(0) => ExitCode::SUCCESS,
        Ok(failed) => {
            eprintln!("{failed} not as it should be");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("could not run: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Plays all scenes, and returns how many failed.
async fn run(args: &Args) -> Result<usize, Failure> {
    std::fs::create_dir_all(&args.screenshots)?;
    let browser = Browser::open(args).await?;
    println!("driven by {}", browser.version());
    let failed = scenes::play(&browser, args.only.as_deref()).await;
    browser.close().await?;
    println!("screenshots are in {}", args.screenshots.display());
    failed
}
