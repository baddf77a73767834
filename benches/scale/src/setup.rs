//! Dependencies whose circuits are in a state, and the tenants that call them.

use std::sync::OnceLock;
use std::time::Duration;

use tower_tenant_breaker::{CircuitBreakerRegistry, Dependency, Outcome, Policy};

/// The ids of tenants, each of 27 bytes.
pub type Tenants = &'static [&'static str];

/// So many, beginning with this one.
pub fn tenants(first: usize, many: usize) -> Tenants {
    static ALL: OnceLock<Vec<&str>> = OnceLock::new();
    let all = ALL.get_or_init(|| {
        let tenant = |number: usize| &*format!("tenant-{number:020}").leak();
        (0..MOST).map(tenant).collect()
    });
    &all[first..first + many]
}

/// As many as there are.
const MOST: usize = 200_000;

/// The circuits that calls find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Closed,
    Open,
    HalfOpen,
    /// There is none.
    None,
}

/// A dependency under the default policy. No circuit keeps a histogram, whatever is called: `histograms` is 0. Or each
/// does, after its hundredth call.
pub fn dependency(state: State, tenants: Tenants, histograms: usize) -> Dependency {
    let registry = CircuitBreakerRegistry::builder()
        .max_tenants(MOST)
        .histogram_bytes(histograms);
    let registry = registry.build().expect("as many as there are, is not none");
    let search = registry.dependency_with("search", Policy::default());
    let search = search.expect("declared once");
    if state == State::None {
        return search;
    }
    // Of a hundred thousand, whose circuits are new for each run, one each.
    let calls = (10_000 / tenants.len()).clamp(1, 10);
    for tenant in tenants {
        for _ in 0..calls {
            search
                .acquire(tenant)
                .expect("closed")
                .record(Outcome::Success);
        }
        let circuit = search.circuit(tenant);
        if state != State::Closed {
            circuit
                .open_for(Duration::from_secs(3600))
                .expect("there is a circuit");
        }
        if state == State::HalfOpen {
            circuit.half_open().expect("it is open");
        }
    }
    search
}
