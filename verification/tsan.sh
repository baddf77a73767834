#!/usr/bin/env bash
# Runs the tests with real threads under ThreadSanitizer, with a standard library that is built for it. Prints one line.
#
#   verification/tsan.sh [--short]
#
# With --short, those whose threads share a circuit or the map alone. First it runs a program that races on purpose,
# and fails where that goes unseen. Installs a nightly toolchain and rust-src where they are missing, or fails and says what is.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=verification/nightly.sh
. verification/nightly.sh

knows_short "$@"

needs_nightly rust-src
host=$(rustc "+$toolchain" -vV | sed -n 's/^host: //p')
target=${CARGO_TARGET_DIR:-$PWD/verification/memory/target}/tsan
cd verification/memory

export RUSTFLAGS='-Zsanitizer=thread'
export TSAN_OPTIONS='halt_on_error=1 second_deadlock_stack=1'
build=(--quiet -Zbuild-std --target "$host" --target-dir "$target" --profile "${TSAN_PROFILE:-dev}")

say 'a race on purpose'
log=$(mktemp)
if cargo "+$toolchain" run "${build[@]}" --example races >"$log" 2>&1; then
    fail 'a race on purpose went unseen'
fi
grep -q 'WARNING: ThreadSanitizer: data race' "$log" || {
    cat "$log" >&2
    fail 'the race on purpose was not run'
}
rm -f "$log"

names=(concurrency isolation max_in_flight plain_calls half_open lifetimes whole_life)
least=88
[ -n "$short" ] || {
    names+=(controls_under_load eviction cancelled observer stragglers live_policy impact outage quota unruly_observer lib)
    least=500
}
for name in "${names[@]}"; do
    say "$name"
    which=(--test "$name")
    [ "$name" != lib ] || which=(--lib)
    tests cargo "+$toolchain" test "${build[@]}" "${which[@]}" || fail "broken: $name"
done
expects "$least"

# A fence orders what lies around it, and this sanitizer sees none.
fences=$({ grep -rlE '\bfence\(' ../../src || true; } | wc -l)
printf 'tsan: no race in %s tests of %s binaries, in %s s; files of the library with a fence, which it cannot see: %s\n' \
    "$passed" "${#names[@]}" "$SECONDS" "$fences"
