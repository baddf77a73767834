//! The last resort: when it is asked, what it is given, and what its answer is.

use std::future::pending;

use tokio_test::{assert_pending, task};
use tower::{BoxError, Service};
use tower_tenant_breaker::{CircuitOpen, NoRequest, Unserved};

use crate::job::OutOfPaper;
use crate::stage::{Failing, Garbling, Prompt, list, read, told, two, write};

/// Tells what it was given.
async fn stored(prompt: Prompt, why: Unserved<String>) -> Result<String, BoxError> {
    let tenant = prompt.tenant.unwrap_or_default();
    Ok(match why {
        Unserved::Rejected(none) => format!("{tenant}: {}", none.closest().dependency()),
        Unserved::Failed(error) => format!("{tenant}: {error}"),
        Unserved::Answered(served) => format!("{tenant}: {} by {}", served.get_ref(), served.by()),
    })
}

#[tokio::test(start_paused = true)]
async fn where_every_circuit_is_open_the_last_resort_answers_and_says_so() {
    let (a, b) = two();
    a.open();
    b.open();
    let mut models = list(&[&a, &b]).last_resort(stored).build().unwrap();
    for prompt in [read("acme"), write("acme")] {
        let served = models.call(prompt).await.unwrap();
        assert!(served.by().is_last_resort());
        assert!(served.by().dependency().is_none() && served.by().index().is_none());
        assert_eq!(told(served), ("acme: model-a".into(), "last resort".into()));
    }
}

#[tokio::test(start_paused = true)]
async fn where_all_have_failed_it_gets_a_copy_and_the_last_failure() {
    let (a, b) = two();
    a.is(Garbling);
    b.is(Failing);
    let mut models = list(&[&a, &b]).last_resort(stored).build().unwrap();
    let served = models.call(read("acme")).await.unwrap();
    assert_eq!(told(served).0, "acme: out of paper");

    b.is(Garbling);
    let served = models.call(read("acme")).await.unwrap();
    assert_eq!(told(served).0, "acme: garbled by model-b by model-b");
}

#[tokio::test(start_paused = true)]
async fn where_some_failed_and_the_rest_rejected_it_gets_the_last_failure() {
    let (a, b) = two();
    a.is(Garbling);
    b.open();
    let mut models = list(&[&a, &b]).last_resort(stored).build().unwrap();
    let served = models.call(read("acme")).await.unwrap();
    assert_eq!(told(served).0, "acme: garbled by model-a by model-a");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_was_sent_and_must_not_be_sent_twice_does_not_get_there() {
    let (a, b) = two();
    a.is(Failing);
    let mut models = list(&[&a, &b]).last_resort(stored).build().unwrap();
    let error = models.call(write("acme")).await.unwrap_err();
    assert!(error.is::<OutOfPaper>());
    assert_eq!(b.received(), 0);
}

#[tokio::test(start_paused = true)]
async fn one_that_keeps_what_it_needs_gets_every_call_that_nobody_served() {
    let (a, b) = two();
    a.is(Failing);
    let list = list(&[&a, &b]).resend(NoRequest).last_resort_keeping(
        |prompt: &Prompt| prompt.tenant.clone(),
        |tenant: Option<String>, why: Unserved<String>| async move {
            let tenant = tenant.unwrap_or_default();
            Ok(match why {
                Unserved::Rejected(_) => format!("{tenant} rejected"),
                Unserved::Failed(error) => format!("{tenant}: {error}"),
                Unserved::Answered(_) => why.into_result()?.into_inner(),
            })
        },
    );
    let mut models = list.build().unwrap();
    let served = models.call(write("acme")).await.unwrap();
    assert_eq!(
        told(served),
        ("acme: out of paper".into(), "last resort".into())
    );
    a.is(Garbling);
    let served = models.call(write("globex")).await.unwrap();
    assert_eq!(
        told(served),
        ("garbled by model-a".into(), "last resort".into())
    );
    a.dependency.force_open("maintenance");
    b.dependency.force_open("maintenance");
    let served = models.call(write("acme")).await.unwrap();
    assert_eq!(told(served).0, "acme rejected");
}

#[tokio::test(start_paused = true)]
async fn its_own_error_is_the_calls() {
    let (a, b) = two();
    a.open();
    b.open();
    let nothing_stored =
        |_: Prompt, _: Unserved<String>| async { Err::<String, BoxError>("nothing stored".into()) };
    let mut models = list(&[&a, &b]).last_resort(nothing_stored).build().unwrap();
    let error = models.call(read("acme")).await.unwrap_err();
    assert_eq!(error.to_string(), "nothing stored");

    let hand_it_on = |_: Prompt, why: Unserved<String>| async {
        why.into_result().map(|served| served.into_inner())
    };
    let mut models = list(&[&a, &b]).last_resort(hand_it_on).build().unwrap();
    let error = models.call(read("acme")).await.unwrap_err();
    assert_eq!(CircuitOpen::find(&*error).unwrap().dependency(), "model-a");
}

#[tokio::test(start_paused = true)]
async fn it_may_take_its_time_and_no_circuit_hears_of_it() {
    let (a, b) = two();
    a.is(Failing);
    b.open();
    let ask_a_person = |_: Prompt, _: Unserved<String>| pending::<Result<String, BoxError>>();
    let mut models = list(&[&a, &b]).last_resort(ask_a_person).build().unwrap();
    let mut call = task::spawn(models.call(read("acme")));
    assert_pending!(call.poll());
    drop(call);
    let totals = a.dependency.snapshot().totals;
    assert_eq!((totals.calls, totals.failures, totals.cancelled), (1, 1, 0));
    assert_eq!(b.dependency.snapshot().totals.calls, 0);
}
