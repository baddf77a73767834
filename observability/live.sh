#!/usr/bin/env bash
# The rules and the dashboard against a real Prometheus: each alert is made to fire, and to be resolved. Takes some three
# minutes beside the build. Flags are those of the example `observed`.
#
# Needs Rust and Debian's `prometheus`, which it installs where it is missing. Ends with 0 only if everything was seen.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

case ${1-} in
-h | --help)
    sed -n '/^set /q; s/^# \{0,1\}//p' observability/live.sh | tail -n +2
    exit 0
    ;;
esac

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

# Whether something is done as root: by root, or by sudo where that asks for no password.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo -n "$@"
    fi
}

# Installs Debian's package without leaving its service running: this run has a Prometheus of its own.
install_prometheus() {
    command -v apt-get >/dev/null || fail 'no prometheus and promtool here, and no apt-get to install them'
    as_root apt-get update -qq || fail 'apt-get update failed'
    as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
        apt-get install -y -qq --no-install-recommends prometheus >/dev/null ||
        fail 'Debian'\''s package prometheus could not be installed'
    if [ -d /run/systemd/system ]; then
        as_root systemctl disable --now prometheus.service
    fi
}

for tool in prometheus promtool; do
    command -v "$tool" >/dev/null || install_prometheus
    command -v "$tool" >/dev/null || fail "Debian's package prometheus has no $tool"
done
prometheus --version 2>&1 | head -n 1

promtool check rules observability/rules.yml
promtool test rules observability/rules_test.yml
cargo build --locked --release --package observed

scratch=$(mktemp -d)
driver=
# Whatever happened, nothing of it is left: the driver and what it started are one group of processes.
clean_up() {
    local code=$?
    trap - EXIT
    [ -z "$driver" ] || kill -KILL -- "-$driver" 2>/dev/null || true
    if [ "$code" -ne 0 ]; then
        for log in gateway prometheus; do
            [ ! -s "$scratch/$log.log" ] || { echo "== the end of $log.log" && tail -n 20 "$scratch/$log.log"; } >&2
        done
    fi
    rm -rf "$scratch"
    exit "$code"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

target=${CARGO_TARGET_DIR:-target}
set -m
"$target/release/live" observability "$scratch" "$@" &
driver=$!
set +m
wait "$driver"
