#!/usr/bin/env bash
# Runs a test program for a mutant, without the tests of slow.txt, which take more than half a second each and are for races
# and sizes; and stops it at the first test that fails, or where none has ended for long: most mutants are caught within the
# first second.
set -euo pipefail

program=$1
shift
name=$(basename "$program")
mapfile -t slow < <(awk -F '\t' -v name="${name%-*}" '!/^#/ && ($2 == name || $2 == "any") { print $1 }' \
    "$(dirname "${BASH_SOURCE[0]}")/slow.txt")
skipped=()
for test in "${slow[@]}"; do
    skipped+=(--skip "$test")
done
pipe=$(mktemp -u)
mkfifo "$pipe"
trap 'rm -f "$pipe"' EXIT

"$program" "$@" "${skipped[@]}" >"$pipe" 2>&1 &
id=$!
stop() {
    kill -KILL "$id" 2>/dev/null || true
    exit "$1"
}

# Three times, as a machine that was stopped for a while is seen as one.
patience=3
while [ "$patience" -gt 0 ]; do
    if IFS= read -r -t 5 line <&3; then
        printf '%s\n' "$line"
        patience=3
        case $line in test\ *\ FAILED) stop 101 ;; esac
    elif [ $? -gt 128 ]; then
        patience=$((patience - 1))
    else
        wait "$id"
        exit
    fi
done 3<"$pipe"
printf 'no test ends\n'
stop 124
