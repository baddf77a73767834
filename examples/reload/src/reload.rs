//! The policies of a registry follow a file. What a program would take from this example is here.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use tokio::sync::mpsc::UnboundedSender;
use tower_tenant_breaker::{Applied, CircuitBreakerRegistry, Policies};

use crate::watch::Watch;

/// What became of a file that was written.
pub enum Reload {
    Applied(Applied),
    /// It was not applied, and the policies of the one before hold on.
    Refused(Box<dyn Error + Send + Sync>),
}

pub struct Reloader {
    file: PathBuf,
    registry: CircuitBreakerRegistry,
    /// What was applied last. The next one is applied after it, so that what it no longer names goes back.
    policies: Policies,
    /// What was read last, good or bad, so that nothing is said twice.
    text: String,
    watch: Watch,
}

impl Reloader {
    /// Applies the file, and watches it from then on. A program that starts with a bad file does not start.
    pub fn start(
        file: &Path,
        registry: &CircuitBreakerRegistry,
    ) -> Result<(Self, Applied), Box<dyn Error + Send + Sync>> {
        // Watched before it is read: what happens in between is seen.
        let watch = Watch::of(file)?;
        let text = fs::read_to_string(file)?;
        let policies = parse(&text)?;
        let applied = policies.apply(registry);
        let (file, registry) = (file.to_owned(), registry.clone());
        Ok((
            Self {
                file,
                registry,
                policies,
                text,
                watch,
            },
            applied,
        ))
    }

    /// Reloads for as long as somebody wants to hear of it.
    pub async fn run(mut self, told: UnboundedSender<Reload>) {
        while self.watch.settled().await {
            if let Some(reload) = self.reload()
                && told.send(reload).is_err()
            {
                return;
            }
        }
    }

    /// None where the file says what it said before.
    fn reload(&mut self) -> Option<Reload> {
        let text = match fs::read_to_string(&self.file) {
            Ok(text) if text == self.text => return None,
            Ok(text) => text,
            // Gone for a moment, or for good: no reason to forget what holds.
            Err(error) => return Some(Reload::Refused(error.into())),
        };
        self.text = text;
        // An empty file names nothing, and so would take everything back; but it is one that is about to be written.
        if self.text.trim().is_empty() {
            return Some(Reload::Refused("the file is empty".into()));
        }
        Some(match parse(&self.text) {
            Ok(policies) => {
                let applied = policies.apply_after(&self.policies, &self.registry);
                self.policies = policies;
                Reload::Applied(applied)
            }
            Err(error) => Reload::Refused(error),
        })
    }
}

fn parse(text: &str) -> Result<Policies, Box<dyn Error + Send + Sync>> {
    Ok(Policies::from_deserializer(toml::Deserializer::parse(
        text,
    )?)?)
}
