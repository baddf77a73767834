//! recloser, which knows of no keys: one `AsyncRecloser` per tenant, in a map that grows and in a cache that is bounded.
//!
//! Ours are the maps, as recloser has none. Looked up by the borrowed id, so that a known tenant costs no `String`; the
//! lock of the map's shard is given back before the call begins, as it must be where calls wait.

use std::sync::Arc;

use dashmap::DashMap;
use moka::sync::Cache;
use recloser::{AsyncRecloser, Error, Recloser};

use super::About;
use crate::breaker::{Breaker, ROOM, Trips};
use crate::call::{Answer, Failed};

const PERCENTILE: &str = "no";

pub(super) const DASHMAP: About = About {
    name: "DashMap {} + recloser {}",
    packages: &["dashmap", "recloser"],
    percentile: PERCENTILE,
};

pub(super) const MOKA: About = About {
    name: "moka {} + recloser {}",
    packages: &["moka", "recloser"],
    percentile: PERCENTILE,
};

fn new_recloser(trips: Trips) -> AsyncRecloser {
    let recloser = match trips {
        Trips::ByDefault => Recloser::default(),
        Trips::AtOnce(period) => Recloser::custom().closed_len(1).open_wait(period).build(),
    };
    recloser.into()
}

#[derive(Clone)]
pub(super) struct InDashMap {
    by_tenant: Arc<DashMap<String, AsyncRecloser>>,
    trips: Trips,
}

pub(super) fn in_dashmap(trips: Trips) -> InDashMap {
    InDashMap {
        by_tenant: Arc::default(),
        trips,
    }
}

impl Breaker for InDashMap {
    type Error = Error<Failed>;

    fn call(
        &mut self,
        tenant: &'static str,
        answer: Answer,
    ) -> impl Future<Output = Result<u32, Self::Error>> {
        if let Some(recloser) = self.by_tenant.get(tenant) {
            return recloser.call(answer);
        }
        let trips = self.trips;
        let vacant = self.by_tenant.entry(tenant.to_owned());
        vacant.or_insert_with(|| new_recloser(trips)).call(answer)
    }

    fn is_rejected(result: &Result<u32, Self::Error>) -> bool {
        matches!(result, Err(Error::Rejected))
    }
}

#[derive(Clone)]
pub(super) struct InMoka {
    by_tenant: Cache<String, AsyncRecloser>,
    trips: Trips,
}

pub(super) fn in_moka(trips: Trips) -> InMoka {
    InMoka {
        by_tenant: Cache::new(ROOM as u64),
        trips,
    }
}

impl Breaker for InMoka {
    type Error = Error<Failed>;

    fn call(
        &mut self,
        tenant: &'static str,
        answer: Answer,
    ) -> impl Future<Output = Result<u32, Self::Error>> {
        let trips = self.trips;
        let recloser = self
            .by_tenant
            .get_with_by_ref(tenant, || new_recloser(trips));
        recloser.call(answer)
    }

    fn is_rejected(result: &Result<u32, Self::Error>) -> bool {
        matches!(result, Err(Error::Rejected))
    }

    fn settle(&self) {
        self.by_tenant.run_pending_tasks();
    }
}
