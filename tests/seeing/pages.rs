//! Circuits by pages, the worst first.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use tower_tenant_breaker::{
    CircuitSnapshot, CircuitsPage, InvalidCursor, MAX_PAGE, MAX_TENANT_BYTES, PageCursor,
    PageRequest,
};

use super::*;

fn name(circuit: &CircuitSnapshot) -> String {
    circuit.tenant.clone().unwrap()
}

fn names(page: &CircuitsPage) -> Vec<String> {
    page.circuits.iter().map(name).collect()
}

/// All pages, one after the other, each cursor by way of its string.
fn walk(search: &Dependency, request: &PageRequest) -> Vec<CircuitsPage> {
    let mut pages = vec![search.circuits_page(request)];
    while let Some(next) = &pages[pages.len() - 1].next {
        let next: PageCursor = next.to_string().parse().unwrap();
        pages.push(search.circuits_page(&request.clone().after(next)));
        let enough = search.len() / pages[0].circuits.len() + 1;
        assert!(pages.len() <= 2 * enough, "a walk has an end");
    }
    pages
}

fn rows(search: &Dependency, request: &PageRequest) -> Vec<String> {
    walk(search, request).iter().flat_map(names).collect()
}

#[tokio::test(start_paused = true)]
async fn twenty_thousand_circuits_are_each_shown_once_and_the_open_ones_first() {
    let search = declare(policy());
    let tenant = |n: usize| format!("tenant {:05}", n * 7_919 % 20_000);
    for n in 0..20_000 {
        succeed(&search, &tenant(n));
        if n % 20 == 0 {
            trip(&search, &tenant(n));
        }
    }
    let pages = walk(&search, &PageRequest::new(MAX_PAGE));
    assert_eq!(pages.len(), 20);
    assert!(pages.iter().all(|page| page.circuits.len() == MAX_PAGE));
    let shown: Vec<_> = pages.iter().flat_map(|page| &page.circuits).collect();
    let distinct: BTreeSet<_> = shown.iter().map(|circuit| name(circuit)).collect();
    assert_eq!(distinct.len(), 20_000);
    let key = |circuit: &&CircuitSnapshot| (circuit.state != CircuitState::Open, name(circuit));
    assert!(shown.iter().map(key).is_sorted());
    let open = |circuit: &&&CircuitSnapshot| circuit.state == CircuitState::Open;
    assert_eq!(shown.iter().filter(open).count(), 1_000);
}

#[tokio::test(start_paused = true)]
async fn the_groups_are_open_half_open_overridden_ramping_and_closed() {
    let search = declare(policy().ramp(0.1, 60 * SECOND));
    succeed(&search, "a closed");
    succeed(&search, "c overridden");
    search.circuit("c overridden").set(Override::DryRun);
    for tenant in ["b ramping", "d half-open"] {
        trip(&search, tenant);
    }
    advance(PERIOD).await;
    succeed(&search, "b ramping");
    let _probe = search.acquire("d half-open").unwrap();
    trip(&search, "e open");
    trip(&search, "f open");
    let expected = [
        "e open",
        "f open",
        "d half-open",
        "c overridden",
        "b ramping",
        "a closed",
    ];
    for limit in 1..=7 {
        assert_eq!(rows(&search, &PageRequest::new(limit)), expected, "{limit}");
    }
    // What has ended is no group of its own any more, though no call has come since.
    search.circuit("c overridden").clear();
    advance(60 * SECOND).await;
    let closed = &rows(&search, &PageRequest::new(10))[3..];
    assert_eq!(closed, ["a closed", "b ramping", "c overridden"]);
}

#[tokio::test(start_paused = true)]
async fn an_override_that_has_ended_by_itself_is_no_group_either_though_no_call_has_come_since() {
    let search = declare(policy());
    for tenant in ["a", "b"] {
        succeed(&search, tenant);
    }
    search.circuit("b").set_for(Override::DryRun, SECOND);
    assert_eq!(rows(&search, &PageRequest::new(2)), ["b", "a"]);
    advance(SECOND).await;
    assert_eq!(rows(&search, &PageRequest::new(2)), ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn the_last_page_says_so_also_where_it_is_full() {
    let search = declare(policy());
    let empty = search.circuits_page(&PageRequest::new(2));
    assert_eq!((empty.circuits.len(), empty.next), (0, None));
    for tenant in ["a", "b", "c", "d"] {
        succeed(&search, tenant);
    }
    let pages = walk(&search, &PageRequest::new(2));
    let lengths: Vec<_> = pages.iter().map(|page| page.circuits.len()).collect();
    assert_eq!(lengths, [2, 2]);
}

#[tokio::test(start_paused = true)]
async fn the_limit_is_bounded() {
    let search = declare(policy());
    for n in 0..MAX_PAGE + 1 {
        succeed(&search, &n.to_string());
    }
    let shown = |limit| {
        search
            .circuits_page(&PageRequest::new(limit))
            .circuits
            .len()
    };
    assert_eq!((shown(0), shown(1), shown(usize::MAX)), (1, 1, MAX_PAGE));
}

#[tokio::test(start_paused = true)]
async fn a_page_goes_on_where_the_last_one_ended_though_that_circuit_has_gone() {
    let search = declare(policy());
    for tenant in ["a", "b", "c"] {
        trip(&search, tenant);
    }
    let first = search.circuits_page(&PageRequest::new(2));
    assert_eq!(names(&first), ["a", "b"]);
    search.circuit("b").reset();
    trip(&search, "aa");
    let next = PageRequest::new(9).after(first.next.unwrap());
    // b has changed its group and is shown a second time; aa has come to a place that was passed.
    assert_eq!(names(&search.circuits_page(&next)), ["c", "b"]);
}

#[tokio::test(start_paused = true)]
async fn filters_show_what_is_not_closed_and_whose_id_begins_so() {
    let search = declare(policy());
    for tenant in ["eu-1", "eu-2", "eu-3", "us-1", "us-2"] {
        succeed(&search, tenant);
    }
    for tenant in ["eu-1", "eu-3", "us-1"] {
        trip(&search, tenant);
    }
    advance(PERIOD).await;
    let _probe = search.acquire("eu-1").unwrap();
    let all = PageRequest::new(1);
    let not_closed = all.clone().not_closed();
    assert_eq!(rows(&search, &not_closed), ["eu-3", "us-1", "eu-1"]);
    let us = all.tenant_prefix("us-");
    assert_eq!(rows(&search, &us), ["us-1", "us-2"]);
    let eu = not_closed.tenant_prefix("eu-");
    assert_eq!(rows(&search, &eu), ["eu-3", "eu-1"]);
}

#[tokio::test(start_paused = true)]
async fn shared_circuits_are_on_no_page() {
    let search = declare(policy());
    drop(search.acquire_shared(true.into()).unwrap());
    succeed(&search, "acme");
    assert_eq!(search.circuit_snapshots().len(), 2);
    assert_eq!(rows(&search, &PageRequest::new(9)), ["acme"]);
}

#[tokio::test(start_paused = true)]
async fn a_cursor_survives_its_string_whatever_the_tenant() {
    let search = declare(policy());
    let long = "ü".repeat(MAX_TENANT_BYTES / 2);
    let tenants = ["\0", " /?&#%", "\"\\\n", "a", "acme", "z\u{1F980}", &long];
    for tenant in tenants {
        trip(&search, tenant);
    }
    let shown = rows(&search, &PageRequest::new(1));
    assert_eq!(shown, tenants);
    let page = search.circuits_page(&PageRequest::new(1));
    let cursor = page.next.unwrap().to_string();
    assert!(cursor.bytes().all(|byte| byte.is_ascii_alphanumeric()));
}

#[test]
fn what_is_no_cursor_is_refused() {
    let too_long = format!("0{}", "61".repeat(MAX_TENANT_BYTES + 1));
    let bad = [
        "", "0", "561", "/61", "x61", "06", "0616", "06G", "0+1", "06A", "0ff", "ü61", &too_long,
    ];
    for cursor in bad {
        let error: InvalidCursor = cursor.parse::<PageCursor>().unwrap_err();
        assert_eq!(error.to_string(), "not a cursor of a page of circuits");
    }
    assert!("461".parse::<PageCursor>().is_ok());
    let longest = format!("0{}", "61".repeat(MAX_TENANT_BYTES));
    assert!(longest.parse::<PageCursor>().is_ok());
}

/// Circuits that stay in their group are shown once each, whatever others do meanwhile.
#[test]
fn pages_are_whole_while_calls_go_on() {
    let search = declare(policy());
    for n in 0..500 {
        succeed(&search, &format!("still {n:03}"));
    }
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let calls = || {
            for n in (0_u64..).take_while(|_| !stop.load(Relaxed)) {
                let tenant = format!("busy {}", n % 1_000);
                if let Ok(permit) = search.acquire(&tenant) {
                    permit.record(Outcome::failure());
                }
            }
        };
        let _stop = StopAtEnd(&stop);
        scope.spawn(calls);
        scope.spawn(calls);
        for _ in 0..5 {
            let shown = rows(&search, &PageRequest::new(100));
            let still = shown.iter().filter(|tenant| tenant.starts_with("still"));
            assert_eq!(still.clone().count(), 500);
            assert_eq!(still.collect::<BTreeSet<_>>().len(), 500);
        }
    });
}

/// Ends the calls also where an assertion fails, since a scope waits for its threads.
struct StopAtEnd<'a>(&'a AtomicBool);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}
