//! What figures depend on beside the code.

use gauge::{locked, machine};

/// One line: the processor, the system, the compiler, the allocator and the map beside ours.
pub(crate) fn line() -> String {
    let malloc = machine::says("getconf", "GNU_LIBC_VERSION");
    let malloc = malloc.map_or_else(String::new, |version| format!("; malloc of {version}"));
    let dashmap = locked("memory", "dashmap").unwrap_or("of an unknown version");
    format!("{}{malloc}; DashMap {dashmap}", machine::in_words())
}
