#!/usr/bin/env bash
# Looks for what is never given back, with LeakSanitizer at the end of programs that run whole lives of registries: circuits
# that make room, permits that are dropped and that outlive all else, panics, subscriptions. Prints one line.
#
#   verification/leaks.sh [--short]
#
# With --short, the two programs alone that are made for it. First it runs a program that leaks on
# purpose, and fails where that goes unseen. Installs a nightly toolchain where it is missing, or fails and says what is.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=verification/nightly.sh
. verification/nightly.sh

knows_short "$@"

needs_nightly
host=$(rustc "+$toolchain" -vV | sed -n 's/^host: //p')
target=${CARGO_TARGET_DIR:-$PWD/verification/memory/target}/leaks
cd verification/memory

export RUSTFLAGS='-Zsanitizer=leak'
build=(--quiet --target "$host" --target-dir "$target")

say 'a leak on purpose'
log=$(mktemp)
if cargo "+$toolchain" run "${build[@]}" --example leaks >"$log" 2>&1; then
    fail 'a leak on purpose went unseen'
fi
grep -q 'ERROR: LeakSanitizer: detected memory leaks' "$log" || {
    cat "$log" >&2
    fail 'the leak on purpose was not run: LeakSanitizer cannot run under a debugger'
}
rm -f "$log"

names=(whole_life lifetimes)
least=8
[ -n "$short" ] || { names+=(eviction cancelled stragglers half_open live_policy observer concurrency) && least=137; }
for name in "${names[@]}"; do
    say "$name"
    # The test that is left out forgets its probes on purpose.
    tests cargo "+$toolchain" test "${build[@]}" --test "$name" -- --skip probes_that_never_come_back_wedge_nothing ||
        fail "broken: $name"
done
expects "$least"

printf 'leaks: nothing is lost in %s tests of %s binaries, in %s s\n' "$passed" "${#names[@]}" "$SECONDS"
