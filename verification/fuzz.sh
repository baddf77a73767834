#!/usr/bin/env bash
# Fuzzes what strangers write and what registries are asked for, and prints one table.
#
#   verification/fuzz.sh [--short] [--seconds N] [target...]
#
# --short is what CI runs: ten seconds for each target. Otherwise each has N, or its share of an hour: the three whose inputs
# are whole courses of a registry do some fifty a second, where others do thousands, and have 800 seconds each, those 200.
# What was found new stays in fuzz/corpus, what broke a property in fuzz/artifacts; then it fails. Installs a nightly
# toolchain, cargo-fuzz and, by apt-get, a C++ compiler for libFuzzer where they are missing, or fails and says what is.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

export CARGO_INCREMENTAL=0
export CARGO_TERM_COLOR=never
toolchain=${FUZZ_TOOLCHAIN:-nightly}
seconds=

fail() {
    printf 'fuzz: %s\n' "$*" >&2
    exit 1
}

say() {
    printf 'fuzz: %s\n' "$*" >&2
}

targets=()
while [ $# -gt 0 ]; do
    case $1 in
        --short) seconds=10 ;;
        --seconds)
            [ $# -ge 2 ] || fail '--seconds wants a number'
            seconds=$2
            case $seconds in
                '' | *[!0-9]* | 0*) fail "not a number of seconds: $seconds" ;;
            esac
            shift
            ;;
        -*) fail "there is no flag $1" ;;
        *) targets+=("$1") ;;
    esac
    shift
done
mapfile -t known < <(sed -n 's/^name = "\(.*\)"$/\1/p' fuzz/Cargo.toml | sed 1d)
if [ ${#targets[@]} -eq 0 ]; then
    targets=("${known[@]}")
fi
for target in "${targets[@]}"; do
    printf '%s\n' "${known[@]}" | grep -qx -- "$target" || fail "no target $target; there are: ${known[*]}"
done

# ----- what it needs

command -v cargo >/dev/null || fail 'cargo is missing: install Rust first'
if ! cargo "+$toolchain" --version >/dev/null 2>&1; then
    command -v rustup >/dev/null || fail "there is neither a toolchain $toolchain nor rustup to install one"
    say "installs the toolchain $toolchain"
    rustup toolchain install "$toolchain" --profile minimal >&2 || fail "cannot install $toolchain: is there a network?"
fi
if ! command -v c++ >/dev/null; then
    say 'installs g++, with which libFuzzer is built'
    { apt-get update && apt-get install --yes --no-install-recommends g++; } >/dev/null 2>&1 ||
        fail 'a C++ compiler is missing, and apt-get cannot install g++: is this root, and is there a network?'
fi
if ! cargo fuzz --version >/dev/null 2>&1; then
    say 'installs cargo-fuzz'
    cargo install --quiet --locked cargo-fuzz >&2 || fail 'cannot install cargo-fuzz: is there a network?'
fi

# ----- the runs

fuzz() {
    cargo "+$toolchain" fuzz "$@"
}

say "builds the targets with $(cargo "+$toolchain" --version), under AddressSanitizer"
fuzz build >&2 || fail 'the targets do not build'

# Which words an input of the target is made of.
words_of() {
    case $1 in
        policies) printf 'policies' ;;
        providers | retry_after | tenants) printf 'heads' ;;
        streams) printf 'streams' ;;
    esac
}

seconds_of() {
    if [ -n "$seconds" ]; then
        printf '%s' "$seconds"
        return
    fi
    case $1 in
        snapshots | prompt_notes | registry) printf 800 ;;
        *) printf 200 ;;
    esac
}

logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

# The last value of a field of libFuzzer's lines, such as `cov: 123`.
field() {
    { grep -o "$2 [0-9]*" "$logs/$1" || printf '%s 0' "$2"; } | tail -n 1 | awk '{ print $NF }'
}

broken=()
rows=()
total=0
spent=0
for target in "${targets[@]}"; do
    mkdir -p "fuzz/corpus/$target" "fuzz/artifacts/$target"
    share=$(seconds_of "$target")
    flags=(-max_total_time="$share" -print_final_stats=1 -max_len=4096 -timeout=25 -rss_limit_mb=2048)
    words=$(words_of "$target")
    [ -z "$words" ] || flags+=(-dict="fuzz/dicts/$words.dict")
    say "$target, for $share s"
    crashes=0
    if ! fuzz run "$target" "fuzz/corpus/$target" "fuzz/seeds/$target" -- "${flags[@]}" >"$logs/$target" 2>&1; then
        crashes=1
        broken+=("$target")
        grep -A 25 -m 1 -E 'panicked at|ERROR: ' "$logs/$target" >&2 || tail -n 40 "$logs/$target" >&2
        grep -E 'Test unit written|artifacts/' "$logs/$target" | sort -u >&2 || true
    fi
    executions=$(field "$target" 'stat::number_of_executed_units:')
    [ "$executions" -gt 0 ] || executions=$({ grep -o '^#[0-9]*' "$logs/$target" || printf '#0'; } | tail -n 1 | tr -d '#')
    total=$((total + executions))
    spent=$((spent + share))
    rows+=("| $target | $executions | $((executions / share)) | $(field "$target" 'cov:') | $(field "$target" 'ft:') | $(find "fuzz/corpus/$target" "fuzz/seeds/$target" -type f | wc -l) | $crashes |")
done

printf '| target | executions | a second | edges | features | inputs kept | crashes |\n'
printf '|---|---:|---:|---:|---:|---:|---:|\n'
printf '%s\n' "${rows[@]}"
printf '\n%s executions of %s targets in %s s: ' "$total" "${#targets[@]}" "$spent"
if [ ${#broken[@]} -gt 0 ]; then
    printf 'broken: %s\n' "${broken[*]}"
    exit 1
fi
printf 'nothing broke\n'
