#!/usr/bin/env bash
# Prints how many instructions a closed and a rejected call cost, and how many bytes an idle tenant costs. Installs what
# it needs (valgrind by apt-get, the runner of the benches by cargo, below the target directory), or fails.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() {
    printf 'instructions: %s\n' "$*" >&2
    exit 1
}

command -v cargo >/dev/null || fail 'cargo is missing: install Rust first'

if ! command -v valgrind >/dev/null; then
    command -v apt-get >/dev/null || fail 'valgrind is missing and so is apt-get: install valgrind by hand'
    root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || fail 'valgrind is missing: install it as root, by: apt-get install valgrind'
        root=(sudo -n)
    fi
    {
        "${root[@]}" apt-get update
        "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --yes valgrind libc6-dbg
    } >&2 || fail 'apt-get could not install valgrind'
fi
valgrind --tool=callgrind --callgrind-out-file=/dev/null true >/dev/null 2>&1 ||
    fail 'valgrind is there, but callgrind does not run'

# The runner must be of the very version of the library, which the lock file pins.
version=$(awk '$0 == "name = \"gungraun-runner\"" { getline; gsub(/[^0-9.]/, ""); print }' Cargo.lock)
[ -n "$version" ] || fail 'Cargo.lock names no gungraun-runner'
tools=$PWD/target/tools
export GUNGRAUN_RUNNER=$tools/bin/gungraun-runner
if ! [ -x "$GUNGRAUN_RUNNER" ] || ! grep -q "gungraun-runner $version " "$tools/.crates.toml"; then
    cargo install gungraun-runner --version "=$version" --locked --root "$tools" >&2 ||
        fail "cargo could not install gungraun-runner $version"
fi

count() {
    GUNGRAUN_COLOR=never cargo bench --quiet --locked --package instructions --bench calls "$@"
}

# Of "NAME ROWS ARGUMENTS.. ": what the counts are called, and what cargo is told.
add() {
    local name=$1 some
    shift
    some=$(count "$@") || {
        printf '%s\n' "$some" >&2
        fail "a count failed: ${name:-without features}"
    }
    counts+=$(printf '\nwatched: %s\n%s' "$name" "$some")
}

counts=''
add ''
# Another build, with all features that can watch the circuits: while nobody does, and while each of them does.
add 'features on' --features watched -- '*ed_*'
WATCHED_BY=otel add 'otel' --features watched -- '*ed_*'
WATCHED_BY=metrics add 'metrics' --features watched -- '*ed_*'

# "calls::calls::NAME of_0:(SETUP(TENANTS, WARM, CALLS))", then the figures of that run. Runs come in pairs that differ
# in CALLS alone; the difference of their instructions over the difference of their calls is one warm call.
printf '%s\n' "$counts" | awk '
    $1 == "watched:" {
        watched = $0
        sub(/^watched: ?/, "", watched)
        if (watched != "") watched = ", " watched
        next
    }
    /^calls::/ {
        name = $1
        sub(/.*::/, "", name)
        gsub(/_/, " ", name)
        name = name watched
        args = $0
        sub(/.*\(/, "", args)
        split(args, arg, /[^0-9]+/)
        next
    }
    $1 == "Instructions:" {
        split($2, now, "|")
        load = name SUBSEP arg[1] SUBSEP arg[2]
        if (!(load in calls)) {
            calls[load] = arg[3]
            instructions[load] = now[1]
            next
        }
        if (!(name in row)) {
            row[name] = sprintf("%-42s", name)
            names[++rows] = name
        }
        row[name] = row[name] sprintf("%10.0f", (now[1] - instructions[load]) / (arg[3] - calls[load]))
        pairs++
    }
    END {
        if (rows == 0 || pairs != 3 * rows) {
            print "instructions: the counts could not be read" > "/dev/stderr"
            exit 1
        }
        printf "%-42s%10s%10s%10s\n", "instructions per call", "1 quiet", "1 busy", "1000"
        for (i = 1; i <= rows; i++) print row[names[i]]
    }
'

printf '\n'
cargo run --quiet --release --locked --package instructions --bin idle_bytes
