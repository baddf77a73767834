//! What is sent twice, and how many copies are made for that.

use std::future::ready;

use tokio_test::{assert_pending, task};
use tower::{BoxError, Service, service_fn};
use tower_tenant_breaker::{
    CircuitState, ErrIsFailure, EveryRequest, Failover, FixedTenant, IfIdempotent, NoRequest,
    Resend, Unserved,
};

use crate::job::{OutOfPaper, registry};
use crate::stage::{
    Broken, Failing, Garbling, Hanging, Prompt, Shedding, list, read, three, told, two, write,
};

// ===== what moves on =====

#[tokio::test(start_paused = true)]
async fn a_request_that_must_not_be_sent_twice_ends_with_its_failure() {
    let (a, b) = two();
    let mut models = list(&[&a, &b]).build().unwrap();
    a.is(Failing);
    let error = models.call(write("acme")).await.unwrap_err();
    assert!(error.is::<OutOfPaper>(), "{error}");
    a.is(Garbling);
    let served = models.call(write("globex")).await.unwrap();
    assert_eq!(
        told(served),
        ("garbled by model-a".into(), "model-a".into())
    );
    a.is(Shedding);
    models.call(write("globex")).await.unwrap_err();
    assert_eq!((a.received(), b.received()), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_must_not_be_sent_twice_moves_on_where_it_was_not_sent() {
    let (a, b) = two();
    a.open();
    let mut models = list(&[&a, &b]).build().unwrap();
    let served = models.call(write("acme")).await.unwrap();
    assert_eq!(told(served).1, "model-b");
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_is_not_ready_and_never_will_be_has_got_nothing_so_the_request_moves_on() {
    let (a, b) = two();
    a.is(Broken);
    let mut models = list(&[&a, &b]).build().unwrap();
    for strikes in 1..=3 {
        let prompt = write("acme");
        let tally = prompt.tally();
        let served = models.call(prompt).await.unwrap();
        assert_eq!(told(served).1, "model-b");
        assert_eq!(tally.made(), 0, "the request itself");
        assert_eq!(a.dependency.snapshot().totals.failures, strikes.min(2));
    }
    assert_eq!(a.state(), CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn the_policy_says_which_requests_are_sent_twice() {
    async fn moves_on<R: Resend<Prompt>>(resend: R, prompt: Prompt) -> bool {
        let (a, b) = two();
        a.is(Failing);
        let mut models = list(&[&a, &b]).resend(resend).build().unwrap();
        models.call(prompt).await.is_ok()
    }
    let if_globex = |prompt: &Prompt| {
        let is_globex = prompt.tenant.as_deref() == Some("globex");
        is_globex.then(|| prompt.clone())
    };

    assert!(moves_on(IfIdempotent, read("acme")).await);
    assert!(!moves_on(IfIdempotent, write("acme")).await);
    assert!(moves_on(EveryRequest, write("acme")).await);
    assert!(!moves_on(NoRequest, read("acme")).await);
    assert!(moves_on(if_globex, write("globex")).await);
    assert!(!moves_on(if_globex, read("acme")).await);
}

#[tokio::test(start_paused = true)]
async fn requests_that_are_no_clone_move_on_where_they_were_rejected() {
    struct Upload(Vec<u8>);
    let registry = registry();
    let a = registry.dependency("a").unwrap();
    a.force_open("maintenance");
    let store = |upload: Upload| ready(Ok::<_, OutOfPaper>(upload.0.len()));
    let mut stores = Failover::builder(FixedTenant::new("acme"))
        .provider(a, service_fn(store))
        .provider(registry.dependency("b").unwrap(), service_fn(store))
        .classify(ErrIsFailure)
        .resend(NoRequest)
        .build()
        .unwrap();
    let served = stores.call(Upload(vec![0; 7])).await.unwrap();
    assert_eq!(
        (served.by().to_string(), served.into_inner()),
        ("b".into(), 7)
    );
}

// ===== copies =====

#[tokio::test(start_paused = true)]
async fn a_copy_is_made_only_where_somebody_is_left_who_could_need_it() {
    let (a, b, c) = three();
    a.is(Failing);
    let answer = |_: Prompt, _: Unserved<String>| async { Ok::<_, BoxError>(String::new()) };
    let keep = |_: &Prompt| ();
    let answer_kept = |(): (), _: Unserved<String>| async { Ok::<_, BoxError>(String::new()) };
    let copies_made = async |prompt: Prompt, models: usize, last_resort: &str| {
        let tally = prompt.tally();
        let list = list(&[&a, &b, &c][..models]);
        drop(match last_resort {
            "none" => list.build().unwrap().call(prompt).await,
            "keeping" => {
                let list = list.last_resort_keeping(keep, answer_kept);
                list.build().unwrap().call(prompt).await
            }
            _ => list.last_resort(answer).build().unwrap().call(prompt).await,
        });
        assert_eq!(tally.alive(), 0);
        tally.made()
    };

    assert_eq!(copies_made(read("one"), 1, "none").await, 0);
    assert_eq!(copies_made(read("one"), 1, "keeping").await, 0);
    assert_eq!(copies_made(read("one"), 1, "with the request").await, 1);
    assert_eq!(copies_made(read("two"), 2, "none").await, 1);
    assert_eq!(copies_made(read("two"), 2, "with the request").await, 2);
    b.is(Failing);
    assert_eq!(copies_made(read("three"), 3, "none").await, 2);
    assert_eq!(copies_made(write("four"), 3, "with the request").await, 0);
}

#[tokio::test(start_paused = true)]
async fn no_copy_is_held_while_the_last_one_works() {
    let (a, b) = two();
    let mut models = list(&[&a, &b]).build().unwrap();
    let held_by_the_one_that_hangs = |models: &mut dyn FnMut(Prompt) -> usize| models(read("acme"));
    let mut held = |prompt: Prompt| {
        let tally = prompt.tally();
        let mut call = task::spawn(models.call(prompt));
        assert_pending!(call.poll());
        tally.alive()
    };

    a.is(Hanging);
    b.is(Hanging);
    assert_eq!(held_by_the_one_that_hangs(&mut held), 2, "one for the next");
    a.is(Failing);
    assert_eq!(held_by_the_one_that_hangs(&mut held), 1);
    a.open();
    assert_eq!(held_by_the_one_that_hangs(&mut held), 1);
}

#[tokio::test(start_paused = true)]
async fn a_panic_over_a_copy_is_no_failure_of_the_provider() {
    let (a, b) = two();
    a.is(Failing);
    let models = list(&[&a, &b]).resend(|prompt: &Prompt| -> Option<Prompt> {
        // The first copy is made before anybody is asked, the second for the one after `model-b`.
        assert_eq!(prompt.tally().made(), 0, "no more paper for copies");
        Some(prompt.clone())
    });
    let answer = |_: Prompt, _: Unserved<String>| async { Ok::<_, BoxError>(String::new()) };
    let mut models = models.last_resort(answer).build().unwrap();

    let panicked = tokio::spawn(models.call(read("acme"))).await.unwrap_err();
    assert!(panicked.is_panic());
    let totals = b.dependency.snapshot().totals;
    assert_eq!(
        (totals.failures, totals.cancelled, totals.ignored),
        (0, 0, 1)
    );
    assert_eq!(b.received(), 0);
}
