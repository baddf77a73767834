#!/usr/bin/env bash
# Interprets the tests of the core under Miri: undefined behaviour, data races, and what is never freed, in this crate and in
# what it is made of. Prints one line.
#
#   verification/miri.sh [--short]
#
# Concurrent tests are run on several schedules: a seed each, 4 with --short, and otherwise 32.
# Installs a nightly toolchain, miri and rust-src where they are missing, or fails and says what is.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=verification/nightly.sh
. verification/nightly.sh

seeds=32
knows_short "$@"
[ -z "$short" ] || seeds=4

needs_nightly miri rust-src
target=${CARGO_TARGET_DIR:-$PWD/verification/memory/target}/miri
cd verification/memory

miri() {
    tests cargo "+$toolchain" miri test --quiet --target-dir "$target" "$@"
}

run() {
    say "${*//--/}"
    miri "$@" || fail "broken: $*"
}

# Proptest looks for its regressions in the directory that it is in, which Miri does not show.
export PROPTEST_CASES=2 PROPTEST_DISABLE_FAILURE_PERSISTENCE=true
# Else it adds an error of its own to what a processor may round either way, and a period is a nanosecond shorter.
exact=-Zmiri-deterministic-floats
export MIRIFLAGS=$exact
# Without what takes minutes each: many calls, many ids, many circuits.
run --lib -- circuit:: --skip percentiles --skip dependencies_of_different_places --skip what_is_said_of_a_call \
    --skip a_full_slot_allocates
run --lib -- a_busy_shard
run --lib -- each_map_hashes
for name in half_open stragglers max_in_flight; do
    run --test "$name" -- --skip a_permit_does_not_find_its_own_generation_again \
        --skip probes_that_never_come_back_wedge_nothing
done
# What it forgets is never freed.
MIRIFLAGS="$exact -Zmiri-ignore-leaks" run --test half_open -- probes_that_never_come_back_wedge_nothing
if [ -z "$short" ]; then
    for name in cancelled plain_calls observer eviction; do
        run --test "$name"
    done
fi

# The schedules: each seed is another.
export MIRIFLAGS="$exact -Zmiri-many-seeds=0..$seeds -Zmiri-num-cpus=4"
schedules() {
    local before=$passed
    run "$@"
    # Each seed says what passed.
    passed=$((before + (passed - before) / seeds))
}
schedules --test concurrency
# It asks for the time on the wall, which Miri has none of its own of.
export MIRIFLAGS="$MIRIFLAGS -Zmiri-disable-isolation"
schedules --test whole_life
expects 125

printf 'miri: nothing broke: %s tests passed, the concurrent ones on %s schedules each, in %s s\n' "$passed" "$seeds" "$SECONDS"
