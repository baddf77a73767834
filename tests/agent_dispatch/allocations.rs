//! What a call allocates: nothing of its own. Counted per thread, so that the other tests of this binary can run beside.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use tower_tenant_breaker::agent::Toolbox;

use super::*;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: everything is left to the system's allocator; counting allocates nothing, since the cell is
// const and has no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // A thread that ends may allocate after its locals are gone; nobody reads that.
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// As long as ids are: too long for any small-string trick.
const TENANT: &str = "acme-production-7f3b9c52-4d1e-4c0a-9b6f-7f3b9c524d1e";

fn hits(_call: ToolCall<u32>) -> Ready<Result<&'static str, Infallible>> {
    ready(Ok("hits"))
}

/// The allocations of a call that is ready at once.
fn allocations_of<S>(dispatcher: &S, asked: &ToolCall<u32>) -> usize
where
    S: Service<ToolCall<u32>, Response = ToolReply<&'static str>, Error = DispatchError> + Clone,
{
    let asked = asked.clone();
    let before = ALLOCATIONS.get();
    let asked = pin!(dispatcher.clone().call(asked));
    let Poll::Ready(reply) = asked.poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("nothing here has to wait")
    };
    let allocations = ALLOCATIONS.get() - before;
    assert_eq!(reply.unwrap().output(), Some("hits"));
    allocations
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_admitted_allocates_nothing() {
    let names = [
        Tool::new("search"),
        Tool::new("book").has_side_effects().substitutes(["search"]),
        Tool::new("research").without_timeout(),
    ];
    let tools = declare(&registry())
        .tools(names)
        .on_error(|_| ())
        .build()
        .unwrap();
    let dispatcher = tools.dispatcher(service_fn(hits));
    for name in ["search", "book", "research"] {
        let plain = ToolCall::new(TENANT, name, 3);
        let of_turn = plain.clone().call_id("call_1").turn_id("turn 17");
        // Makes the circuit, and what is made once per thread or process.
        allocations_of(&dispatcher, &of_turn);
        for call in [plain, of_turn] {
            assert_eq!(allocations_of(&dispatcher, &call), 0, "{name}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_toolbox_allocates_the_future_of_the_tool() {
    let toolbox = Toolbox::new().tool(Tool::new("search"), service_fn(hits));
    let dispatcher = toolbox.dispatcher(declare(&registry())).unwrap();
    let call = ToolCall::new(TENANT, "search", 3);
    allocations_of(&dispatcher, &call);
    assert_eq!(allocations_of(&dispatcher, &call), 1);
}
