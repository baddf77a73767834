#!/usr/bin/env bash
# Runs the circuit and the map in all orders of their steps, as far as each scenario says, under loom: the sources as they
# are, over loom's atomics and locks. Prints how many runs each took. --short bounds the long ones, for a minute on two
# cores; --preemptions N bounds all, by N times at most that a run stops a thread that could go on. A scenario's name,
# or a part of it, runs that alone.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() {
    printf 'loom: %s\n' "$*" >&2
    exit 1
}

command -v cargo >/dev/null || fail 'cargo is missing: install Rust first'

# How many there are, or more, unless one is named.
least=44
scenarios=interleavings::
while [ $# -gt 0 ]; do
    case $1 in
        --short) export BREAKER_LOOM_SHORT=1 ;;
        --preemptions)
            [[ ${2-} =~ ^[0-9]+$ ]] || fail '--preemptions takes a number'
            export BREAKER_LOOM_PREEMPTIONS=$2
            shift
            ;;
        -*) fail "no such flag: $1" ;;
        *)
            scenarios=$1
            least=1
            ;;
    esac
    shift
done

# What else of loom's is set would be explored in its place.
unset "${!LOOM_@}"
# Of its own, since the sources are built otherwise than elsewhere, as are those of what they need.
export CARGO_TARGET_DIR=target/loom CARGO_INCREMENTAL=0

# Loom as it is leaves orders out (https://github.com/tokio-rs/loom/issues/392): where a thread loads what it then stores,
# that load hides those of other threads, which the store is not tried before. Ours remembers the last load of each.
patch=verification/interleavings/loom.patch
command -v git >/dev/null || fail 'git is missing: install it first'
manifest=$(cargo metadata --locked --format-version 1 | grep -o '[^"]*/loom-[0-9.]*/Cargo.toml' | sort -u | tail -n 1) || fail 'loom is not found'
patched=$CARGO_TARGET_DIR/$(basename "$(dirname "$manifest")")
if ! cmp -s "$patch" "$patched/loom.patch"; then
    rm -rf "$patched"
    mkdir -p "$CARGO_TARGET_DIR"
    cp -R "$(dirname "$manifest")" "$patched"
    # As what lies in no repository, since paths would be those of ours.
    GIT_CEILING_DIRECTORIES=$PWD/$CARGO_TARGET_DIR git -C "$patched" apply "$PWD/$patch" || fail "$patch does not fit $(basename "$patched")"
    cp "$patch" "$patched/loom.patch"
fi
test=(cargo --config "paths = [\"$PWD/$patched\"]" test --quiet --locked --package interleavings --lib)

log=$(mktemp)
trap 'rm -f "$log"' EXIT

"${test[@]}" --no-run || fail 'the build failed'
# The other tests of the library are not for loom.
mapfile -t names < <("${test[@]}" -- --list --format terse 2>/dev/null | sed -n 's/: test$//p' | grep interleavings:: | grep -F -- "$scenarios")
[ ${#names[@]} -gt 0 ] || fail "no scenario is called $scenarios"
begun=$SECONDS
outcome=0
"${test[@]}" -- --test-threads "$(nproc)" --exact "${names[@]}" >"$log" 2>&1 || outcome=$?
if [ "$outcome" -ne 0 ]; then
    cat "$log" >&2
    fail 'a scenario failed'
fi
# The harness writes its dots on the same lines.
runs=$(grep -o 'loom: .*' "$log" | cut -d' ' -f2- | sort) || true
[ -n "$runs" ] || fail 'no scenario told how often it ran'
ran=$(wc -l <<<"$runs")
[ "$ran" -ge "$least" ] || fail "$ran scenarios ran, of at least $least"

printf '%-11s %10s %9s  %s\n' preemptions runs seconds scenario
while read -r name bound count seconds; do
    printf '%-11s %10s %9s  %s\n' "$bound" "$count" "$seconds" "${name/interleavings::/}"
done <<<"$runs"
awk -v seconds="$((SECONDS - begun))" '{ runs += $3 } END { printf "%d scenarios, %d runs, %d s\n", NR, runs, seconds }' <<<"$runs"
