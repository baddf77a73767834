//! What a builder refuses.

use tower_tenant_breaker::ProberError;

use super::*;

fn refused(change: impl Fn(RecoveryProberBuilder) -> RecoveryProberBuilder) -> String {
    let search = declare(policy());
    let builder = change(RecoveryProber::builder(&search));
    let error = builder.spawn(async |_| Outcome::Success).unwrap_err();
    let ProberError::Field(error) = error else {
        panic!("{error:?}");
    };
    error.to_string()
}

#[tokio::test(start_paused = true)]
async fn each_field_has_bounds_and_the_error_names_field_value_and_bound() {
    for (interval, value) in [
        (Duration::ZERO, "0ns"),
        (Duration::from_millis(9), "9ms"),
        (3_601 * SECOND, "3601s"),
    ] {
        let error = refused(|builder| builder.interval(interval));
        let expected = format!("interval is {value}, but must be from 10 ms to 1 h");
        assert_eq!(error, expected);
    }
    for (jitter, value) in [(-0.1, "-0.1"), (1.5, "1.5"), (f64::NAN, "NaN")] {
        let error = refused(|builder| builder.jitter(jitter));
        assert_eq!(error, format!("jitter is {value}, but must be from 0 to 1"));
    }
    for probes in [0, 1_025] {
        let error = refused(|builder| builder.concurrency(probes));
        let expected = format!("concurrency is {probes}, but must be from 1 to 1024");
        assert_eq!(error, expected);
    }
    for (timeout, value) in [(Duration::ZERO, "0ns"), (3_601 * SECOND, "3601s")] {
        let error = refused(|builder| builder.timeout(timeout));
        let expected = format!("timeout is {value}, but must be over 0 and up to 1 h");
        assert_eq!(error, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn the_bounds_themselves_are_allowed_and_a_refused_builder_takes_no_place() {
    let search = declare(policy());
    let refused = prober(&search).concurrency(0);
    assert!(refused.spawn(async |_| Outcome::Success).is_err());
    let (short, long) = (Duration::from_millis(10), 3_600 * SECOND);
    for (interval, jitter, probes, timeout) in [
        (short, 0.0, 1, Duration::from_nanos(1)),
        (long, 1.0, 1_024, long),
    ] {
        let prober = RecoveryProber::builder(&search)
            .interval(interval)
            .jitter(jitter)
            .concurrency(probes)
            .timeout(timeout)
            .spawn(async |_| Outcome::Success);
        prober.unwrap().stop().await;
    }
}

#[test]
fn without_a_runtime_it_is_an_error_and_no_panic() {
    let search = declare(policy());
    for _ in 0..2 {
        let error = prober(&search).spawn(async |_| Outcome::Success);
        assert_eq!(error.unwrap_err(), ProberError::NoRuntime);
    }
}

#[test]
fn errors_say_what_is_wrong_and_keep_their_source() {
    use std::error::Error;

    let search = declare(policy());
    let zero = prober(&search).timeout(Duration::ZERO);
    let error = zero.spawn(async |_| Outcome::Success).unwrap_err();
    assert!(error.source().unwrap().to_string().starts_with("timeout"));
    assert!(ProberError::NoRuntime.to_string().contains("tokio runtime"));
    let already = ProberError::AlreadyProbed("a\nb".to_owned());
    assert!(!already.to_string().contains('\n'));
}
