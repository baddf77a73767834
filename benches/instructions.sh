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

counts=$(mktemp -d)
trap 'rm -rf "$counts"' EXIT

# Two builds: without anything that watches the circuits, and with all features that can.
for features in '' watched; do
    cargo build --quiet --locked --profile bench --package instructions --bins --features "$features"
    run --bin instructions --features "$features" -- --count >"$counts/of $features" || fail 'a count failed'
done
run --bin instructions --features watched -- "$@" "$counts/of " "$counts/of watched"
