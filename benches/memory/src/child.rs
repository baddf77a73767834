//! The program, started anew: what one measurement leaves in the allocator must not be in the next.

use std::error::Error;
use std::process::{Command, Stdio};

/// What it prints, told to do this.
pub(crate) fn ask(words: &[&str]) -> Result<String, Box<dyn Error>> {
    let program = std::env::current_exe()?;
    let mut command = Command::new(program);
    // Its errors go where those of this process go.
    let output = command.args(words).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("the process for {words:?} ended with {}", output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}
