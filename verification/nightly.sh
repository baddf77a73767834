# Sourced by what needs a nightly toolchain: `needs_nightly component...` installs it and them where they are missing.

toolchain=${NIGHTLY:-nightly}
export CARGO_INCREMENTAL=0
export CARGO_TERM_COLOR=never

fail() {
    printf '%s: %s\n' "$(basename "$0" .sh)" "$*" >&2
    exit 1
}

say() {
    printf '%s: %s\n' "$(basename "$0" .sh)" "$*" >&2
}

needs_nightly() {
    command -v cargo >/dev/null || fail 'cargo is missing: install Rust first'
    if ! cargo "+$toolchain" --version >/dev/null 2>&1; then
        command -v rustup >/dev/null || fail "there is neither a toolchain $toolchain nor rustup to install one"
        say "installs the toolchain $toolchain"
        rustup toolchain install "$toolchain" --profile minimal >&2 ||
            fail "cannot install $toolchain: is there a network?"
    fi
    local missing=() component
    for component in "$@"; do
        rustup component list --installed --toolchain "$toolchain" | grep -q "^$component" || missing+=("$component")
    done
    if [ ${#missing[@]} -gt 0 ]; then
        say "installs ${missing[*]}"
        rustup component add --toolchain "$toolchain" "${missing[@]}" >&2 ||
            fail "cannot install ${missing[*]}: is there a network, and has this nightly got it?"
    fi
}

# What the flags say: whether the run is to be short.
short=
knows_short() {
    [ $# -le 1 ] || fail "one flag at most, not: $*"
    case ${1-} in
        '') ;;
        --short) short=yes ;;
        *) fail "there is no flag $1" ;;
    esac
}

# Runs the tests of a build: adds those that passed to `passed`, and returns whether all did, and there was one.
passed=0
tests() {
    local log ran
    log=$(mktemp)
    if ! "$@" >"$log" 2>&1; then
        grep -vE '^test .* ok$' "$log" | tail -n 80 >&2
        rm -f "$log"
        return 1
    fi
    ran=$(sed -n 's/^test result: ok\. \([0-9]*\) passed.*/\1/p' "$log" | awk '{ all += $1 } END { print all + 0 }')
    rm -f "$log"
    [ "$ran" -gt 0 ] || {
        say "no test ran: $*"
        return 1
    }
    passed=$((passed + ran))
}

# There are so many tests, or more; what ran none of them proves nothing.
expects() {
    [ "$passed" -ge "$1" ] || fail "$passed tests ran, of at least $1"
}
