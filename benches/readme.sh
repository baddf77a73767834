#!/usr/bin/env bash
# Runs the benches and puts what they print between the comments of benches/README.md: all of them, in about an hour, on
# a machine that has nothing else to do. With --from DIR it runs none, and takes what they printed from
# DIR/instructions.md, peers.md, scale.md, memory.md, blast.md and, where it is there, profile.md. Where a comment is missing or a
# bench printed no table, it says so, and the README stays as it was. The first table of it is written by hand.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

benches=(instructions peers scale profile memory blast)

fail() {
    printf 'readme: %s\n' "$*" >&2
    exit 1
}

temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT

case ${1-} in
    '') from= ;;
    --from)
        [ $# -eq 2 ] || fail 'what --from is told is a directory'
        from=$(cd "$OLDPWD" && cd "$2" && pwd) || fail "$2 is no directory"
        ;;
    *) fail "$1 is no flag of this: --from DIR" ;;
esac

# Writes README.md of here with what the file says between the comments of the bench.
put() {
    awk -v begin="<!-- benches/$1.sh -->" -v printed="$2" '
        $0 == begin && !inside {
            seen++
            inside = 1
            print
            print ""
            while ((getline line < printed) > 0) print line
            print ""
            next
        }
        $0 == "<!-- end -->" { inside = 0 }
        /^<!-- benches\// && inside { exit 1 }
        !inside
        END { exit seen != 1 || inside }
    ' "$3" || fail "README.md needs one <!-- benches/$1.sh -->, and an <!-- end --> behind it"
}

# Before minutes are spent on figures that have no place.
for bench in "${benches[@]}"; do
    put "$bench" /dev/null README.md >/dev/null
done

run() {
    case $1 in
        # It says by 1 that a budget is missed, and README.md says the rest.
        scale | blast) "./$1.sh" || [ $? -eq 1 ] ;;
        *) "./$1.sh" ;;
    esac
}

cp README.md "$temporary/README.md"
for bench in "${benches[@]}"; do
    if [ -n "$from" ] && [ "$bench" = profile ] && [ ! -e "$from/profile.md" ]; then
        printf 'readme: the profile stays as it was\n' >&2
        continue
    elif [ -n "$from" ]; then
        cp "$from/$bench.md" "$temporary/$bench" || fail "nothing that $bench.sh printed is in $from"
    else
        printf 'readme: %s.sh\n' "$bench" >&2
        run "$bench" >"$temporary/$bench" || fail "$bench.sh failed"
    fi
    # Without empty lines at both ends, and one for several.
    sed -e '/./,$!d' "$temporary/$bench" | cat -s | sed -e '${/^$/d}' >"$temporary/printed"
    grep -q '^|' "$temporary/printed" || fail "$bench.sh printed no table"
    # Its last part: what failed on the way says 1, too.
    [ "$bench" != scale ] || grep -q '^| gateway' "$temporary/printed" || fail 'scale.sh did not come to its end'
    put "$bench" "$temporary/printed" "$temporary/README.md" >"$temporary/put"
    mv "$temporary/put" "$temporary/README.md"
done
cat "$temporary/README.md" >README.md
