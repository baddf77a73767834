#!/usr/bin/env bash
# Runs a test program for a mutant, and stops it at the first test that fails, or where none has ended for long: most
# mutants are caught by a test of the first second. The slow tests come last.
set -euo pipefail

program=$1
shift
mapfile -t slow <"$(dirname "${BASH_SOURCE[0]}")/slow.txt"
skipped=()
for name in "${slow[@]}"; do
    skipped+=(--skip "$name")
done
pipe=$(mktemp -u)
mkfifo "$pipe"
trap 'rm -f "$pipe"' EXIT

stop() {
    kill -KILL "$1" 2>/dev/null || true
    exit "$2"
}

# Three times, as a machine that was stopped for a while is seen as one.
run() {
    local patience=$1 left=3 line id
    shift
    "$program" "$@" >"$pipe" 2>&1 &
    id=$!
    while [ "$left" -gt 0 ]; do
        if IFS= read -r -t "$patience" line <&3; then
            printf '%s\n' "$line"
            left=3
            case $line in test\ *\ FAILED) stop "$id" 101 ;; esac
        elif [ $? -gt 128 ]; then
            left=$((left - 1))
        else
            break
        fi
    done 3<"$pipe"
    if [ "$left" = 0 ]; then
        printf 'no test ends\n'
        stop "$id" 124
    fi
    wait "$id"
}

run 5 "$@" "${skipped[@]}"
run 20 "$@" "${slow[@]}"
