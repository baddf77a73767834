//! What the program sees of the processor, on which the C library's `memcmp` and `memcpy` depend.

/// The architecture, and the widest vectors there are. Under valgrind it is what that shows of the processor.
pub fn seen() -> String {
    let vectors = vectors();
    format!("{}, {vectors}", std::env::consts::ARCH)
}

#[cfg(target_arch = "x86_64")]
fn vectors() -> &'static str {
    if is_x86_feature_detected!("avx512vl") {
        "avx512"
    } else if is_x86_feature_detected!("avx2") {
        "avx2"
    } else {
        "sse"
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn vectors() -> &'static str {
    "as they come"
}
