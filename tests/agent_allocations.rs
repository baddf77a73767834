//! What a model is told of a rejected call is made where somebody asks for it, and not before. Counted per thread.
#![cfg(feature = "agent")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Waker};

use serde::Serialize;
use tower::{BoxError, Service, service_fn};
use tower_tenant_breaker::agent::{
    DegradationSignal, English, MessageTemplate, PlainName, Tool, ToolCall, ToolReply, Tools,
    UnavailableTools, Wording,
};
use tower_tenant_breaker::{CircuitBreakerRegistry, CircuitOpen, Outcome, Policy};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

fn count() {
    // A thread that ends may allocate after its locals are gone; nobody reads that.
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
}

// SAFETY: everything is left to the system's allocator; counting allocates nothing, since the cell is const and has no
// destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn allocations_in<T>(code: impl FnOnce() -> T) -> (T, usize) {
    let before = ALLOCATIONS.get();
    let value = code();
    (value, ALLOCATIONS.get() - before)
}

/// As long as ids are: too long for any small-string trick.
const TENANT: &str = "acme-production-7f3b9c52-4d1e-4c0a-9b6f-sick";

fn registry() -> CircuitBreakerRegistry {
    CircuitBreakerRegistry::builder().build().unwrap()
}

/// Search and its substitutes; the tenant's circuit of search is open.
fn tools(registry: &CircuitBreakerRegistry, wording: impl Wording + 'static) -> Tools {
    let policy = Policy::builder().consecutive_failures(1).build().unwrap();
    let tools = Tools::builder(registry)
        .policy(policy)
        .tool(Tool::new("search").substitutes(["web", "encyclopedia"]))
        .tool(Tool::new("web"))
        .tool(Tool::new("encyclopedia"))
        .wording(wording)
        .build()
        .unwrap();
    let search = registry.get("search").unwrap();
    let permit = search.acquire(TENANT).unwrap();
    permit.record(Outcome::failure());
    // What is made once per thread or process is made by now.
    search.acquire(TENANT).unwrap_err();
    tools
}

fn open(registry: &CircuitBreakerRegistry) -> CircuitOpen {
    let search = registry.get("search").unwrap();
    let rejection = search.acquire(TENANT).unwrap_err();
    rejection.circuit_open().unwrap().clone()
}

/// Counts how often it is asked.
struct Counted(Arc<AtomicUsize>);

impl Wording for Counted {
    fn message(&self, signal: &DegradationSignal, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fetch_add(1, SeqCst);
        English.message(signal, f)
    }

    fn note(&self, unavailable: &UnavailableTools, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fetch_add(1, SeqCst);
        English.note(unavailable, f)
    }
}

/// Without a runtime, whose own allocations would be counted too: a rejected call is ready at once.
fn now<F: Future>(future: F) -> F::Output {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a rejected call waits"),
    }
}

async fn run(_: ToolCall<()>) -> Result<(), BoxError> {
    Ok(())
}

#[test]
fn a_rejected_call_allocates_nothing_and_words_nothing_until_its_text_is_asked_for() {
    let registry = registry();
    let asked = Arc::new(AtomicUsize::new(0));
    let tools = tools(&registry, Counted(Arc::clone(&asked)));
    let (tenant, tool): (Arc<str>, Arc<str>) = (TENANT.into(), "search".into());
    let (call_id, turn_id): (Arc<str>, Arc<str>) = ("call_1".into(), "turn 17".into());
    let call = || {
        ToolCall::new(Arc::clone(&tenant), Arc::clone(&tool), ())
            .call_id(Arc::clone(&call_id))
            .turn_id(Arc::clone(&turn_id))
    };
    let mut dispatcher = tools.dispatcher(service_fn(run));
    assert!(now(dispatcher.call(call())).unwrap().signal().is_some());

    let (signal, allocations) = allocations_in(|| {
        for _ in 0..1_000 {
            let reply = now(dispatcher.call(call())).unwrap();
            assert!(reply.signal().is_some());
        }
        match now(dispatcher.call(call())).unwrap() {
            ToolReply::Unavailable(signal) => signal,
            ToolReply::Output(()) => panic!("the call was admitted"),
        }
    });
    assert_eq!((allocations, asked.load(SeqCst)), (0, 0));

    let ((), allocations) = allocations_in(|| {
        assert_eq!(signal.clone().alternatives().count(), 2);
        assert_eq!(signal.reason().as_str(), "circuit_open_failures");
        assert!(signal.retry_after_seconds().is_some() && signal.since().is_some());
        assert!(!signal.may_have_taken_effect());
    });
    assert_eq!((allocations, asked.load(SeqCst)), (0, 0));
    assert!(signal.message().contains("\"search\""));
    assert_eq!(asked.load(SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_fails_allocates_no_more_than_its_error() {
    let registry = registry();
    let tools = tools(&registry, English);
    let tool: Arc<str> = "web".into();
    let tenant: Arc<str> = "acme".into();
    let fails = |_: ToolCall<()>| std::future::ready(Err::<(), _>(std::fmt::Error));
    let mut dispatcher = tools.dispatcher(service_fn(fails));
    let mut call = || {
        let call = ToolCall::new(Arc::clone(&tenant), Arc::clone(&tool), ());
        now(dispatcher.call(call)).unwrap()
    };
    call();
    let web = registry.get("web").unwrap();
    web.reset();
    web.set(tower_tenant_breaker::Override::Disabled);
    call();
    let (reply, allocations) = allocations_in(call);
    assert!(reply.signal().is_some());
    // A box of nothing takes no memory.
    assert_eq!(allocations, 0);
}

/// The same signal, as somebody writes it who has no type for it.
#[derive(Serialize)]
struct ByHand {
    status: &'static str,
    tool_name: String,
    reason: &'static str,
    message: String,
    retry_after_seconds: Option<u64>,
    since: Option<String>,
    alternatives: Vec<&'static str>,
}

impl ByHand {
    fn of(open: &CircuitOpen, since: &str) -> Self {
        let left = open.retry_after();
        let seconds = left.map(|left| left.as_secs() + u64::from(left.subsec_nanos() > 0));
        let (name, wait) = (PlainName(open.dependency()), seconds.unwrap_or_default());
        Self {
            status: "tool_unavailable",
            tool_name: open.dependency().to_owned(),
            reason: "circuit_open_failures",
            message: format!(
                "The tool \"{name}\" is unavailable: its calls have been failing. Do not call it for {wait} seconds. Use \
                 \"web\" or \"encyclopedia\" in its place, or tell the user what you cannot do."
            ),
            retry_after_seconds: seconds,
            since: Some(since.to_owned()),
            alternatives: vec!["web", "encyclopedia"],
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_rejected_call_and_its_text_allocate_no_more_than_the_same_text_by_hand() {
    let registry = registry();
    let tools = tools(&registry, English);
    let (tenant, tool): (Arc<str>, Arc<str>) = (TENANT.into(), "search".into());
    let mut dispatcher = tools.dispatcher(service_fn(run));
    let mut reject = || {
        let call = ToolCall::new(Arc::clone(&tenant), Arc::clone(&tool), ());
        now(dispatcher.call(call)).unwrap()
    };
    let since = reject().signal().unwrap().to_json()["since"].clone();
    let since = since.as_str().unwrap();

    let (by_signal, of_signal) =
        allocations_in(|| serde_json::to_string(&reject().signal()).unwrap());
    let (by_hand, of_hand) = allocations_in(|| {
        let by_hand = ByHand::of(&open(&registry), since);
        serde_json::to_string(&by_hand).unwrap()
    });
    assert_eq!(by_signal, by_hand);
    assert!(
        of_signal <= of_hand,
        "{of_signal} by the signal, {of_hand} by hand"
    );

    // Where there is room for the text already, there is nothing else.
    let mut room = Vec::with_capacity(4_096);
    let ((), of_signal) = allocations_in(|| {
        let reply = reject();
        serde_json::to_writer(&mut room, &reply.signal()).unwrap();
    });
    assert_eq!(room, by_hand.as_bytes());
    assert_eq!(of_signal, 0);
    let mut room = Vec::with_capacity(4_096);
    let ((), of_hand) = allocations_in(|| {
        let by_hand = ByHand::of(&open(&registry), since);
        serde_json::to_writer(&mut room, &by_hand).unwrap();
    });
    assert!(
        of_hand >= 4,
        "name, message, since and alternatives take {of_hand}"
    );
}

#[tokio::test(start_paused = true)]
async fn words_from_a_template_are_put_together_where_they_are_written() {
    let registry = registry();
    let words = "{tool_name}: {reason}.[ Wait {retry_after_seconds} s.][ Since {since}.][ Use {alternatives}.]";
    let tools = tools(&registry, MessageTemplate::new(words).unwrap());
    let signal = tools.signal(&open(&registry));
    let mut room = Vec::with_capacity(4_096);
    let ((), allocations) = allocations_in(|| serde_json::to_writer(&mut room, &signal).unwrap());
    assert_eq!(allocations, 0);
    let text = String::from_utf8(room).unwrap();
    assert!(
        text.contains("Use \\\"web\\\", \\\"encyclopedia\\\"."),
        "{text}"
    );
}
