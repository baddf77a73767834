//! How many probes at once, and at one look.

use super::*;

fn wanted(tenants: usize) -> Dependency {
    let search = declare(policy());
    for tenant in 0..tenants {
        want(&search, &format!("tenant {tenant}"), 1);
    }
    search
}

#[tokio::test(start_paused = true)]
async fn four_in_the_air_unless_told_otherwise() {
    let search = wanted(20);
    let upstream = Upstream::down().hanging();
    let _prober = upstream.spawn(prober(&search));
    pass(PERIOD + 5 * SECOND).await;
    assert_eq!((upstream.in_the_air(), upstream.most()), (4, (4, 1)));
}

#[tokio::test(start_paused = true)]
async fn as_many_as_told_over_all_circuits() {
    let search = wanted(20);
    let upstream = Upstream::up().taking(3 * SECOND);
    let _prober = upstream.spawn(prober(&search).concurrency(7));
    pass(100 * SECOND).await;
    assert_eq!(upstream.most(), (7, 1));
    assert_eq!(upstream.asked().len(), 40);
    assert!(search.open_circuits().is_empty());
}

#[tokio::test(start_paused = true)]
async fn no_more_begin_at_one_look() {
    let search = wanted(20);
    let upstream = Upstream::down();
    let _prober = upstream.spawn(prober(&search).concurrency(3));
    pass(PERIOD + HALF).await;
    for _ in 0..5 {
        assert_eq!(upstream.asked().len(), 3);
        pass(SECOND).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_hanging_probe_holds_up_none_of_the_others() {
    let search = wanted(3);
    let upstream = Upstream::up();
    let asked = upstream.clone();
    let _prober = prober(&search)
        .concurrency(2)
        .spawn(move |target| {
            let answer = asked.ask(&target);
            async move {
                if target.tenant() == Some("tenant 0") {
                    pending().await
                } else {
                    answer.await
                }
            }
        })
        .unwrap();
    pass(PERIOD + 3 * SECOND).await;
    assert_eq!(search.open_circuits(), ["tenant 0"]);
}

#[tokio::test(start_paused = true)]
async fn waits_are_lengthened_by_the_jitter_and_by_no_more() {
    let search = declare(policy().open_for(OpenPeriod::fixed(SECOND).jitter(0.0)));
    trip(&search, "acme");
    let upstream = Upstream::down();
    let jittered = RecoveryProber::builder(&search)
        .interval(10 * SECOND)
        .jitter(0.5);
    let _prober = upstream.spawn(jittered);
    let mut before = tokio::time::Instant::now();
    let mut longest = Duration::ZERO;
    for _ in 0..20 {
        while upstream.asked().is_empty() {
            let _ = search.acquire_barred("acme", Probing::No);
            sleep(Duration::from_millis(10)).await;
        }
        let waited = before.elapsed_until_now();
        // The test looks every 10 ms.
        let slack = Duration::from_millis(20);
        assert!(waited + slack >= 10 * SECOND, "{waited:?}");
        assert!(waited <= 15 * SECOND + slack, "{waited:?}");
        before += waited;
        longest = longest.max(waited);
    }
    // Of twenty waits one is lengthened by a fifth of the most, but once in 10^14 runs.
    assert!(longest > 11 * SECOND, "{longest:?}");
}

trait UntilNow {
    fn elapsed_until_now(&self) -> Duration;
}

impl UntilNow for tokio::time::Instant {
    fn elapsed_until_now(&self) -> Duration {
        tokio::time::Instant::now().saturating_duration_since(*self)
    }
}
