#!/usr/bin/env bash
# Prints what the same calls cost through other people's circuit breakers and through this one, as a table; with --json as
# JSON. Installs what it needs (valgrind, by apt-get), or fails.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() {
    printf 'peers: %s\n' "$*" >&2
    exit 1
}

command -v cargo >/dev/null || fail 'cargo is missing: install Rust first'

# shellcheck source=benches/valgrind.sh
. benches/valgrind.sh

# Two programs: an allocator that counts is not to be paid for where instructions and time are.
run() {
    cargo run --quiet --locked --profile peers --package peers --bin "$@"
}
heap=$(run heap) || fail 'the heap could not be counted'
run peers -- "$@" <<<"$heap"
