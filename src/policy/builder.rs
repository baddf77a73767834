use std::time::Duration;

use super::{HistogramShape, LatencyRule, OpenPeriod, OutagePolicy, Overflow, Ramp};
use crate::CircuitState;

/// Builds a [`Policy`](crate::Policy).
///
/// | field | meaning | default | bounds |
/// |---|---|---|---|
/// | [`window`](Self::window) | over which calls are counted, in ten slots | 60 s | 10 ms to 24 h |
/// | [`failure_threshold`](Self::failure_threshold) | this many failures in the window ... | 5 | 1 to 65,535 |
/// | [`failure_rate`](Self::failure_rate) | ... making up at least this share of its calls trip | 0.5 | over 0, up to 1 |
/// | [`min_calls`](Self::min_calls) | calls in the window before count and rate are asked | 5 | 1 to 65,535 |
/// | [`consecutive_failures`](Self::consecutive_failures) | this many failures in a row trip | 5 | 1 to 65,535 |
/// | [`latency`](Self::latency) | a latency quantile over its threshold trips | p95 over 3 s at 20 calls | up to 4 rules; quantile over 0, up to 1; threshold over 0, below the top bucket of `histogram`; 1 to 65,535 calls |
/// | [`histogram`](Self::histogram) | lowest and highest latency, and digits, of histograms | 10 us, 5 min, 2 | 1 us to 1 s; twice the lowest to 24 h; 1 to 5 |
/// | [`open_for`](Self::open_for) | how long a circuit stays open | 30 s, doubling to 5 min, jitter 10 % | over 0, up to 24 h; multiplier 1 to 100; jitter 0 to 1 |
/// | [`hint_cap`](Self::hint_cap) | the most that a server's hint counts for | 1 h | up to 24 h, 0 ignores hints |
/// | [`trip_on_hint`](Self::trip_on_hint) | a hint opens the circuit at once | no | |
/// | [`half_open_max_calls`](Self::half_open_max_calls) | probes at a time | 3 | 1 to 255 |
/// | [`success_threshold`](Self::success_threshold) | successful probes that close | 2 | 1 to 255 |
/// | [`probe_lease`](Self::probe_lease) | after which a probe's place is free again | the larger of 60 s and twice the largest latency threshold, at most 24 h | over 0, up to 24 h |
/// | [`abandoned_run`](Self::abandoned_run) | this many cancelled calls in a row count as failures | 5 | up to 255, 0 switches it off |
/// | [`max_in_flight`](Self::max_in_flight) | calls of a tenant in the air | no bound | at least 1 |
/// | [`initial_state`](Self::initial_state) | the state of a new circuit | closed | |
/// | [`overflow`](Self::overflow) | what happens to tenants without room | unguarded | |
/// | [`ramp`](Self::ramp) | after closing, the share of calls admitted at first, growing to all of them over a time | no ramp | share over 0, below 1; over 0, up to 24 h |
/// | [`outage`](Self::outage) | circuits of many tenants open the dependency for all | no | see [`OutagePolicy`] |
///
/// A policy without any rule is legal, and its circuits never trip by themselves.
///
/// ```
/// use std::time::Duration;
/// use tower_tenant_breaker::{LatencyRule, OpenPeriod, Policy};
///
/// let policy = Policy::builder()
///     .window(Duration::from_secs(60))
///     .failure_threshold(5).failure_rate(0.5)     // both must hold
///     .consecutive_failures(5)                    // or this alone
///     .latency(LatencyRule::p95(Duration::from_secs(3)).min_calls(20))
///     .open_for(OpenPeriod::exponential(Duration::from_secs(30), Duration::from_secs(300)))
///     .half_open_max_calls(3).success_threshold(2)
///     .build()?;
/// # Ok::<(), tower_tenant_breaker::PolicyError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct PolicyBuilder {
    pub(super) window: Duration,
    pub(super) failure_threshold: Option<u32>,
    pub(super) failure_rate: Option<f64>,
    pub(super) min_calls: u32,
    pub(super) consecutive_failures: Option<u32>,
    /// `None` stands for the default rule, until the first rule takes its place.
    pub(super) latency: Option<Vec<LatencyRule>>,
    pub(super) histogram: HistogramShape,
    pub(super) open_for: OpenPeriod,
    pub(super) half_open_max_calls: u32,
    pub(super) success_threshold: u32,
    pub(super) hint_cap: Duration,
    pub(super) trip_on_hint: bool,
    pub(super) abandoned_run: u32,
    pub(super) probe_lease: Option<Duration>,
    pub(super) initial_state: CircuitState,
    pub(super) max_in_flight: Option<u32>,
    pub(super) overflow: Overflow,
    pub(super) ramp: Option<Ramp>,
    pub(super) outage: Option<OutagePolicy>,
}

impl PolicyBuilder {
    pub(super) const fn new() -> Self {
        Self {
            window: Duration::from_secs(60),
            failure_threshold: Some(5),
            failure_rate: Some(0.5),
            min_calls: 5,
            consecutive_failures: Some(5),
            latency: None,
            histogram: HistogramShape::DEFAULT,
            open_for: OpenPeriod::exponential(Duration::from_secs(30), Duration::from_secs(300)),
            half_open_max_calls: 3,
            success_threshold: 2,
            hint_cap: Duration::from_secs(3600),
            trip_on_hint: false,
            abandoned_run: 5,
            probe_lease: None,
            initial_state: CircuitState::Closed,
            max_in_flight: None,
            overflow: Overflow::Unguarded,
            ramp: None,
            outage: None,
        }
    }

    /// Over which time calls are counted.
    ///
    /// In ten slots: a call is gone after nine to ten tenths of the window. A slot counts 65,535 calls;
    /// where a tenant makes more (over 10,922 a second at the default window of 60 s), the slot's counts
    /// are halved, bad ones rounded up, and the verdicts are approximate from then on.
    pub fn window(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }

    /// How many failures the window must hold, together with [`failure_rate`](Self::failure_rate).
    pub fn failure_threshold(mut self, failures: u32) -> Self {
        self.failure_threshold = Some(failures);
        self
    }

    /// Which share of the window's calls failures must make up, together with
    /// [`failure_threshold`](Self::failure_threshold).
    pub fn failure_rate(mut self, rate: f64) -> Self {
        self.failure_rate = Some(rate);
        self
    }

    /// How many calls the window must hold before count and rate are asked. Where the failures of abandoned
    /// calls have outlived the calls themselves, the failures are asked instead.
    pub fn min_calls(mut self, calls: u32) -> Self {
        self.min_calls = calls;
        self
    }

    /// Switches the rule of count and rate off.
    pub fn without_failure_rate(mut self) -> Self {
        self.failure_threshold = None;
        self.failure_rate = None;
        self
    }

    /// How many failures in a row trip, however old the first of them is.
    ///
    /// A success ends the run, a slow one too; a window in which nothing was counted ends it; throttled
    /// and ignored calls leave it as it is.
    ///
    /// The rule of count and rate stands beside it, and trips by itself: a longer run than
    /// [`failure_threshold`](Self::failure_threshold) (by default 5) is not waited for where the failures make up
    /// [`failure_rate`](Self::failure_rate) of the window's calls. Who wants more patience says so to both.
    ///
    /// ```
    /// use tower_tenant_breaker::{CircuitBreakerRegistry, CircuitState, Outcome, Policy};
    ///
    /// let registry = CircuitBreakerRegistry::builder().build()?;
    /// let failures_until_open = |name, policy| -> Result<_, Box<dyn std::error::Error>> {
    ///     let dependency = registry.dependency_with(name, policy)?;
    ///     let mut failures = 0;
    ///     while dependency.state("acme") == CircuitState::Closed {
    ///         dependency.acquire("acme")?.record(Outcome::failure());
    ///         failures += 1;
    ///     }
    ///     Ok(failures)
    /// };
    /// let by_rate = Policy::builder().consecutive_failures(10).build()?;
    /// let patient = Policy::builder().failure_threshold(10).consecutive_failures(10).build()?;
    /// assert_eq!(failures_until_open("by rate", by_rate)?, 5);
    /// assert_eq!(failures_until_open("patient", patient)?, 10);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn consecutive_failures(mut self, failures: u32) -> Self {
        self.consecutive_failures = Some(failures);
        self
    }

    /// Switches the rule of consecutive failures off.
    pub fn without_consecutive_failures(mut self) -> Self {
        self.consecutive_failures = None;
        self
    }

    /// Adds a latency rule; the first one takes the place of the default.
    pub fn latency(mut self, rule: LatencyRule) -> Self {
        self.latency.get_or_insert_default().push(rule);
        self
    }

    /// Switches the latency rules off.
    pub fn without_latency(mut self) -> Self {
        self.latency = Some(Vec::new());
        self
    }

    /// The range and the precision (significant decimal digits) of latencies.
    ///
    /// Thresholds of latency rules are snapped to its buckets, and the percentiles of snapshots are read
    /// from such histograms. A latency over `highest` is clamped, and slow all the same.
    pub fn histogram(mut self, lowest: Duration, highest: Duration, digits: u8) -> Self {
        self.histogram = HistogramShape {
            lowest,
            highest,
            digits,
        };
        self
    }

    /// How long a circuit stays open.
    pub fn open_for(mut self, period: OpenPeriod) -> Self {
        self.open_for = period;
        self
    }

    /// How many probes may be in flight at a time.
    pub fn half_open_max_calls(mut self, calls: u32) -> Self {
        self.half_open_max_calls = calls;
        self
    }

    /// How many successful probes close the circuit.
    pub fn success_threshold(mut self, successes: u32) -> Self {
        self.success_threshold = successes;
        self
    }

    /// The most that a hint of the server (`Retry-After`) counts for, from its receipt on.
    pub fn hint_cap(mut self, cap: Duration) -> Self {
        self.hint_cap = cap;
        self
    }

    /// Whether a failed or throttled call with a hint opens the circuit at once.
    ///
    /// After a throttled call it then stays open until the instant that was named, and no longer: that is the end of a
    /// limit of the tenant's own, which [`open_for`](Self::open_for) knows nothing of. The same holds for a probe that is
    /// throttled with a hint. Such a period does not make later ones grow. After a failure, and where a rule opens the circuit
    /// by the same call, it stays open for its period at least, as without this field.
    pub fn trip_on_hint(mut self, trip: bool) -> Self {
        self.trip_on_hint = trip;
        self
    }

    /// How many cancelled calls in a row, with no other outcome between them, count as failures.
    ///
    /// A call is cancelled where its permit is dropped unrecorded: by a timeout further out, or since the
    /// client left. Without this rule, a timeout further out would hide a dependency that hangs.
    pub fn abandoned_run(mut self, calls: u32) -> Self {
        self.abandoned_run = calls;
        self
    }

    /// After which time the place of a probe that has not come back is free again.
    pub fn probe_lease(mut self, lease: Duration) -> Self {
        self.probe_lease = Some(lease);
        self
    }

    /// The state in which a new circuit begins.
    ///
    /// Half-open makes newcomers prove themselves; open makes them wait for the first period too.
    pub fn initial_state(mut self, state: CircuitState) -> Self {
        self.initial_state = state;
        self
    }

    /// The most calls that one tenant may have in the air, whatever state they began in.
    ///
    /// The bound on what a hanging dependency can hold of a shared pool before the circuit opens, and with probes: `guide` (with
    /// feature `full`) says how many that are.
    pub fn max_in_flight(mut self, calls: u32) -> Self {
        self.max_in_flight = Some(calls);
        self
    }

    /// Takes the bound on the calls in the air away.
    pub fn without_max_in_flight(mut self) -> Self {
        self.max_in_flight = None;
        self
    }

    /// What happens to tenants for whose circuit there is no room.
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = overflow;
        self
    }

    /// After closing, admits a share of the calls only: `start` at first, growing evenly to all of them over this
    /// time.
    ///
    /// For a dependency that comes back with cold caches. The state is closed meanwhile, and the rules are asked as
    /// ever; besides, [`success_threshold`](Self::success_threshold) failures in a row open the circuit again at
    /// once. The calls admitted are spaced evenly, not drawn by lot; the others are rejected with
    /// [`Reason::Recovering`](crate::Reason::Recovering). A circuit that is reset by hand has no ramp.
    pub fn ramp(mut self, start: f64, over: Duration) -> Self {
        self.ramp = Some(Ramp { start, over });
        self
    }

    /// Switches the ramp off.
    pub fn without_ramp(mut self) -> Self {
        self.ramp = None;
        self
    }

    /// Opens the dependency for every tenant while the circuits of many of them say that it is down.
    ///
    /// Of the dependency's policy alone; that of a tenant of its own is not asked.
    pub fn outage(mut self, policy: OutagePolicy) -> Self {
        self.outage = Some(policy);
        self
    }

    /// Switches the detection of outages off.
    pub fn without_outage(mut self) -> Self {
        self.outage = None;
        self
    }
}
