//! What is printed, and what was promised and did not hold.

use crate::agent::{List, Turn};

#[derive(Default)]
pub struct Transcript {
    broken: Vec<String>,
}

impl Transcript {
    pub fn chapter(&self, title: &str) {
        println!("\n{title}");
    }

    /// What an agent is told of its tools.
    pub fn list(&self, tenant: &str, list: &List) {
        for tool in &list.tools {
            let described = tool.description.as_deref().unwrap_or_default();
            println!("  {tenant:<7} tools/list  {:<13} {described}", tool.name);
        }
        let note = list.prompt_note.as_deref().unwrap_or("none");
        println!("  {tenant:<7} prompt note {note}");
    }

    /// What an agent did.
    pub fn turn(&self, tenant: &str, turn: &Turn) {
        for call in &turn.calls {
            let said = match &call.signal {
                Some(signal) => format!("isError, {}: {}", signal["reason"], signal["message"]),
                None => "a result".to_owned(),
            };
            println!("  {tenant:<7} {:<13} -> {said}", call.tool);
        }
        let answer = turn.answer.as_deref().unwrap_or("none");
        println!("  {tenant:<7} answers     {answer:?}");
    }

    pub fn say(&self, tenant: &str, what: &str) {
        println!("  {tenant:<7} {what}");
    }

    pub fn promise(&mut self, holds: bool, promise: &str) {
        if !holds {
            self.broken.push(promise.to_owned());
        }
    }

    /// The promises that did not hold.
    pub fn broken(&self) -> &[String] {
        &self.broken
    }
}
