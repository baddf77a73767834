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

# By file: how many were tried, and what came of them. Mutants that do not compile were not tried. Lines move, so a mutant is
# known by its file, what is changed, and how many alike stand before it.
table() {
    awk -F '\t' '
        FNR == NR { why[$1] = 1; next }
        {
            file = $2
            sub(/:.*/, "", file)
            files[file] = 1
            count[file, $1]++
            all[$1]++
            if ($1 == "missed" && !($2 in why)) unexplained[++open] = $2
        }
        function row(name, caught, missed, timeout, unviable,    tried) {
            tried = caught + missed + timeout
            printf "| %s | %d | %d | %d | %d | %d | %s |\n", name, tried, caught, timeout, missed, unviable,
                tried ? sprintf("%.1f %%", 100 * (caught + timeout) / tried) : ""
        }
        END {
            print "| file | tried | caught | timed out | survived | no program | caught or timed out |"
            print "|---|--:|--:|--:|--:|--:|--:|"
            sort = "sort"
            for (file in files)
                row("`" file "`", count[file, "caught"], count[file, "missed"], count[file, "timeout"], count[file, "unviable"]) | sort
            close(sort)
            row("**all**", all["caught"], all["missed"], all["timeout"], all["unviable"])
            for (i = 1; i <= open; i++) printf "mutants: survives, and nothing explains it: %s\n", unexplained[i] > "/dev/stderr"
            tried = all["caught"] + all["missed"] + all["timeout"]
            exit open > 0 || 100 * (all["caught"] + all["timeout"]) < 95 * tried
        }
    ' <(grep -v '^#' "$explained") "$kept"
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

# What was tried last counts.
touch "$kept"
for pass in fast all; do
    for outcome in caught missed timeout unviable; do
        names=$temporary/$pass/mutants.out/$outcome.txt
        [ ! -f "$names" ] || sed "s/^/$outcome\t/" "$names"
    done
done >"$temporary/new"
awk -F '\t' '{ outcome[$2] = $1 } END { for (name in outcome) print outcome[name] "\t" name }' "$kept" "$temporary/new" |
    sort -t "$(printf '\t')" -k 2 >"$temporary/kept"
cp "$temporary/kept" "$kept"
table
