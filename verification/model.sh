#!/usr/bin/env bash
# Plays random histories against the slow and obvious models of one circuit, and of a dependency's tenants with eviction,
# outages and overrides, until each has had so many steps. A step is a call that begins or ends, a burst of them, a wait to
# the edge of some period, or what an operator does.
#
#   verification/model.sh             ten million steps each
#   verification/model.sh --short     a million: what CI runs
#   verification/model.sh --steps N
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() {
    printf 'model: %s\n' "$*" >&2
    exit 1
}

steps=10000000
case ${1-} in
    '') ;;
    --short)
        steps=1000000
        shift
        ;;
    --steps)
        steps=${2-}
        shift $(($# < 2 ? $# : 2))
        ;;
    *) fail "--short, --steps N or nothing, not: $1" ;;
esac
[ $# -eq 0 ] || fail "nothing comes after that, not: $*"
[[ $steps =~ ^[1-9][0-9]*$ ]] || fail "--steps is a number from 1 on, not: $steps"

printf '%s, %s processors, %s\n' "$(date -u +%F)" "$(nproc)" "$(rustc --version)"
# With fewer histories than it asks for itself, the test does not look for what must have happened.
unset PROPTEST_CASES
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! MODEL_STEPS=$steps cargo test --locked --quiet --release --package model --test reference_model -- --nocapture >"$log" 2>&1; then
    # The history in which they differ, as short as it can be.
    cat "$log" >&2
    fail 'a history differs, or what must happen did not'
fi
grep -E 'histories of|^test result' "$log"
[ "$(grep -c 'histories of' "$log")" -ge 2 ] || fail 'not both models were played'
