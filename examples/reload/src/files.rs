//! The versions of the file, and the directory in which it lies.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

pub const FIRST: &str = r#"[dependencies.search]
consecutive_failures = 3
failure_rate = "off"
open_for = { first = "1h", max = "2h", jitter = 0.0 }
"#;

pub const WIDER: &str = r#"[dependencies.search]
consecutive_failures = 6
failure_rate = "off"
open_for = { first = "1h", max = "2h", jitter = 0.0 }

[dependencies.search.tenants."initech"]
consecutive_failures = 2
"#;

pub const BAD: &str = r#"[dependencies.search]
consecutive_failures = 6
failure_rate = "off"
latency = [{ quantile = 0.95, threshold = "3 parsecs" }]
"#;

pub const DRY_RUN: &str = r#"[dependencies.search]
mode = "dry_run"
consecutive_failures = 6
failure_rate = "off"
open_for = { first = "1h", max = "2h", jitter = 0.0 }
"#;

/// Where the file lies; gone when this is dropped.
pub struct Directory(PathBuf);

impl Directory {
    pub fn new() -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("reload-{}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    pub fn file(&self) -> PathBuf {
        self.0.join("policies.toml")
    }

    /// As editors do it: another file, which takes the place of the one that there is.
    pub fn write(&self, text: &str) -> io::Result<()> {
        let new: &Path = &self.0.join(".policies.toml.new");
        fs::write(new, text)?;
        fs::rename(new, self.file())
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // Left behind in the directory for such things, at worst.
        let _ = fs::remove_dir_all(&self.0);
    }
}
