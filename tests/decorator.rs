//! `Dependency::call`: a circuit around a future.

mod job;

use std::future::{pending, ready};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};

use job::{OPEN, OutOfPaper, printer};
use tokio_test::{assert_pending, task};
use tower::BoxError;
use tower::load_shed::error::Overloaded;
use tower_tenant_breaker::{CallError, CircuitOpen, CircuitState, Outcome, Rejection};

#[tokio::test(start_paused = true)]
async fn an_error_is_a_failure_and_opens_the_tenants_circuit() {
    let printer = printer();
    for _ in 0..2 {
        let error = printer
            .call("sick", ready(Err::<(), _>(OutOfPaper)))
            .await
            .unwrap_err();
        assert!(matches!(error, CallError::Inner(OutOfPaper)));
    }

    let error = printer
        .call("sick", ready(Ok::<_, OutOfPaper>(3)))
        .await
        .unwrap_err();
    assert!(matches!(error, CallError::Rejected(Rejection::Open(_))));
    let open = CircuitOpen::find(&error).expect("the rejection is a source");
    assert_eq!(open.retry_after(), Some(OPEN));

    assert_eq!(
        printer
            .call("well", ready(Ok::<_, OutOfPaper>(3)))
            .await
            .unwrap(),
        3
    );
}

#[tokio::test(start_paused = true)]
async fn a_rejected_calls_future_is_never_polled() {
    let printer = printer();
    printer.force_open("maintenance");
    let polled = AtomicBool::new(false);

    let call = printer.call("acme", async {
        polled.store(true, Ordering::Relaxed);
        Ok::<_, OutOfPaper>(())
    });
    call.await.unwrap_err();
    assert!(!polled.load(Ordering::Relaxed));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_acquired_before_the_call_is_polled() {
    let printer = printer();
    let call = printer.call("acme", pending::<Result<(), OutOfPaper>>());
    assert!(printer.is_empty());
    drop(call);
    assert_eq!(printer.snapshot().totals.cancelled, 0);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_is_cancelled() {
    let printer = printer();
    let mut call = task::spawn(printer.call("acme", pending::<Result<(), OutOfPaper>>()));
    assert_pending!(call.poll());
    drop(call);
    let totals = printer.snapshot().totals;
    assert_eq!((totals.cancelled, totals.calls), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_classifier_of_ones_own_judges() {
    let printer = printer();
    let nothing_is_bad = |result: Result<&Vec<u32>, &OutOfPaper>| match result {
        Ok(pages) if pages.is_empty() => Outcome::failure(),
        _ => Outcome::Success,
    };
    for _ in 0..2 {
        printer
            .call_with("acme", nothing_is_bad, ready(Err(OutOfPaper)))
            .await
            .unwrap_err();
    }
    assert_eq!(printer.state("acme"), CircuitState::Closed);
    for _ in 0..2 {
        printer
            .call_with("acme", nothing_is_bad, ready(Ok(vec![])))
            .await
            .unwrap();
    }
    assert_eq!(printer.state("acme"), CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn a_rejection_or_a_shed_load_further_in_is_ignored() {
    let printer = printer();
    let overloaded = || Err::<(), BoxError>(Overloaded::new().into());
    let open = || {
        let far = job::printer();
        far.force_open("maintenance");
        let Err(Rejection::Open(open)) = far.acquire("acme") else {
            panic!("admitted")
        };
        Err::<(), BoxError>(open.into())
    };
    for _ in 0..2 {
        printer.call("acme", ready(overloaded())).await.unwrap_err();
        printer.call("acme", ready(open())).await.unwrap_err();
    }
    let totals = printer.snapshot().totals;
    assert_eq!((totals.ignored, totals.calls), (4, 0));
    assert_eq!(printer.state("acme"), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn what_comes_of_a_call_that_fails_or_is_rejected_is_up_to_the_closure() {
    let printer = printer();
    let ask = async |result: Result<&'static str, OutOfPaper>| {
        printer
            .call_or("acme", ready(result), |why| async move {
                match why {
                    CallError::Rejected(_) => "rejected",
                    CallError::Inner(OutOfPaper) => "failed",
                }
            })
            .await
    };
    assert_eq!(ask(Ok("printed")).await, "printed");
    assert_eq!(ask(Err(OutOfPaper)).await, "failed");
    assert_eq!(ask(Err(OutOfPaper)).await, "failed");
    assert_eq!(ask(Ok("printed")).await, "rejected");
}

#[tokio::test(start_paused = true)]
async fn an_invalid_tenant_is_refused() {
    let printer = printer();
    let error = printer
        .call("", ready(Ok::<_, OutOfPaper>(())))
        .await
        .unwrap_err();
    assert!(matches!(
        error,
        CallError::Rejected(Rejection::InvalidTenant(_))
    ));
    assert!(
        error
            .into_box_error()
            .is::<tower_tenant_breaker::InvalidTenant>()
    );
}

#[test]
fn an_error_in_a_box_is_the_rejection_itself() {
    let printer = printer();
    printer.force_open("maintenance");
    let Err(why) = printer.acquire("acme") else {
        panic!("admitted")
    };
    let error: CallError<BoxError> = CallError::Rejected(why);
    assert!(error.into_box_error().is::<CircuitOpen>());
    assert!(
        CallError::Inner(OutOfPaper)
            .into_box_error()
            .is::<OutOfPaper>()
    );
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_future_is_a_failure_and_one_of_the_classifier_is_not() {
    let printer = printer();
    let panics = |_: Result<&(), &OutOfPaper>| -> Outcome { panic!("in the classifier") };

    let mut call = task::spawn(printer.call_with("acme", panics, ready(Ok(()))));
    std::panic::catch_unwind(AssertUnwindSafe(|| call.poll())).unwrap_err();
    drop(call);
    let totals = printer.snapshot().totals;
    assert_eq!(
        (totals.failures, totals.cancelled, totals.ignored),
        (0, 0, 1)
    );

    let jam = async { panic!("paper jam") as Result<(), OutOfPaper> };
    let mut call = task::spawn(printer.call("acme", jam));
    std::panic::catch_unwind(AssertUnwindSafe(|| call.poll())).unwrap_err();
    drop(call);
    assert_eq!(printer.snapshot().totals.failures, 1);
}
