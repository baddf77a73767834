//! Tells that something happened to a file, once it is quiet again.

use std::path::Path;
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc::{Receiver, channel};
use tokio::time::timeout;

/// How long nothing must have happened: an editor writes a file in several steps.
const QUIET: Duration = Duration::from_millis(50);

/// How many events in a row are waited for: something else in the directory may never be quiet.
const PATIENCE: usize = 100;

pub struct Watch {
    events: Receiver<()>,
    /// Watches until it is dropped.
    _watcher: RecommendedWatcher,
}

impl Watch {
    /// Watches the directory of the file: editors, and Kubernetes, put another file in its place, and who watches the
    /// file itself goes on watching the old one.
    pub fn of(file: &Path) -> notify::Result<Self> {
        let (events, receiver) = channel(1);
        let mut watcher =
            notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
                // That it was read, by ourselves, is no news. An error may have cost us news.
                let is_news = event.map_or(true, |event| !event.kind.is_access());
                if is_news {
                    // Full: there is news already. Closed: nobody wants any.
                    let _ = events.try_send(());
                }
            })?;
        let directory = file.parent().unwrap_or(Path::new("."));
        watcher.watch(directory, RecursiveMode::NonRecursive)?;
        Ok(Self {
            events: receiver,
            _watcher: watcher,
        })
    }

    /// Waits until something has happened and it is quiet again; false where nothing will any more.
    pub async fn settled(&mut self) -> bool {
        if self.events.recv().await.is_none() {
            return false;
        }
        for _ in 0..PATIENCE {
            match timeout(QUIET, self.events.recv()).await {
                Ok(Some(())) => {}
                Ok(None) | Err(_) => break,
            }
        }
        true
    }
}
