#!/usr/bin/env bash
# Prints what calls cost by the clock on one thread and on two, what a snapshot of 100,000 circuits takes, and what the
# layer adds to an axum gateway over TCP, each as a ratio of runs in turn. The flags are those of the program: see --help.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

command -v cargo >/dev/null || {
    printf 'scale: cargo is missing: install Rust first\n' >&2
    exit 1
}
# One codegen unit, as what is counted has; see benches/README.md.
cargo run --quiet --profile bench --locked --package scale -- "$@"
