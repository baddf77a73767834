#!/usr/bin/env bash
# Prints a table of where the instructions of one call are spent, by source file: of the rows of benches/instructions.sh
# that are named, with one tenant. Without a name it prints two: one of the calls that have a budget, and one of what a
# gateway's layer does, beside the same service without a layer. What is inlined from elsewhere, as the table of hashbrown
# or an atomic of Rust's library, is told with the file of this crate that asks for it. Installs valgrind, by apt-get,
# where it is missing, or fails.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() {
    printf 'profile: %s\n' "$*" >&2
    exit 1
}

# Before anything is counted.
for row in "$@"; do
    case $row in
        -*) fail "no flag of this: $row. It takes names of rows, as 'service, half-open'" ;;
        new\ tenant,* | features\ on* | watched\ by*) fail "no profile is made of this row: $row" ;;
    esac
done

command -v cargo >/dev/null || fail 'cargo is missing: install Rust first'
command -v addr2line >/dev/null || fail 'addr2line is missing: it is of binutils'

# shellcheck source=benches/valgrind.sh
. benches/valgrind.sh

temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT

cargo build --quiet --locked --profile bench --package instructions --bin calls
program=${CARGO_TARGET_DIR:-$PWD/target}/release/calls
# The two functions are those of benches/gauge/src/callgrind: what is counted, and where a count ends.
valgrind --quiet --tool=callgrind --callgrind-out-file="$temporary/written" \
    --combine-dumps=yes --dump-instr=yes --compress-pos=no --compress-strings=no \
    --toggle-collect='*stretch_that_is_counted*' --dump-before='*counts_that_are_told*' \
    "$program" >"$temporary/told"

# Prints file, instructions of a call, row.
spent_by_file() {
    local row=$1
    # First what was told: its n-th line is about the n-th part of the other file. Of the two counts of a row, the second
    # is of twice as many calls, and the difference is what they cost. Prints object, address, function, instructions.
    awk -v group="${row%%, *}" -v call="${row#*, }" '
        NR == FNR {
            split($0, told, "\t")
            if (told[2] == group && told[3] == call && told[4] == "1") {
                sign[FNR] = rows++ ? 1 : -1
                calls += sign[FNR] * told[5]
            }
            next
        }
        /^part: / { part = $2 }
        /^ob=/ { object = substr($0, 4) }
        /^fn=/ { name = substr($0, 4) }
        # The line behind it is what the called function takes, and is told with that function, too.
        /^calls=/ { getline; next }
        /^0x/ && part in sign { spent[object "\t" $1 "\t" name] += sign[part] * $3 }
        END {
            if (rows != 2) exit 1
            for (at in spent) if (spent[at]) print at "\t" spent[at] / calls
        }
    ' "$temporary/told" "$temporary/written" >"$temporary/spent" || fail "no row is called: $row"

    # For each address what is inlined there, the innermost first.
    awk -F '\t' -v program="$program" '$1 == program { print $2 }' "$temporary/spent" |
        addr2line --addresses --inlines --exe="$program" >"$temporary/lines"
    awk -F '\t' -v ours="$PWD/" -v program="$program" '
        function shown(file) {
            sub(/:[0-9?]+( .*)?$/, "", file)
            sub(/^.*\/registry\/src\/[^\/]*\//, "", file)
            sub(/^\/rustc\/[0-9a-f]*\//, "", file)
            return "`" file "`"
        }
        NR == FNR && /^0x/ { address = $0; sub(/^0x0*/, "", address); found = 0; next }
        NR == FNR {
            if (index($0, ours "src/") == 1 && !found++) file[address] = shown(substr($0, length(ours) + 1))
            else if (!found) file[address] = index($0, ours) == 1 ? "the loop" : shown($0)
            next
        }
        {
            sub(/^0x0*/, "", $2)
            where = $1 == program ? file[$2] : "`" $3 "`"
            sum += $4
            by[where] += $4
        }
        END {
            for (where in by) if (by[where] >= 0.5) printf "%s\t%.1f\n", where, by[where]
            printf "**all**\t%.1f\n", sum
        }
    ' "$temporary/lines" "$temporary/spent" | awk -v row="$row" '{ print $0 "\t" row }'
}

# Of the rows, a column for each.
table() {
    local row
    for row in "$@"; do
        spent_by_file "$row"
    done >"$temporary/files"
    printf '| file |'
    printf ' %s |' "$@"
    printf '\n|---|'
    printf -- '--:|%.0s' "$@"
    printf '\n'
    # The most of any row first.
    sort -t "$(printf '\t')" -k 2,2nr "$temporary/files" | awk -F '\t' -v asked="$(IFS='|' && printf '%s' "$*")" '
        BEGIN { rows = split(asked, row, "|") }
        !($1 in seen) { seen[$1] = 1; order[++files] = $1 }
        { spent[$1, $3] = int($2 + 0.5) }
        END {
            for (file = 1; file <= files; file++) {
                line = "| " order[file] " |"
                for (column = 1; column <= rows; column++) line = line " " spent[order[file], row[column]] " |"
                print line
            }
        }
    '
}

if [ $# -gt 0 ]; then
    table "$@"
else
    table 'core, closed' 'core, rejected' 'service, closed' 'service, rejected, with a response'
    printf '\n'
    # shellcheck disable=SC2016 # The names have backticks in them, as Markdown.
    table 'HTTP, closed, `HeaderTenant`' 'base, HTTP service alone, `http::Request`'
fi
