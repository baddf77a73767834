//! How many go over the circuits at the same time.

use std::pin::Pin;

use tokio::sync::Semaphore;
use tokio::task::{JoinError, spawn_blocking};

use super::answer::Answer;
use crate::sync::Arc;

/// Of one service and its clones, so that those who look take no more than so many threads from those who call.
const AT_ONCE: usize = 2;

/// An answer for which somebody goes over the circuits, or that waits its turn.
pub(super) type Scan = Pin<Box<dyn Future<Output = Result<Answer, JoinError>> + Send + Sync>>;

#[derive(Clone, Debug)]
pub(super) struct Scans(Arc<Semaphore>);

impl Default for Scans {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Scans {
    /// On a thread for blocking work, in the order in which they were first asked for. Dropped before its turn, nothing
    /// is done.
    pub(super) fn scan(&self, work: impl FnOnce() -> Answer + Send + Sync + 'static) -> Scan {
        let places = Arc::clone(&self.0);
        Box::pin(async move {
            // Nobody closes it.
            let place = places.acquire_owned().await;
            // With the work, which nobody stops once it has begun.
            let work = move || {
                let _place = place;
                work()
            };
            spawn_blocking(work).await
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::RwLock;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::FutureExt;
    use tokio::runtime::Builder;
    use tokio::task::yield_now;

    use super::{Scan, Scans};
    use crate::status::answer::of_json;
    use crate::sync::Arc;

    #[test]
    fn two_go_over_the_circuits_at_once_and_who_leaves_before_their_turn_costs_nothing() {
        let (scans, gate) = (Scans::default(), Arc::new(RwLock::new(())));
        let begun = Arc::new(AtomicUsize::new(0));
        let scan = || -> Scan {
            let (gate, begun) = (Arc::clone(&gate), Arc::clone(&begun));
            scans.scan(move || {
                begun.fetch_add(1, Ordering::Relaxed);
                drop(gate.read());
                of_json(&())
            })
        };
        let runtime = Builder::new_current_thread().build().unwrap();
        let shut = gate.write().unwrap();
        let waiting = runtime.block_on(async {
            let first = [tokio::spawn(scan()), tokio::spawn(scan())];
            while begun.load(Ordering::Relaxed) < 2 {
                yield_now().await;
            }
            for _ in 0..50 {
                assert!(scan().now_or_never().is_none(), "it waits, and leaves");
            }
            // One whose asker leaves in the middle of it keeps its place until it is over.
            let [left, stays] = first;
            left.abort();
            [stays]
        });
        drop(shut);
        runtime.block_on(async {
            let [stays] = waiting;
            stays.await.unwrap().unwrap();
            scan().await.unwrap();
        });
        // Waits for all that has begun.
        drop(runtime);
        assert_eq!(begun.load(Ordering::Relaxed), 3);
    }
}
