#!/usr/bin/env bash
# The live page in a real Chromium. Installs what it needs with apt-get, or says what is missing and fails; the flags
# are those of observability/browser (--help).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

missing=()
command -v chromium >/dev/null || missing+=(chromium)
command -v chromedriver >/dev/null || missing+=(chromium-driver)
if [ ${#missing[@]} -gt 0 ]; then
    by_hand="missing: ${missing[*]} (Debian's packages). Install them, or run this as root where apt-get is"
    command -v apt-get >/dev/null || fail "$by_hand"
    [ "$(id -u)" -eq 0 ] || fail "$by_hand"
    printf 'installs %s\n' "${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq >&2 || fail "$by_hand: apt-get update failed"
    apt-get install -y -qq --no-install-recommends fonts-dejavu-core "${missing[@]}" >&2 || fail "$by_hand: apt-get install failed"
fi
chromium=$(command -v chromium) || fail 'chromium is still missing'
driver=$(command -v chromedriver) || fail 'chromedriver is still missing'

cargo build --locked --quiet --package browser

scratch=$(mktemp -d)
driver_pid=
scenes=
# Whatever happened, nothing of it is left: each of the two and what it started are one group of processes.
finish() {
    local code=$?
    trap - EXIT
    for group in $scenes $driver_pid; do
        kill -KILL -- "-$group" 2>/dev/null || true
        wait "$group" 2>/dev/null || true
    done
    # A browser that is being killed may still write.
    for _ in $(seq 20); do
        ! rm -rf "$scratch" 2>/dev/null || break
        sleep 0.1
    done
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Port 0 is a free one; it says which. The profile of the browser goes where the rest goes.
: >"$scratch/driver.log"
set -m
TMPDIR=$scratch "$driver" --port=0 >"$scratch/driver.log" 2>&1 &
driver_pid=$!
set +m
port=
for _ in $(seq 100); do
    port=$(sed -n 's/.*started successfully on port \([0-9]*\).*/\1/p' "$scratch/driver.log")
    [ -z "$port" ] || break
    kill -0 "$driver_pid" 2>/dev/null || fail "chromedriver ended: $(cat "$scratch/driver.log")"
    sleep 0.1
done
[ -n "$port" ] || fail "chromedriver did not say its port: $(cat "$scratch/driver.log")"

# In the background, so that a signal is heeded while it runs.
set -m
TMPDIR=$scratch "${CARGO_TARGET_DIR:-target}/debug/browser" --driver "http://127.0.0.1:$port" --chromium "$chromium" "$@" &
scenes=$!
set +m
wait "$scenes"
