#!/usr/bin/env bash
# Prints how many instructions and allocations a call costs. With --check it compares them with
# benches/instructions/expected.json and fails where they grew; with --accept it rewrites that file. Installs valgrind, by
# apt-get, where it is missing, or fails.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() {
    printf 'instructions: %s\n' "$*" >&2
    exit 1
}

command -v cargo >/dev/null || fail 'cargo is missing: install Rust first'

# In the profile of benches, which Cargo.toml says more of.
run() {
    cargo run --quiet --locked --profile bench --package instructions "$@"
}

# What is not counted is known before anything is.
case ${1-} in
    '' | --check | --accept | --json) [ $# -le 1 ] || fail 'one flag at a time' ;;
    *)
        run --bin instructions -- "$@"
        exit
        ;;
esac

# shellcheck source=benches/valgrind.sh
. benches/valgrind.sh

counts=$(mktemp -d)
trap 'rm -rf "$counts"' EXIT

# Two builds: without anything that watches the circuits, and with all features that can.
for features in '' watched; do
    cargo build --quiet --locked --profile bench --package instructions --bins --features "$features"
    run --bin instructions --features "$features" -- --count >"$counts/of $features" || fail 'a count failed'
done
run --bin instructions --features watched -- "$@" "$counts/of " "$counts/of watched"
