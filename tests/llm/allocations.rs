//! What is judged without an allocation.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;

use bytes::Bytes;
use http_body_util::Full;
use tokio_test::{assert_ready_ok, task};

use super::*;
use crate::script::{Data, Step, polls, script};

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: the system's allocator does the work; a cell of this thread is counted up beside it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // A thread that ends may allocate after its locals are gone; nobody reads that.
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        let _ = LARGEST.try_with(|largest| largest.set(largest.get().max(layout.size())));
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations_of<T>(work: impl FnOnce() -> T) -> usize {
    let before = ALLOCATIONS.get();
    black_box(work());
    ALLOCATIONS.get() - before
}

#[tokio::test]
async fn the_events_of_a_stream_are_judged_without_an_allocation() {
    for event in [
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"text\":\"\\n\"}}\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":\"a \\\"word\\\"\\n\"}}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n",
        "event: response.output_text.delta\ndata: {\"delta\":\"\\u00e9\"}\n\n",
        "event: ping\ndata: {}\n\n",
    ] {
        let provider = provider(llm_policy());
        let steps: Vec<Step> = std::iter::repeat_n(Data(event), 100).collect();
        let inner = service_fn(move |_: Request<()>| {
            let kind = [("content-type", "text/event-stream")];
            ready(Ok::<_, BoxError>(answer(
                200,
                &kind,
                script(&steps).of_unknown_length(),
            )))
        });
        let mut service = breaker(&provider).classify_llm().layer(inner);
        let mut body = service.call(question("acme")).await.unwrap().into_body();
        // The buffer for an event comes with the first one, and so does the first token.
        polls(&mut body, 1);
        assert_eq!(allocations_of(|| polls(&mut body, 99)), 0, "{event}");
    }
}

#[test]
fn what_is_no_error_passes_its_reader_without_an_allocation() {
    let html = ("content-type", "text/html");
    let json = ("content-type", "application/json");
    for (status, kind) in [(200, json), (500, html)] {
        let mut answers = vec![answer(
            status,
            &[kind],
            Full::new(Bytes::from_static(b"{}")),
        )];
        let inner = service_fn(move |()| ready(Ok::<_, Infallible>(answers.pop().unwrap())));
        let mut service = ProviderErrorLayer::new().layer(inner);
        let mut call = task::spawn(service.call(()));
        let allocations = allocations_of(|| assert_ready_ok!(call.poll()));
        assert_eq!(allocations, 0, "{status}");
    }
}

#[test]
fn of_a_piece_that_is_large_no_more_is_copied_than_is_read() {
    const LARGE: &str = str_of_spaces(&[b' '; 1 << 20]);
    let json = ("content-type", "application/json");
    for steps in [
        &[Data("{"), Data(LARGE)][..],
        &[Data("{"), Data(" "), Data(LARGE)],
    ] {
        let mut answers = vec![answer(429, &[json], script(steps))];
        let inner = service_fn(move |()| ready(Ok::<_, Infallible>(answers.pop().unwrap())));
        let mut service = ProviderErrorLayer::new().layer(inner);
        let mut call = task::spawn(service.call(()));
        LARGEST.set(0);
        assert_ready_ok!(call.poll());
        assert!(
            LARGEST.get() <= ProviderErrorLayer::MAX_READ,
            "{} bytes",
            LARGEST.get()
        );
    }
}

const fn str_of_spaces(spaces: &[u8]) -> &str {
    match str::from_utf8(spaces) {
        Ok(spaces) => spaces,
        Err(_) => "",
    }
}

#[test]
fn an_answer_is_classified_without_an_allocation() {
    for (status, headers) in [
        (200, &[][..]),
        (429, &[("retry-after", "0.5")]),
        (
            429,
            &[
                ("x-ratelimit-remaining-tokens", "0"),
                ("x-ratelimit-reset-tokens", "1h2m3.5s"),
            ],
        ),
        (
            400,
            &[("x-amzn-errortype", "ThrottlingException:http://amazon")],
        ),
    ] {
        let response = answer(status, headers, ());
        let judge = || LlmClassify.classify(Ok::<_, &BoxError>(&response));
        assert_eq!(allocations_of(judge), 0, "{status} {headers:?}");
    }
}
