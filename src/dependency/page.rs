//! Circuits by pages, the worst first, while calls go on.

use std::collections::BinaryHeap;

use super::Dependency;
use super::cursor::{PageCursor, PageGroup};
use crate::circuit::Circuit;
use crate::{CircuitSnapshot, CircuitState};

/// The most circuits on one page.
pub const MAX_PAGE: usize = 1_000;

/// Which circuits to show, and how many at once.
///
/// ```
/// use tower_tenant_breaker::PageRequest;
///
/// let all = PageRequest::new(100);
/// let broken = PageRequest::new(100).not_closed().tenant_prefix("eu-");
/// assert_ne!(all, broken);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    limit: usize,
    after: Option<PageCursor>,
    not_closed: bool,
    prefix: Box<str>,
}

impl PageRequest {
    /// The first circuits, so many of them: from 1 to [`MAX_PAGE`], and a number beyond is taken as the nearest of
    /// these, so that it may come from a URL.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            limit: limit.clamp(1, MAX_PAGE),
            after: None,
            not_closed: false,
            prefix: Box::default(),
        }
    }

    /// Those that come after the last one of another page.
    #[must_use]
    pub fn after(mut self, cursor: PageCursor) -> Self {
        self.after = Some(cursor);
        self
    }

    /// Only those that are open or half-open, by their own machine alone. Circuits that an override forces open are
    /// not among them, nor are those of tenants that a detected outage has rejected: what holds for all is in the
    /// dependency's snapshot, as [`overridden`](crate::DependencySnapshot::overridden) and
    /// [`outage`](crate::DependencySnapshot::outage).
    #[must_use]
    pub fn not_closed(mut self) -> Self {
        self.not_closed = true;
        self
    }

    /// Only those of tenants whose ids begin so.
    #[must_use]
    pub fn tenant_prefix(mut self, prefix: &str) -> Self {
        self.prefix = prefix.into();
        self
    }

    fn asks_for(&self, (group, id): (PageGroup, &[u8])) -> bool {
        let after = self.after.as_ref();
        (!self.not_closed || group <= PageGroup::HalfOpen)
            && id.starts_with(self.prefix.as_bytes())
            && after.is_none_or(|cursor| (group, id) > cursor.key())
    }
}

/// Some circuits of a dependency, the worst first.
///
/// With feature `serde` it is written as `{ "circuits": [..], "next": "2676c6f626578" }`, each circuit as
/// [`CircuitSnapshot`] shows, `next` as a string or `null`.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct CircuitsPage {
    /// The circuits.
    pub circuits: Vec<CircuitSnapshot>,
    /// Where the next page begins; none where there is no further one.
    pub next: Option<PageCursor>,
}

/// A circuit in the group in which it was found.
struct Row {
    group: PageGroup,
    circuit: Circuit,
}

impl Row {
    fn key(&self) -> (PageGroup, &[u8]) {
        (self.group, self.circuit.id())
    }

    fn cursor(&self) -> Option<PageCursor> {
        let tenant = self.circuit.tenant()?;
        Some(PageCursor::new(self.group, tenant))
    }
}

fn group_of(circuit: &Circuit, now: u64) -> PageGroup {
    match circuit.state() {
        CircuitState::Open => PageGroup::Open,
        CircuitState::HalfOpen => PageGroup::HalfOpen,
        CircuitState::Closed if circuit.is_overridden() => PageGroup::Overridden,
        CircuitState::Closed if circuit.ramp_share(now).is_some() => PageGroup::Ramping,
        CircuitState::Closed => PageGroup::Closed,
    }
}

impl PartialEq for Row {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Row {}

impl PartialOrd for Row {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Row {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

impl Dependency {
    /// Some circuits: the open ones first, then by [`PageGroup`], and within a group by the bytes of the tenant's id.
    /// Calls go on meanwhile.
    ///
    /// A page holds its rows, and for a moment the pointers of one shard's circuits; no lock is held while rows are
    /// made. It looks at every circuit once, so that a walk through all pages of `n` circuits takes `n / limit` times
    /// as long as one page.
    ///
    /// While nothing changes, the pages show each circuit exactly once. A circuit whose group changes between two
    /// pages may be shown twice, or not at all; one that stays in its group is shown once. A row is read after its
    /// place was found: it can tell of a state that the circuit has come to meanwhile. The circuits that several
    /// tenants share are not on pages, but among [`circuit_snapshots`](Self::circuit_snapshots).
    ///
    /// ```
    /// use tower_tenant_breaker::{CircuitBreakerRegistry, PageRequest, Policy};
    ///
    /// let registry = CircuitBreakerRegistry::builder().build()?;
    /// let search = registry.dependency_with("search", Policy::default())?;
    /// let mut request = PageRequest::new(100).not_closed();
    /// loop {
    ///     let page = search.circuits_page(&request);
    ///     for circuit in &page.circuits {
    ///         println!("{:?} is {}", circuit.tenant, circuit.state);
    ///     }
    ///     let Some(next) = page.next else { break };
    ///     request = request.after(next);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn circuits_page(&self, request: &PageRequest) -> CircuitsPage {
        // One row more than asked for tells whether there is a further page. The last row is on top.
        let mut rows: BinaryHeap<Row> = BinaryHeap::with_capacity(request.limit + 2);
        let now = self.context().now();
        self.inner.circuits.for_each(|circuit| {
            let group = group_of(circuit, now);
            let key = (group, circuit.id());
            let is_full = rows.len() > request.limit;
            let comes_after_all = is_full && rows.peek().is_some_and(|last| last.key() <= key);
            if comes_after_all || !request.asks_for(key) {
                return;
            }
            let circuit = circuit.clone();
            rows.push(Row { group, circuit });
            if is_full {
                rows.pop();
            }
        });
        let mut rows = rows.into_sorted_vec();
        let has_more = rows.len() > request.limit;
        rows.truncate(request.limit);
        CircuitsPage {
            next: rows.last().filter(|_| has_more).and_then(Row::cursor),
            circuits: rows.iter().map(|row| row.circuit.snapshot()).collect(),
        }
    }
}
