#!/usr/bin/env bash
# Prints what tenants cost in memory, and how that and the cost of a call grow with their number, as markdown; draws the
# growth into benches/growth.svg. With flags it is the program's to say what is done: see --help.
set -euo pipefail
from=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")/.."

command -v cargo >/dev/null || {
    printf 'memory: cargo is missing: install Rust first\n' >&2
    exit 1
}
# The picture that stands in the README has all sizes.
[ $# -gt 0 ] || set -- --svg "$PWD/benches/growth.svg"
cargo build --quiet --release --locked --package memory
program=${CARGO_TARGET_DIR:-$PWD/target}/release/memory
# Where a picture is asked for, it is from where the caller is.
cd "$from"
"$program" "$@"
