//! The first call of a tenant that has no circuit.

use std::hint::black_box;

use gauge::callgrind;
use tower::Layer;
use tower_tenant_breaker::{
    CircuitBreakerRegistry, Dependency, ErrIsFailure, Outcome, TenantCircuitBreakerLayer, tenant_fn,
};

use crate::drive::{Call, drive, http as driven, inner};
use crate::row::Rows;
use crate::state::State;
use crate::world::{id, succeed};
use crate::{http, service};

/// Dependencies that are filled, and with how many tenants.
const FILLED: [(&str, usize, usize); 3] =
    [("1", 100, 1), ("1,000", 10, 1_000), ("100,000", 1, 100_000)];

/// Newcomers to each dependency that is full.
const NEWCOMERS: usize = 2_000;

fn dependency(max_tenants: usize) -> Dependency {
    let registry = CircuitBreakerRegistry::builder().max_tenants(max_tenants);
    let registry = registry.build().unwrap();
    registry
        .dependency_with("search", State::Closed.policy())
        .unwrap()
}

fn ids(from: usize, tenants: usize) -> Vec<&'static str> {
    let ids = from..from + tenants;
    ids.map(|tenant| &*id(tenant).leak()).collect()
}

/// All calls that fill a dependency from empty on: the growth of the table is in them, each its share.
pub fn count(core: &Rows<'_>, service: &Rows<'_>, http: &Rows<'_>) {
    fill(core, arrive);
    fill(service, |search, newcomers| {
        let mut service = service::layer!(search).layer(inner());
        callgrind::count(|| {
            for tenant in newcomers {
                black_box(drive(&mut service, Call(black_box(tenant)))).unwrap();
            }
        });
    });
    fill(http, |search, newcomers| {
        let mut service = http::layer!(search).layer(driven::inner());
        callgrind::count(|| {
            for tenant in newcomers {
                black_box(drive(&mut service, Call(black_box(tenant)))).unwrap();
            }
        });
    });
}

/// The calls of one kind, each of which is the first of its tenant.
fn fill(rows: &Rows<'_>, arrive: impl Fn(&Dependency, &[&'static str])) {
    for (column, dependencies, tenants) in FILLED {
        let ids = ids(0, tenants);
        for _ in 0..dependencies {
            let search = dependency(tenants);
            arrive(&search, &ids);
            assert_eq!(search.len(), tenants, "every tenant has its circuit");
        }
        rows.tell("first call", column, dependencies * tenants);
    }
}

/// The calls of newcomers to dependencies that have as many tenants as they may.
pub fn count_at_the_bound(rows: &Rows<'_>) {
    let [_, full @ ..] = FILLED;
    for (column, dependencies, tenants) in full {
        let known = ids(0, tenants);
        // Fewer than there are who may go: the search for the last ones of these would be no common one.
        let newcomers = ids(tenants, NEWCOMERS.min(tenants / 2));
        for _ in 0..dependencies {
            let search = dependency(tenants);
            // Ignored, a call leaves nothing in its circuit, which so may go.
            let idle = |tenant| search.acquire(tenant).unwrap().record(Outcome::Ignored);
            known.iter().copied().for_each(idle);
            arrive(&search, &newcomers);
            assert_eq!(settled(&search, &newcomers), newcomers.len());
        }
        let calls = dependencies * newcomers.len();
        rows.tell("first call, an idle tenant evicted", column, calls);

        for _ in 0..dependencies {
            let search = dependency(tenants);
            known.iter().for_each(|tenant| succeed(&search, tenant));
            arrive(&search, &newcomers);
            assert_eq!(settled(&search, &newcomers), 0);
        }
        rows.tell("first call, no room", column, calls);
    }
}

fn arrive(search: &Dependency, newcomers: &[&'static str]) {
    callgrind::count(|| {
        for tenant in newcomers {
            let permit = search.acquire(black_box(tenant)).unwrap();
            permit.record(black_box(Outcome::Success));
        }
    });
}

/// How many of them have a circuit.
fn settled(search: &Dependency, newcomers: &[&'static str]) -> usize {
    let circuits = newcomers.iter().map(|tenant| search.circuit(tenant));
    circuits
        .filter(|circuit| circuit.snapshot().is_some())
        .count()
}
