use super::*;

#[tokio::test(start_paused = true)]
async fn no_call_is_lost_or_counted_twice_when_a_policy_changes() {
    let (registry, search) = search();
    fail(&search, "acme", 1);
    let mut calls = 1;
    for window in [600, 1, 86_400, 10] {
        succeed(&search, "acme", 7);
        let window = Duration::from_secs(window);
        search.set_policy(patient().window(window).build().unwrap());
        succeed(&search, "acme", 5);
        pass(SECOND).await;
        succeed(&search, "acme", 3);
        calls += 15;
        assert_eq!(listed(&registry), [(12, "acme".to_owned(), calls, 1)]);
    }
    assert_eq!(search.snapshot().totals.calls, calls);
}

#[tokio::test(start_paused = true)]
async fn a_tenant_with_a_policy_of_its_own_is_counted_as_others_are() {
    let (registry, search) = search();
    let own = patient().window(6 * WINDOW).build().unwrap();
    search.circuit("acme").set_policy(own).unwrap();
    succeed(&search, "acme", 7);
    fail(&search, "acme", 2);
    pass(HOUR).await;
    succeed(&search, "acme", 7);
    fail(&search, "acme", 1);
    let acme = |hour, calls, failed| (hour, "acme".to_owned(), calls, failed);
    assert_eq!(listed(&registry), [acme(12, 9, 2), acme(13, 8, 1)]);
}

#[tokio::test(start_paused = true)]
async fn a_reset_takes_nothing_out_of_the_ledger() {
    let (registry, search) = search();
    succeed(&search, "acme", 4);
    fail(&search, "acme", 1);
    search.reset();
    succeed(&search, "acme", 2);
    assert_eq!(listed(&registry), [(12, "acme".to_owned(), 7, 1)]);
}
