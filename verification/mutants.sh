#!/usr/bin/env bash
# Changes the library one small thing at a time, and looks whether a test notices; keeps what came of each mutant in
# verification/mutants/outcomes.tsv, and prints a table of them. Some five thousand of them take days of one core, so they
# are tried in pieces:
#
#   verification/mutants.sh src/circuit/word.rs ..   of these files
#   verification/mutants.sh --shard 3/40 [FILE..]    a fortieth of them
#   verification/mutants.sh --table                  none: the table alone
#
# In two passes: with the tests of the core in one program, and what they leave alive with every test. It works on a clone of
# what is committed. Fails where a mutant survives that verification/mutants/explained.tsv does not explain, or where less
# than 95 % of those that were tried are caught.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() {
    printf 'mutants: %s\n' "$*" >&2
    exit 1
}

kept=verification/mutants/outcomes.tsv
explained=verification/mutants/explained.tsv

# By file: how many were tried, and what came of them. Mutants that do not compile were not tried.
table() {
    printf '| file | tried | caught | timed out | survived | no program | caught or timed out |\n'
    printf '|---|--:|--:|--:|--:|--:|--:|\n'
    awk -F '\t' '
        function row(name,    caught, timeout, missed, tried) {
            caught = count[name, "caught"]
            timeout = count[name, "timeout"]
            missed = count[name, "missed"]
            tried = caught + timeout + missed
            printf "| %s | %d | %d | %d | %d | %d | %s |\n", name, tried, caught, timeout, missed,
                count[name, "unviable"], tried ? sprintf("%.1f %%", 100 * (caught + timeout) / tried) : ""
        }
        {
            file = $2
            sub(/:.*/, "", file)
            names["`" file "`"]
            count["`" file "`", $1]++
            count["~ all", $1]++
        }
        END {
            for (name in names) row(name)
            row("~ all")
        }
    ' "$kept" | sort | sed 's/^| ~ all |/| **all** |/'
    awk -F '\t' '
        FILENAME == ARGV[1] { if ($0 !~ /^#/) why[$1]; next }
        $1 == "missed" && !($2 in why) { unexplained[++open] = $2 }
        $1 != "unviable" { tried++ }
        $1 == "missed" { missed++ }
        END {
            for (at = 1; at <= open; at++) printf "mutants: survives, and nothing explains it: %s\n", unexplained[at]
            if (100 * missed > 5 * tried) printf "mutants: %d of %d survive, which are over 5 %%\n", missed, tried
            exit open > 0 || 100 * missed > 5 * tried
        }
    ' "$explained" "$kept" >&2
}

if [ "${1-}" = --table ]; then
    table
    exit
fi

cargo mutants --version >/dev/null 2>&1 || cargo install --locked cargo-mutants || fail 'cargo-mutants is missing, and could not be installed'

arguments=()
while [ $# -gt 0 ]; do
    case $1 in
        --shard)
            [[ ${2-} =~ ^[0-9]+/[1-9][0-9]*$ ]] || fail "--shard is K/N, not: ${2-}"
            arguments+=(--shard "$2")
            shift
            ;;
        -*) fail "no such flag: $1" ;;
        *)
            [ -f "$1" ] || fail "no such file: $1"
            arguments+=(--file "$1")
            ;;
    esac
    shift
done

temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
git clone --quiet . "$temporary/clone"
export CARGO_INCREMENTAL=1
export PROPTEST_CASES=32
export CARGO_TARGET_DIR=${MUTANTS_TARGET_DIR:-$PWD/target/mutants-of-a-clone}

# Exits with 2 where a mutant survives and with 3 where a test timed out, which is told below.
try() {
    local out=$1
    shift
    (cd "$temporary/clone" && cargo mutants --in-place --package tower-tenant-breaker --output "$out" --no-shuffle "$@") || [ $? -lt 4 ]
}

try "$temporary/fast" --config verification/mutants/fast.toml "${arguments[@]}"
survivors=()
while IFS= read -r name; do
    survivors+=(--re "^$(sed 's/[][\\.*^$+?(){}|]/\\&/g' <<<"$name")\$")
done <"$temporary/fast/mutants.out/missed.txt"
if [ ${#survivors[@]} -gt 0 ]; then
    try "$temporary/all" --config verification/mutants/all.toml "${survivors[@]}"
fi

# What was tried last counts. A mutant has its line in its name: where that has moved, it is to be tried again.
touch "$kept"
(cd "$temporary/clone" && cargo mutants --list --config verification/mutants/fast.toml --package tower-tenant-breaker) >"$temporary/list"
for pass in fast all; do
    for outcome in caught missed timeout unviable; do
        names=$temporary/$pass/mutants.out/$outcome.txt
        [ ! -f "$names" ] || sed "s/^/$outcome\t/" "$names"
    done
done >"$temporary/new"
awk -F '\t' '
    FILENAME == ARGV[1] { is_there[$0]; next }
    $2 in is_there { outcome[$2] = $1 }
    END { for (name in outcome) print outcome[name] "\t" name }
' "$temporary/list" "$kept" "$temporary/new" | sort -t "$(printf '\t')" -k 2 >"$temporary/kept"
cp "$temporary/kept" "$kept"
table
