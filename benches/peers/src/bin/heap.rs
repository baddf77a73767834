//! Allocations per call and bytes per tenant, as JSON, for the other program: its calls are not to pay for the counting.

use gauge::heap;
use peers::breaker::{Breaker, OVER, ROOM, Trips};
use peers::breakers::{About, Visit, each};
use peers::call::{Answer, drive, tenant};
use peers::load::{LOADS, Load};
use serde_json::{Map, Value, json};

#[global_allocator]
static ALLOCATOR: heap::Counting = heap::Counting;

/// Of one warm call.
fn allocations<B: Breaker>(load: &Load, make: impl Fn(Trips) -> B) -> f64 {
    let measured = load.measure(make, |call| {
        let before = heap::allocations();
        call();
        (heap::allocations() - before) as f64
    });
    load.per_call(&measured).expect("measured at least once")
}

/// With as many tenants as there is room for, and with [`OVER`] times as many, each with one good call behind it.
fn bytes<B: Breaker>(make: impl Fn(Trips) -> B) -> [isize; 2] {
    let tenants: Vec<_> = (0..OVER * ROOM).map(tenant).collect();
    let before = heap::live();
    let mut breaker = make(Trips::ByDefault);
    let (first, then) = tenants.split_at(ROOM);
    [first, then].map(|tenants| {
        for tenant in tenants {
            let answer = drive(breaker.call(tenant, Answer::good()));
            assert!(answer.is_ok(), "nothing is rejected");
        }
        breaker.settle();
        heap::live() - before
    })
}

struct Heap(Map<String, Value>);

impl Visit for Heap {
    fn visit<B: Breaker>(&mut self, about: About, make: impl Fn(Trips) -> B) {
        let allocations = LOADS.iter().map(|load| allocations(load, &make));
        let allocations: Vec<_> = allocations.collect();
        let found = json!({ "allocations": allocations, "bytes": bytes(&make) });
        self.0.insert(about.name.to_owned(), found);
    }
}

fn main() {
    let mut heap = Heap(Map::new());
    each(&mut heap);
    println!("{}", Value::Object(heap.0));
}
