#!/usr/bin/env bash
# All of how this crate was tried, one after the other, and one line for each in the end. With --short, what CI runs, in some
# ten minutes; without, some six hours, on a machine that has nothing else to do. Mutants are not among it: they take days,
# and are tried in pieces by verification/mutants.sh.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() {
    printf 'verification: %s\n' "$*" >&2
    exit 1
}

[ $# -le 1 ] || fail "one flag at most, not: $*"
short=()
case ${1-} in
    '') ;;
    --short) short=(--short) ;;
    *) fail "there is no flag $1" ;;
esac

summary=()
broken=0
try() {
    local begun=$SECONDS verdict=held
    printf '\n== %s\n' "$*"
    "$@" || verdict=BROKEN
    [ "$verdict" = held ] || broken=1
    summary+=("$(printf '%-7s %5d s  %s' "$verdict" $((SECONDS - begun)) "$*")")
}

try verification/loom.sh "${short[@]}"
try verification/model.sh "${short[@]}"
try verification/storms.sh "${short[@]}"
try verification/fuzz.sh "${short[@]}"
try verification/leaks.sh "${short[@]}"
try verification/mutants.sh --table
if [ ${#short[@]} -eq 0 ]; then
    try verification/tsan.sh
    try verification/miri.sh
    try verification/storms.sh soak
    try benches/blast.sh
fi

printf '\n'
printf '%s\n' "${summary[@]}"
exit "$broken"
