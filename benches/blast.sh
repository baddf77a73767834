#!/usr/bin/env bash
# Prints what tenants whose dependency is well lose where that of others fails, is slow or hangs, as markdown; with no flags
# all of it, in three quarters of an hour, and draws it into benches/blast.svg. With flags it is the program's to say what is done:
# see --help. It says by 1 that a row of ours fails.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() {
    printf 'blast: %s\n' "$*" >&2
    exit 1
}

command -v cargo >/dev/null || fail 'cargo is missing: install Rust first'

# Without a breaker, calls that hang pile up: 2,000 a second for 2 s, each with a connection of two ends.
files=12000
[ "$(ulimit -n)" = unlimited ] || [ "$(ulimit -n)" -ge "$files" ] || ulimit -n "$files" ||
    fail "it opens up to $files files, and may not: see ulimit -n"

# The picture that stands in the README is of all rows.
[ $# -gt 0 ] || set -- --svg benches/blast.svg
cargo run --quiet --release --locked --package blast -- "$@"
