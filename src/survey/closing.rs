//! What the histogram of closings takes in: once, for every way in which it is told.

use std::time::Duration;

use crate::{Event, EventKind};

/// Where a tenant's circuit closed: its dependency, and how long it was not closed. None for the circuits that several
/// tenants share, of which no tenant's wait can be told.
pub(crate) fn closing<'a>(event: &Event<'a>) -> Option<(&'a str, Duration)> {
    let EventKind::Transition { not_closed_for, .. } = event.kind else {
        return None;
    };
    event.tenant?;
    Some((event.dependency?, not_closed_for?))
}
