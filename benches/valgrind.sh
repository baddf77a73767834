# Sourced by the benches that count instructions: installs valgrind where it is missing, or fails by their `fail`.
# shellcheck shell=bash
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
