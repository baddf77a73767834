//! Instructions per call, counted by callgrind.
//!
//! Each count runs twice, with one number of calls and with twice as many. The difference over the number of calls is
//! what one warm call costs: whatever is paid once (the set-up, the layer, the first call) is in both and falls out.
//! `../../instructions.sh` takes the difference; it reads the arguments, so they stand as numbers.

mod watched;

use std::future::{Future, Ready, ready};
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use gungraun::{LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main};
use tower::{BoxError, Layer, Service, service_fn};
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitOpen, Dependency, ErrIsFailure, Outcome, Policy,
    TenantCircuitBreakerLayer, tenant_fn,
};

/// A request that is nothing but its tenant.
struct Call(&'static str);

/// A dependency under the default policy, the tenants that call it in turn, and how often they do.
struct Load {
    /// Goes with the load, outside of what is counted.
    _watcher: watched::Watcher,
    search: Dependency,
    tenants: Vec<&'static str>,
    calls: usize,
}

impl Load {
    fn each(&self, mut call: impl FnMut(&'static str)) {
        for tenant in self.tenants.iter().cycle().take(self.calls) {
            call(black_box(tenant));
        }
    }
}

/// Tenants with ids of 27 bytes, each with `warm` successful calls behind it.
///
/// A circuit keeps a histogram from 100 calls in its window on: fewer of them, the calls to come
/// included, make a quiet tenant, more a busy one.
fn closed(tenants: usize, warm: usize, calls: usize) -> Load {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let search = registry
        .dependency_with("search", Policy::default())
        .unwrap();
    let tenants: Vec<&str> = (0..tenants)
        .map(|tenant| &*format!("tenant-{tenant:020}").leak())
        .collect();
    for tenant in &tenants {
        for _ in 0..warm {
            search.acquire(tenant).unwrap().record(Outcome::Success);
        }
    }
    Load {
        _watcher: watched::watch(&registry),
        search,
        tenants,
        calls,
    }
}

/// The same, with every circuit open.
fn open(tenants: usize, warm: usize, calls: usize) -> Load {
    let load = closed(tenants, warm, calls);
    for tenant in &load.tenants {
        let circuit = load.search.circuit(tenant);
        circuit.open_for(Duration::from_secs(3600)).unwrap();
        load.search.acquire(tenant).unwrap_err();
    }
    load
}

fn inner() -> impl Service<Call, Response = u32, Error = BoxError, Future = Answer> + Clone {
    service_fn(|_: Call| ready(Ok(200)))
}

type Answer = Ready<Result<u32, BoxError>>;

macro_rules! layer {
    ($load:expr) => {
        TenantCircuitBreakerLayer::new(
            $load.search.clone(),
            tenant_fn(|call: &Call| Ok(call.0.into())),
        )
        .classify(ErrIsFailure)
    };
}

/// One call as an executor drives it, to the end.
fn drive<S: Service<Call>>(service: &mut S, tenant: &'static str) -> Result<S::Response, S::Error> {
    let mut task = Context::from_waker(Waker::noop());
    let Poll::Ready(Ok(())) = service.poll_ready(&mut task) else {
        panic!("the service is always ready");
    };
    match pin!(service.call(Call(tenant))).poll(&mut task) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("nothing to wait for"),
    }
}

// What every other count has in it. All of them: one quiet tenant, a busy one, a thousand quiet ones in turn.
#[library_benchmark]
#[benches::of(
    args = [
        (1, 10, 40), (1, 10, 80),
        (1, 1000, 1000), (1, 1000, 2000),
        (1000, 10, 1000), (1000, 10, 2000)
    ],
    setup = closed
)]
fn loop_alone(load: Load) -> Load {
    load.each(|tenant| {
        black_box(tenant);
    });
    load
}

// What every latency takes.
#[library_benchmark]
#[benches::of(
    args = [
        (1, 10, 40), (1, 10, 80),
        (1, 1000, 1000), (1, 1000, 2000),
        (1000, 10, 1000), (1000, 10, 2000)
    ],
    setup = closed
)]
fn clock_read_twice(load: Load) -> Load {
    load.each(|_| {
        black_box(tokio::time::Instant::now());
        black_box(tokio::time::Instant::now());
    });
    load
}

// The service behind the layer in the counts below.
#[library_benchmark]
#[benches::of(
    args = [
        (1, 10, 40), (1, 10, 80),
        (1, 1000, 1000), (1, 1000, 2000),
        (1000, 10, 1000), (1000, 10, 2000)
    ],
    setup = closed
)]
fn service_fn_alone(load: Load) -> Load {
    let mut service = inner();
    load.each(|tenant| {
        black_box(drive(&mut service, tenant)).unwrap();
    });
    load
}

#[library_benchmark]
#[benches::of(
    args = [
        (1, 10, 40), (1, 10, 80),
        (1, 1000, 1000), (1, 1000, 2000),
        (1000, 10, 1000), (1000, 10, 2000)
    ],
    setup = closed
)]
fn closed_core(load: Load) -> Load {
    load.each(|tenant| {
        let permit = load.search.acquire(tenant).unwrap();
        permit.record(black_box(Outcome::Success));
    });
    load
}

#[library_benchmark]
#[benches::of(
    args = [
        (1, 10, 40), (1, 10, 80),
        (1, 1000, 1000), (1, 1000, 2000),
        (1000, 10, 1000), (1000, 10, 2000)
    ],
    setup = closed
)]
fn closed_service(load: Load) -> Load {
    let mut service = layer!(load).layer(inner());
    load.each(|tenant| {
        black_box(drive(&mut service, tenant)).unwrap();
    });
    load
}

#[library_benchmark]
#[benches::of(
    args = [
        (1, 10, 40), (1, 10, 80),
        (1, 1000, 1000), (1, 1000, 2000),
        (1000, 10, 1000), (1000, 10, 2000)
    ],
    setup = open
)]
fn rejected_core(load: Load) -> Load {
    load.each(|tenant| {
        black_box(load.search.acquire(tenant)).unwrap_err();
    });
    load
}

#[library_benchmark]
#[benches::of(
    args = [
        (1, 10, 40), (1, 10, 80),
        (1, 1000, 1000), (1, 1000, 2000),
        (1000, 10, 1000), (1000, 10, 2000)
    ],
    setup = open
)]
fn rejected_service_with_an_error(load: Load) -> Load {
    let mut service = layer!(load).layer(inner());
    load.each(|tenant| {
        black_box(drive(&mut service, tenant)).unwrap_err();
    });
    load
}

#[library_benchmark]
#[benches::of(
    args = [
        (1, 10, 40), (1, 10, 80),
        (1, 1000, 1000), (1, 1000, 2000),
        (1000, 10, 1000), (1000, 10, 2000)
    ],
    setup = open
)]
fn rejected_service_with_a_response(load: Load) -> Load {
    let mut service = layer!(load)
        .respond_with(|_: &CircuitOpen| 503)
        .layer(inner());
    load.each(|tenant| {
        black_box(drive(&mut service, tenant)).unwrap();
    });
    load
}

library_benchmark_group!(
    name = calls;
    benchmarks =
        loop_alone,
        clock_read_twice,
        service_fn_alone,
        closed_core,
        closed_service,
        rejected_core,
        rejected_service_with_an_error,
        rejected_service_with_a_response
);
main!(
    config = LibraryBenchmarkConfig::default().pass_through_env(watched::BY);
    library_benchmark_groups = calls
);
