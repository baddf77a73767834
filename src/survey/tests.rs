use super::*;
use crate::{OutagePolicy, Outcome, Overflow, Policy, PolicyBuilder};

const FEW: TenantSeries = TenantSeries {
    most: 3,
    of_credentials: false,
};

fn search(policy: PolicyBuilder) -> (CircuitBreakerRegistry, Dependency) {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let policy = policy.consecutive_failures(1).build().unwrap();
    let search = registry.dependency_with("search", policy).unwrap();
    (registry, search)
}

fn fail(dependency: &Dependency, tenant: &str) {
    let permit = dependency.acquire(tenant).unwrap();
    permit.record(Outcome::failure());
}

fn told(registry: &CircuitBreakerRegistry) -> Vec<(String, String)> {
    let survey = Survey::take(registry, FEW);
    let of = |dependency: &DependencySurvey| {
        let name = dependency.name.to_string();
        let tenants = dependency.tenants.iter();
        let named = tenants.map(move |tenant| (name.clone(), tenant.tenant.clone()));
        named.collect::<Vec<_>>()
    };
    survey.dependencies.iter().flat_map(of).collect()
}

#[tokio::test(start_paused = true)]
async fn a_circuit_for_which_nobody_asks_any_more_is_idle_and_neither_open_nor_old() {
    let (registry, search) = search(Policy::builder().window(Duration::from_secs(10)));
    fail(&search, "acme");
    tokio::time::advance(Duration::from_secs(89)).await;
    let survey = &Survey::take(&registry, FEW).dependencies[0];
    assert_eq!(
        (survey.open, survey.idle),
        (1, 0),
        "30 s open, a minute of grace"
    );
    assert_eq!(survey.oldest_open, Some(Duration::from_secs(89)));
    assert_eq!(survey.tenants.len(), 1);
    tokio::time::advance(Duration::from_secs(30)).await;
    let survey = &Survey::take(&registry, FEW).dependencies[0];
    assert_eq!((survey.open, survey.idle), (0, 1));
    assert_eq!(survey.oldest_open, None);
    assert_eq!((survey.tenants.len(), survey.left_out), (0, 0));
}

#[test]
fn the_worst_of_every_dependency_comes_before_the_second_of_any() {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    for name in ["a", "b"] {
        let policy = Policy::builder().consecutive_failures(1).build().unwrap();
        let dependency = registry.dependency_with(name, policy).unwrap();
        for tenant in ["t1", "t2", "t3", "t4"] {
            if name == "a" || tenant == "t1" {
                fail(&dependency, tenant);
            }
        }
    }
    let names = [("a", "t1"), ("a", "t2"), ("b", "t1")];
    let names = names.map(|(dependency, tenant)| (dependency.to_owned(), tenant.to_owned()));
    assert_eq!(told(&registry), names);
    let survey = Survey::take(&registry, FEW);
    assert_eq!(survey.dependencies[0].left_out, 2);
    assert_eq!(survey.dependencies[1].left_out, 0);
}

#[test]
fn an_id_made_of_a_credential_is_counted_and_not_told_unless_asked_for() {
    let (registry, search) = search(Policy::builder());
    let id = "0123456789abcdef0123456789abcdef";
    fail(&search, id);
    let survey = Survey::take(&registry, FEW);
    assert_eq!(
        (
            survey.dependencies[0].tenants.len(),
            survey.dependencies[0].left_out
        ),
        (0, 1)
    );
    let asked = TenantSeries {
        of_credentials: true,
        ..FEW
    };
    let survey = Survey::take(&registry, asked);
    assert_eq!(survey.dependencies[0].tenants[0].tenant, id);
}

#[test]
fn each_call_is_in_one_count_by_how_it_ended() {
    let policy = Policy::builder().abandoned_run(2).build().unwrap();
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let search = registry.dependency_with("search", policy).unwrap();
    let record = |outcome| search.acquire("acme").unwrap().record(outcome);
    record(Outcome::Success);
    record(Outcome::failure());
    record(Outcome::throttled());
    record(Outcome::Ignored);
    // The first alone is neutral; the second makes both of them failures, and the third is one at once.
    for _ in 0..3 {
        drop(search.acquire("acme").unwrap());
    }
    search.force_open("maintenance");
    search.acquire("acme").unwrap_err();
    let survey = Survey::take(&registry, FEW);
    let calls = survey.dependencies[0]
        .counts
        .calls()
        .map(|(_, count)| count);
    assert_eq!(calls, [1, 1, 1, 1, 3, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_slow_cancelled_call_is_cancelled_and_no_success() {
    let threshold = Duration::from_secs(1);
    let policy = Policy::builder().latency(crate::LatencyRule::p95(threshold).min_calls(100));
    let (registry, search) = search(policy);
    let permit = search.acquire("acme").unwrap();
    tokio::time::advance(Duration::from_secs(2)).await;
    drop(permit);
    let survey = Survey::take(&registry, FEW);
    let counts = survey.dependencies[0].counts;
    assert_eq!((counts.successes, counts.cancelled), (0, 1));
    assert_eq!(survey.dependencies[0].snapshot.totals.calls, 1);
}

#[test]
fn a_count_that_is_read_while_calls_go_on_never_falls() {
    let mut reported = Counts::default();
    let more = Counts {
        successes: 5,
        rejected: 2,
        ..Counts::default()
    };
    reported.rise_to(&more);
    reported.rise_to(&Counts {
        successes: 4,
        rejected: 3,
        ..Counts::default()
    });
    assert_eq!((reported.successes, reported.rejected), (5, 3));
}

#[tokio::test(start_paused = true)]
async fn a_circuit_whose_probe_is_on_its_way_is_not_idle_however_long_that_takes() {
    let policy = Policy::builder().probe_lease(Duration::from_secs(600));
    let (registry, search) = search(policy);
    fail(&search, "acme");
    tokio::time::advance(Duration::from_secs(40)).await;
    let probe = search.acquire("acme").unwrap();
    tokio::time::advance(Duration::from_secs(300)).await;
    let survey = &Survey::take(&registry, FEW).dependencies[0];
    assert_eq!((survey.half_open, survey.idle), (1, 0));
    assert_eq!(survey.oldest_open, Some(Duration::from_secs(340)));
    tokio::time::advance(Duration::from_secs(301)).await;
    let survey = &Survey::take(&registry, FEW).dependencies[0];
    assert_eq!((survey.half_open, survey.idle), (0, 1), "its lease is over");
    drop(probe);
}

#[tokio::test(start_paused = true)]
async fn a_circuit_whose_tenant_heeds_the_wait_of_an_outage_is_not_idle() {
    let outage = OutagePolicy::default().min_tenants(2).newcomers(true);
    let (registry, search) = search(Policy::builder().outage(outage));
    for tenant in ["acme", "umbrella"] {
        fail(&search, tenant);
    }
    let wait = Duration::from_secs(600);
    tokio::time::advance(Duration::from_secs(61)).await;
    let probe = search.acquire("acme").unwrap();
    probe.record(Outcome::failure().with_retry_after(wait));
    let told = search.acquire("umbrella").unwrap_err();
    let told = told.circuit_open().and_then(|open| open.retry_after());
    assert_eq!(told, Some(wait), "an outage");
    tokio::time::advance(wait - Duration::from_secs(1)).await;
    let survey = &Survey::take(&registry, FEW).dependencies[0];
    assert_eq!((survey.open, survey.idle), (2, 0));
    tokio::time::advance(Duration::from_secs(120)).await;
    let survey = &Survey::take(&registry, FEW).dependencies[0];
    assert_eq!((survey.open, survey.idle), (0, 2), "they did not come back");
}

#[test]
fn a_circuit_that_tenants_without_room_share_is_among_the_circuits_and_no_tenant() {
    let registry = CircuitBreakerRegistry::builder();
    let registry = registry.max_tenants(1).build().unwrap();
    let policy = Policy::builder().consecutive_failures(1);
    let policy = policy.overflow(Overflow::Shared).build().unwrap();
    let search = registry.dependency_with("search", policy).unwrap();
    let _held = search.acquire("acme").unwrap();
    fail(&search, "umbrella");
    let survey = &Survey::take(&registry, FEW).dependencies[0];
    assert_eq!((survey.closed, survey.open), (1, 1));
    assert!(survey.oldest_open.is_some());
    assert_eq!((survey.tenants.len(), survey.left_out), (0, 0));
}
