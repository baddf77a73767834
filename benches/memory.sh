#!/usr/bin/env bash
# Prints what tenants cost in memory, and how that and the cost of a call grow with their number, as markdown; draws the
# growth into benches/growth.svg. What is written behind the name of this script, the program is told, too.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

command -v cargo >/dev/null || {
    printf 'memory: cargo is missing: install Rust first\n' >&2
    exit 1
}
cargo run --quiet --release --locked --package memory -- --svg benches/growth.svg "$@"
