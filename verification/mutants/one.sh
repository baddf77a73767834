#!/usr/bin/env bash
# Tries one mutant of those that are woven into one program, given its number and a table of the programs of tests: what they
# are, where they run, and where they lie. Prints what came of it, its number, and which program noticed it.
set -euo pipefail
number=$1 programs=$2
runner=$(dirname "$(realpath "${BASH_SOURCE[0]}")")/runner.sh

outcome=missed noticed=
while IFS=$'\t' read -r name directory program; do
    status=0
    (cd "$directory" && WOVEN=$number "$runner" "$program" </dev/null >/dev/null 2>&1) || status=$?
    [ "$status" -eq 0 ] || noticed=$name
    case $status in
        0) ;;
        124) outcome=timeout; break ;;
        # A test failed, or the program was aborted or broke off.
        101 | 134 | 139) outcome=caught; break ;;
        # By which xargs ends: that no test could be run says nothing of the mutant.
        *) printf 'mutants: %s ended with %s for mutant %s\n' "$name" "$status" "$number" >&2; exit 255 ;;
    esac
done <"$programs"
printf '%s\t%s\t%s\n' "$outcome" "$number" "$noticed"
