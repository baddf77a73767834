# Of all mutants at once, in one program: built once, it is each of them where its environment says which. Sourced by
# `verification/mutants.sh`.

cloth=$temporary/cloth

# Weaves all mutants that cargo-mutants lists into a clone of what is committed, leaves out those that do not compile, and
# builds its tests.
weave() {
    local round
    git clone --quiet . "$cloth"
    CARGO_TARGET_DIR=$targets/weave cargo build --quiet --locked --release --package weave || fail 'cannot build weave'
    local weave=$targets/weave/release/weave
    : >"$temporary/refused"
    for round in $(seq 40); do
        git -C "$cloth" checkout --quiet -- src
        (cd "$cloth" && git ls-files -z 'src/*.rs' 'tests/*.rs' |
            xargs -0 "$weave" "$temporary/list.json" "$temporary/refused" "$temporary/numbers") || fail 'cannot weave'
        if woven_cargo check --package tower-tenant-breaker --all-features --message-format=json >"$temporary/messages"; then
            build_programs
            return
        fi
        "$weave" --refused "$temporary/numbers" <"$temporary/messages" >"$temporary/refused-now"
        [ -s "$temporary/refused-now" ] || fail 'the library with its mutants does not compile, and no mutant is why'
        cat "$temporary/refused-now" >>"$temporary/refused"
        printf 'mutants: %d do not compile\n' "$(wc -l <"$temporary/refused")" >&2
    done
    fail 'the library with its mutants does not compile'
}

# Optimised a little, which takes minutes once and spares a second of each mutant. What is refused anyway needs no warnings.
woven_cargo() {
    local verb=$1
    shift
    (cd "$cloth" && CARGO_TARGET_DIR=$targets/woven RUSTFLAGS=--cap-lints=allow CARGO_PROFILE_MUTANTS_OPT_LEVEL=1 \
        cargo "$verb" --locked --profile mutants "$@")
}

# The programs of tests, by name: `suite` and `lib` first, then those that are not part of the suite, the quick ones first.
build_programs() {
    local others executables='s/^ *Executable \(.*\) (\(.*\))$/\1\t\2/p' name directory program begun
    woven_cargo test --no-run --package suite --test suite --features full 2>&1 |
        sed -n "$executables" | sed "s#^[^\t]*#suite\t$cloth/verification/suite#" >"$temporary/programs"
    mapfile -t others < <(printf '%s\n' tests/*.rs tests/*/main.rs | sed -e 's#^tests/##' -e 's#\.rs$##' -e 's#/main$##' |
        awk '
            FILENAME == ARGV[1] { if (sub(/^mod /, "") && sub(/;$/, "")) in_suite[$0]; next }
            !($0 in in_suite) { print "--test=" $0 }
        ' verification/suite/src/suite.rs -)
    woven_cargo test --no-run --package tower-tenant-breaker --all-features --lib "${others[@]}" 2>&1 | sed -n "$executables" |
        sed -e "s#^unittests src/lib.rs#lib#" -e "s#^tests/\([a-z_]*\)[^\t]*#\1#" -e "s#\t#\t$cloth\t#" >>"$temporary/programs"
    [ "$(wc -l <"$temporary/programs")" -eq $((${#others[@]} + 2)) ] || fail 'not all programs of tests were built'
    while IFS=$'\t' read -r name directory program; do
        printf '%s\t%s\t%s\n' "$name" "$directory" "$program" >"$temporary/one"
        begun=$(date +%s%N)
        # Where the tests fail without a mutant, every mutant would seem to be caught; and some where they fail now and then.
        seq 6 | xargs -P 3 -I '{}' "$cloth/verification/mutants/one.sh" 0 "$temporary/one" >"$temporary/alone"
        if grep -qv '^missed' "$temporary/alone"; then
            case $name in
                suite | lib) fail "without a mutant a test fails: $name" ;;
                *) printf 'mutants: is no witness, as its tests fail now and then: %s\n' "$name" >&2 ;;
            esac
            continue
        fi
        case $name in
            suite | lib) printf '0' ;;
            *) printf '%s' $(($(date +%s%N) - begun)) ;;
        esac
        printf '\t%s\t%s\t%s\n' "$name" "$directory" "$program"
    done <"$temporary/programs" >"$temporary/timed"
    sort -s -n "$temporary/timed" | cut -f 2- >"$temporary/programs"
}

# The programs for the mutants of a file: those that are about it first.
programs_for() {
    local near
    near=$(near_names "$1" | tr '\n' ' ')
    awk -F '\t' -v near=" $near" '
        index(near, " " $1 " ") > 0 { print; next }
        { rest[++count] = $0 }
        END { for (at = 1; at <= count; at++) print rest[at] }
    ' "$temporary/programs"
}

# Tries these mutants, a name a line, as far as they are woven, and keeps what came of them file by file.
try_woven() {
    local file names=$1 of_files
    awk -F '\t' '
        FILENAME == ARGV[1] { wanted[$0]; next }
        $2 in wanted { print $3 "\t" $1 "\t" $2 }
    ' "$names" "$temporary/numbers" >"$temporary/these"
    awk '
        FILENAME == ARGV[1] { wanted[$0]; next }
        $0 in wanted { print "unviable\t" $0 }
    ' "$names" "$temporary/refused" >"$temporary/new"
    keep
    : >"$temporary/noticed"
    mapfile -t of_files < <(cut -f 1 "$temporary/these" | uniq)
    for file in "${of_files[@]}"; do
        programs_for "$file" >"$temporary/programs-now"
        awk -F '\t' -v file="$file" '$1 == file { print $2 }' "$temporary/these" >"$temporary/now"
        xargs -P "$lanes" -I '{}' "$cloth/verification/mutants/one.sh" '{}' "$temporary/programs-now" \
            <"$temporary/now" >"$temporary/results" &
        lanes_of_pass=($!)
        wait $! || fail "$file came to no end"
        lanes_of_pass=()
        awk -F '\t' '
            FILENAME == ARGV[1] { name[$1] = $2; next }
            { print $1 "\t" name[$2] }
        ' "$temporary/numbers" "$temporary/results" >"$temporary/new"
        cut -f 1,3 "$temporary/results" >>"$temporary/noticed"
        keep
        printf 'mutants: %s: %d, of which %d survive\n' "$file" "$(wc -l <"$temporary/new")" "$(grep -c '^missed' "$temporary/new")" >&2
    done
    printf 'mutants: noticed by:\n' >&2
    sort "$temporary/noticed" | uniq -c | sort -rn >&2
}
