#!/usr/bin/env bash
# Changes the library one small thing at a time, and looks whether a test notices; keeps what came of each mutant in
# verification/mutants/outcomes.tsv, and prints a table of them.
#
#   verification/mutants.sh                          all, two at once (--lanes N: N at once)
#   verification/mutants.sh src/circuit/word.rs ..   those of these files
#   verification/mutants.sh --shard 3/40 [FILE..]    a fortieth of each file's
#   verification/mutants.sh --alive [FILE..]         those that survived when they were last tried
#   verification/mutants.sh --untried [FILE..]       those that have not been tried
#   verification/mutants.sh --rest [FILE..]          both of these; the others of a file stay as tried before it changed
#   verification/mutants.sh --one-by-one [FILE..]    each built alone, by cargo-mutants
#   verification/mutants.sh --table                  none: the table alone
#
# cargo-mutants says which there are. As to build each takes longer than to try it, all that can be are woven into one
# program, which is mutant N where its environment says so (verification/weave); the tests run once for each. The others,
# such as those in constants, are built alone, by cargo-mutants, in passes, each of what the one before left alive: the tests
# of the core as one program (core), the tests in the library (within), those of the core that take features too (full),
# those that are about the file (near), all that there are (every): `--from` and `--to` tell the first and the last.
#
# It works on clones of what is committed. Fails where a mutant was not tried, where one survives that
# verification/mutants/explained.tsv does not explain or one is explained that does not, where less than 95 % are caught,
# those aside that time out, and where more than a tenth were tried before their file changed, by
# verification/mutants/sources.tsv: until then it says which files those are, and which are new.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() {
    printf 'mutants: %s\n' "$*" >&2
    exit 1
}

kept=verification/mutants/outcomes.tsv
explained=verification/mutants/explained.tsv
sources=verification/mutants/sources.tsv

# What there is to mutate of a file: neither its comments, nor its tests, which are last.
code_of() {
    sed -e '/^#\[cfg(test)\]$/,$d' -e '/^[[:space:]]*\/\//d' -e '/^[[:space:]]*$/d' "$1" | git hash-object --stdin
}

# The code of each file of the library in a directory, which is the present one or a clone.
code() {
    (cd "$1" && git ls-files 'src/*.rs') | while IFS= read -r file; do
        [ ! -f "$1/$file" ] || printf '%s\t%s\n' "$(code_of "$1/$file")" "$file"
    done
}

# By file: how many were tried, and what came of them. Mutants that do not compile were not tried.
table() {
    printf '| file | tried | caught | timed out | survived | does not compile | caught or timed out |\n'
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
        /^#/ { of = $2; next }
        {
            all++
            file = $2
            sub(/:.*/, "", file)
            names["`" file "`"]
            count["`" file "`", $1]++
            count["~ all", $1]++
        }
        END {
            for (name in names) row(name)
            row("~ all")
            printf "~\n~ Tried so far: %d of the %d that there are.\n", all, of
        }
    ' "$kept" | sort | sed -e 's/^| ~ all |/| **all** |/' -e 's/^~ *//'
    local verdict=0
    awk -F '\t' '
        # By its column alone, since lines move; and so many of them as it says.
        function without_line(name) { sub(/:[0-9]+:/, ":", name); return name }
        FILENAME == ARGV[1] { if ($0 !~ /^#/) explained[$1] += $2; next }
        /^#/ { of = $2; next }
        $1 == "missed" && explained[without_line($2)]-- <= 0 { unexplained[++open] = $2 }
        { all++ }
        $1 == "caught" || $1 == "missed" { ended++ }
        $1 == "missed" { missed++ }
        END {
            for (at = 1; at <= open; at++) printf "mutants: survives, and nothing explains it: %s\n", unexplained[at]
            for (name in explained) if (explained[name] > 0) {
                printf "mutants: is explained, and does not survive: %s\n", name
                idle++
            }
            if (100 * missed > 5 * ended) printf "mutants: %d of %d survive, which are over 5 %%\n", missed, ended
            if (all < of) printf "mutants: %d of %d were not tried\n", of - all, of
            exit open > 0 || idle > 0 || 100 * missed > 5 * ended || all < of
        }
    ' "$explained" "$kept" >&2 || verdict=1
    code . | awk -F '\t' '
        FILENAME == ARGV[1] { tried[$2] = $1; next }
        FILENAME == ARGV[2] { if (!/^#/) { all++; sub(/:.*/, "", $2); mutants[$2]++ }; next }
        !($2 in tried) { fresh = fresh " " $2; next }
        tried[$2] != $1 && mutants[$2] > 0 { names = names " " $2; stale += mutants[$2] }
        END {
            if (fresh != "") printf "mutants: has not been looked at for mutants:%s\n", fresh
            if (stale > 0) printf "mutants: %d of %d were tried before their file changed:%s\n", stale, all, names
            exit 10 * stale > all
        }
    ' "$sources" "$kept" - >&2 || verdict=1
    return "$verdict"
}

if [ "${1-}" = --table ]; then
    table
    exit
fi

shard=()
from=core
to=near
lanes=2
which=all
alone=no
files=()
passes=(core within full near every)
number_of() {
    local at
    for at in "${!passes[@]}"; do
        [ "${passes[at]}" != "$1" ] || { printf '%s' "$at"; return; }
    done
    fail "there is no such pass: $1"
}
while [ $# -gt 0 ]; do
    case $1 in
        --shard)
            [[ ${2-} =~ ^([0-9]+)/([1-9][0-9]*)$ ]] || fail "--shard is K/N, not: ${2-}"
            shard=("${BASH_REMATCH[@]:1}")
            shift
            ;;
        --lanes)
            [[ ${2-} =~ ^[1-9][0-9]*$ ]] || fail "--lanes is a number from 1, not: ${2-}"
            lanes=$2
            shift
            ;;
        --from | --to)
            number_of "${2-}" >/dev/null
            declare "${1#--}=$2"
            shift
            ;;
        --alive | --untried | --rest) which=${1#--} ;;
        --one-by-one) alone=yes ;;
        -*) fail "no such flag: $1" ;;
        *)
            [ -f "$1" ] || fail "no such file: $1"
            files+=("$1")
            ;;
    esac
    shift
done
first=$(number_of "$from")
last=$(number_of "$to")

cargo mutants --version >/dev/null 2>&1 || cargo install --locked cargo-mutants || fail 'cargo-mutants is missing, and could not be installed'

temporary=$(mktemp -d)
# Lanes are jobs, and so process groups, of their own: none of them outlives this.
set -m
lanes_of_pass=()
leave() {
    local id
    for id in "${lanes_of_pass[@]}"; do
        kill -- "-$id" 2>/dev/null || true
    done
    rm -rf "$temporary"
}
trap leave EXIT
trap 'exit 130' INT TERM
targets=${MUTANTS_TARGET_DIR:-$PWD/target/mutants}
export CARGO_INCREMENTAL=1 PROPTEST_CASES=8
for lane in $(seq "$lanes"); do
    git clone --quiet . "$temporary/$lane"
done
mutants() {
    cargo mutants --package tower-tenant-breaker "$@"
}
for format in "" --json; do
    (cd "$temporary/1" && mutants --list $format --config verification/mutants/core.toml) >"$temporary/list${format/--/.}"
done
# What is not tried one by one.
: >"$temporary/woven"
if [ ${#files[@]} = 0 ]; then
    mapfile -t files < <(cut -d : -f 1 "$temporary/list" | uniq)
fi

# The names of mutants as expressions, each of one whole name.
expressions() {
    sed -e 's/[][\\.*^$+?(){}|]/\\&/g' -e 's/^/--re\n^/' -e 's/$/$/'
}

# One pass over a file in all lanes. Exits with 2 where a mutant survives and with 3 where a test timed out, which is told
# below.
pass() {
    local name=$1 lane id baseline=run
    shift
    # Where the tests fail without a mutant, every mutant would seem to be caught. Which these are is another matter each time.
    [ ! -e "$temporary/$name.passes" ] || [ "$name" = near ] || baseline=skip
    for lane in $(seq "$lanes"); do
        (
            export CARGO_TARGET_DIR=$targets/$lane
            [ "$name" = every ] || export CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER=$temporary/$lane/verification/mutants/runner.sh
            cd "$temporary/$lane"
            of=$((lane - 1))/$lanes
            [ ${#shard[@]} = 0 ] || of=$((shard[0] + shard[1] * (lane - 1)))/$((shard[1] * lanes))
            mutants --in-place --baseline $baseline --timeout 300 --build-timeout 300 --sharding round-robin --shard "$of" \
                --config "verification/mutants/$name.toml" --output "$temporary/$name-$lane" "$@" >"$temporary/$name-$lane.log" ||
                [ $? -lt 4 ] || { cat "$temporary/$name-$lane.log" >&2; exit 1; }
        ) &
        lanes_of_pass+=($!)
    done
    for id in "${lanes_of_pass[@]}"; do
        wait "$id" || fail "the pass $name came to no end"
    done
    lanes_of_pass=()
    touch "$temporary/$name.passes"
}

# What came of a pass, with the last word to the last pass: a mutant of which no test ended is one that timed out.
outcomes_of() {
    local name=$1 lane out outcome
    for lane in $(seq "$lanes"); do
        out=$temporary/$name-$lane/mutants.out
        for outcome in caught missed timeout unviable; do
            [ ! -f "$out/$outcome.txt" ] || sed "s/^/$outcome\t/" "$out/$outcome.txt"
        done
        { grep -l '^no test ends$' "$out"/log/*.log 2>/dev/null || true; } | while IFS= read -r log; do
            sed -n '/^\*\*\* /{s/^\*\*\* /timeout\t/p;q}' "$log"
        done
    done
}

# What was tried last counts. A mutant has its line in its name: where lines have moved, it is the one of the same change in
# the same order among those that are alike, if there are as many as there were.
keep() {
    touch "$kept"
    grep -v '^#' "$kept" | sort -t "$(printf '\t')" -k 2,2V >"$temporary/before" || true
    awk -F '\t' '
        function without_line(name) { sub(/:[0-9]+:/, ":", name); return name }
        FILENAME == ARGV[1] { alike = without_line($0); is_there[$0]; now[alike, ++there[alike]] = $0; next }
        FILENAME == ARGV[2] { alike = without_line($2); past[alike, ++were[alike]] = $1; exact[$2] = $1; next }
        $2 in is_there { tried[$2] = $1 }
        END {
            for (alike in there) for (at = 1; at <= there[alike]; at++) {
                name = now[alike, at]
                if (name in tried) outcome = tried[name]
                else if (there[alike] == were[alike]) outcome = past[alike, at]
                else outcome = exact[name]
                if (outcome != "") print outcome "\t" name
            }
        }
    ' "$temporary/list" "$temporary/before" "$temporary/new" | sort -t "$(printf '\t')" -k 2,2V >"$temporary/kept"
    sed -i "1i # of all that there are\t$(wc -l <"$temporary/list")" "$temporary/kept"
    cp "$temporary/kept" "$kept"
}

# That these files were tried as they are, where nothing was left out or taken over from before; and of those that have no
# mutants, that it is so.
keep_sources() {
    [ "$which ${#shard[@]} $alone" = 'all 0 no' ] || return 0
    touch "$sources"
    code "$temporary/1" | awk -F '\t' '
        FILENAME == ARGV[1] { tried[$2] = $1; next }
        FILENAME == ARGV[2] { outcome[$2] = $1; next }
        FILENAME == ARGV[3] { file = $0; sub(/:.*/, "", file); has_mutants[file]; if (outcome[$0] == "") is_open[file]; next }
        FILENAME == ARGV[4] { named[$0]; next }
        {
            if (!($2 in is_open) && ($2 in named || !($2 in has_mutants))) print
            else if ($2 in tried) print tried[$2] "\t" $2
        }
    ' "$sources" "$kept" "$temporary/list" <(printf '%s\n' "${files[@]}") - >"$temporary/sources"
    cp "$temporary/sources" "$sources"
}

: >"$temporary/new"
keep

# A share of the lines, if one is asked for.
sharded() {
    awk -v of="${shard[1]-1}" -v at="${shard[0]-0}" 'NR % of == at % of'
}

# The mutants of these files that are to be tried.
wanted() {
    local file
    for file in "$@"; do
        awk -F '\t' -v file="$file:" -v which="$which" '
            FILENAME == ARGV[1] { if ($0 !~ /^#/) outcome[$2] = $1; next }
            FILENAME == ARGV[2] { woven[$0]; next }
            index($0, file) == 1 && !($0 in woven) && (which == "all" || (which != "untried" && outcome[$0] == "missed") || (which != "alive" && outcome[$0] == ""))
        ' "$kept" "$temporary/woven" "$temporary/list"
    done
}

# The tests that are about these files.
near_names() {
    printf '%s\n' "$@" >"$temporary/files"
    awk -F '\t' '
        FILENAME == ARGV[1] { files[$0]; next }
        !/^#/ { for (file in files) if (index(file, $1) == 1) print $2 }
    ' "$temporary/files" verification/mutants/near.tsv | tr ' ' '\n' | sort -u
}

# As flags.
near() {
    near_names "$@" | sed 's/^/--cargo-arg=--test\n--cargo-arg=/'
}

# Some files at once, so that no lane is idle for long.
try() {
    local name these sources=("${@/#/--file=}")
    : >"$temporary/new"
    wanted "$@" >"$temporary/left"
    for name in "${passes[@]:first:last-first+1}"; do
        [ -s "$temporary/left" ] || break
        mapfile -t these < <(expressions <"$temporary/left")
        # Where each is tried alone, and all are, there is no need to name them.
        [ "$which$name$alone" != "all${from}yes" ] || these=()
        if [ "$name" = near ]; then
            mapfile -t -O "${#these[@]}" these < <(near "$@")
            [[ " ${these[*]} " = *" --cargo-arg=--test "* ]] || continue
        fi
        pass "$name" "${sources[@]}" "${these[@]}"
        outcomes_of "$name" >"$temporary/outcomes"
        cat "$temporary/outcomes" >>"$temporary/new"
        sed -n 's/^missed\t//p' "$temporary/outcomes" >"$temporary/left"
    done
    keep
    printf 'mutants: %s: %d, of which %d survive\n' "$*" "$(cut -f 2 "$temporary/new" | sort -u | wc -l)" "$(wc -l <"$temporary/left")" >&2
}

# shellcheck source=verification/mutants/woven.sh
. verification/mutants/woven.sh
if [ "$alone" = no ]; then
    wanted "${files[@]}" | sharded >"$temporary/asked"
    if [ -s "$temporary/asked" ]; then
        weave
        try_woven "$temporary/asked"
        { cut -f 2 "$temporary/numbers"; cat "$temporary/refused"; } >"$temporary/woven"
    fi
fi

batch=()
for file in "${files[@]}"; do
    batch+=("$file")
    [ "$(wanted "${batch[@]}" | wc -l)" -ge 150 ] || continue
    try "${batch[@]}"
    batch=()
done
[ ${#batch[@]} = 0 ] || try "${batch[@]}"
keep_sources
table
