//! The clock, paused: time passes where an operation says so.

/// Plays something with a clock that stands still.
pub fn play<T>(play: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without drivers of the system's")
        .block_on(play)
}
