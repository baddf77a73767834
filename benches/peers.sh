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

if ! command -v valgrind >/dev/null; then
    command -v apt-get >/dev/null || fail 'valgrind is missing and so is apt-get: install valgrind by hand'
    root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || fail 'valgrind is missing: install it as root, by: apt-get install valgrind'
        root=(sudo -n)
    fi
    {
        "${root[@]}" apt-get update
        "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --yes valgrind libc6-dbg
    } >&2 || fail 'apt-get could not install valgrind'
fi
valgrind --tool=callgrind --callgrind-out-file=/dev/null true >/dev/null 2>&1 ||
    fail 'valgrind is there, but callgrind does not run'

# Two programs: an allocator that counts is not to be paid for where instructions and time are.
run() {
    cargo run --quiet --locked --profile peers --package peers --bin "$@"
}
heap=$(run heap) || fail 'the heap could not be counted'
run peers -- "$@" <<<"$heap"
