#!/usr/bin/env bash
# Attacks and storms, each with the figure that it ended on; `--help` tells which there are.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

printf '%s, %s processors, %s\n\n' "$(date -u +%F)" "$(nproc)" "$(rustc --version)"
cargo run --quiet --locked --release --package storms -- "$@"
