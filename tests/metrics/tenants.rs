//! Series of tenants: few, only where they were asked for, and told for the last time as zero.

use tokio::time::advance;

use super::*;

const OPEN: &str = "circuit_breaker.tenant.open";
const SHARE: &str = "circuit_breaker.tenant.blocked_ratio";
const LEFT_OUT: &str = "circuit_breaker.tenant.left_out{dependency=search}";

#[test]
fn no_tenant_has_series_unless_asked_for() {
    let registry = registry();
    let search = declare(&registry, "search");
    let told = Told::of(MetricsExporter::builder(&registry));
    fail(&search, "acme");
    let told = told.now();
    assert_eq!((told.series(OPEN), told.series(SHARE)), (0, 0));
    assert_eq!(told.of(LEFT_OUT), 1.0);
}

#[test]
fn the_worst_have_series_and_the_others_are_counted() {
    let registry = registry();
    let search = declare(&registry, "search");
    let told = Told::of(MetricsExporter::builder(&registry).tenants(2));
    for tenant in ["t1", "t2", "t3", "t4", "t5"] {
        fail(&search, tenant);
    }
    record(&search, "well", Outcome::Success);
    let told = told.now();
    assert_eq!((told.series(OPEN), told.series(SHARE)), (2, 2));
    assert_eq!(told.not_zero(OPEN).len(), 2);
    assert_eq!(told.of(LEFT_OUT), 3.0);
}

#[tokio::test(start_paused = true)]
async fn the_share_of_a_tenants_rejected_calls_is_told() {
    let registry = registry();
    let search = declare(&registry, "search");
    let told = Told::of(MetricsExporter::builder(&registry).tenants(2));
    fail(&search, "acme");
    search.acquire("acme").unwrap_err();
    told.now();
    advance(SECOND).await;
    search.acquire("acme").unwrap_err();
    let acme = format!("{SHARE}{{dependency=search,tenant.id=acme}}");
    assert_eq!(told.now().of(&acme), 1.0);
    advance(PERIOD).await;
    record(&search, "acme", Outcome::Success);
    assert_eq!(told.now().of(&acme), 0.5);
}

#[test]
fn ids_of_credentials_have_series_only_where_that_was_asked_for_too() {
    let registry = registry();
    let search = declare(&registry, "search");
    fail(&search, "0123456789abcdef0123456789abcdef");
    let builder = MetricsExporter::builder(&registry).tenants(2);
    let told = Told::of(builder.clone()).now();
    assert_eq!((told.series(OPEN), told.of(LEFT_OUT)), (0, 1.0));
    let told = Told::of(builder.credential_tenants(true)).now();
    assert_eq!((told.series(OPEN), told.of(LEFT_OUT)), (1, 0.0));
}

/// Checks that the series of a tenant fall to zero by this, that this is told once, and that its handles are let go.
#[track_caller]
fn falls(told: &Told, ends: impl FnOnce()) {
    let acme = [OPEN, SHARE].map(|metric| format!("{metric}{{dependency=search,tenant.id=acme}}"));
    assert_eq!(told.now().of(&acme[0]), 1.0);
    let held = told.shelf.held();
    ends();
    let after = told.now();
    let times = acme.each_ref().map(|series| told.shelf.told(series));
    for series in &acme {
        assert_eq!(after.of(series), 0.0);
    }
    told.now();
    let again = acme.each_ref().map(|series| told.shelf.told(series));
    assert_eq!(again, times, "left alone, so that it is idle");
    assert!(
        told.shelf.held() <= held,
        "the handles of one tenant in place of another's at most"
    );
}

#[test]
fn a_tenant_that_recovered_falls_to_zero_once() {
    let registry = registry();
    let search = declare(&registry, "search");
    let told = Told::of(MetricsExporter::builder(&registry).tenants(1));
    fail(&search, "acme");
    falls(&told, || search.circuit("acme").reset());
}

#[tokio::test(start_paused = true)]
async fn a_tenant_that_went_away_falls_to_zero_once() {
    let registry = registry();
    let search = declare(&registry, "search");
    let told = Told::of(MetricsExporter::builder(&registry).tenants(1));
    fail(&search, "acme");
    assert_eq!(told.now().series(OPEN), 1);
    let acme = format!("{OPEN}{{dependency=search,tenant.id=acme}}");
    advance(PERIOD + Duration::from_secs(3_600)).await;
    assert_eq!(told.now().of(&acme), 0.0);
}

#[test]
fn a_tenant_than_whom_another_is_worse_falls_to_zero_once() {
    let registry = registry();
    let [search, audit] = ["search", "audit"].map(|name| declare(&registry, name));
    let told = Told::of(MetricsExporter::builder(&registry).tenants(1));
    fail(&search, "acme");
    // Everybody's worst comes first, and of two dependencies the one whose name does.
    falls(&told, || fail(&audit, "umbrella"));
    let umbrella = format!("{OPEN}{{dependency=audit,tenant.id=umbrella}}");
    assert_eq!(told.last().of(&umbrella), 1.0);
}

#[test]
fn a_tenant_that_comes_back_has_its_series_again() {
    let registry = registry();
    let search = declare(&registry, "search");
    let told = Told::of(MetricsExporter::builder(&registry).tenants(1));
    let acme = format!("{OPEN}{{dependency=search,tenant.id=acme}}");
    for _ in 0..3 {
        fail(&search, "acme");
        assert_eq!(told.now().of(&acme), 1.0);
        search.circuit("acme").reset();
        assert_eq!(told.now().of(&acme), 0.0);
        // As after an idle timeout.
        told.shelf.forget();
    }
}

#[test]
fn the_handles_stay_as_few_as_the_places_though_tenants_come_and_go() {
    const PLACES: usize = 20;
    let registry = CircuitBreakerRegistry::builder().max_tenants(50);
    let registry = registry.build().unwrap();
    let search = declare(&registry, "search");
    let told = Told::of(MetricsExporter::builder(&registry).tenants(PLACES));
    let of_dependency = told.shelf.held();
    let mut most = 0;
    for round in 0..5_000 {
        for tenant in 0..PLACES {
            fail(&search, &format!("t{}", round * PLACES + tenant));
        }
        told.exporter.refresh();
        let held = told.shelf.held();
        assert!(
            held <= of_dependency + 2 * PLACES,
            "{held} in round {round}"
        );
        most = most.max(held);
        search.reset();
        told.shelf.forget();
    }
    assert_eq!(most, of_dependency + 2 * PLACES, "and each had its place");
    told.exporter.refresh();
    assert_eq!(told.shelf.held(), of_dependency);
}
