#!/usr/bin/env bash
# Hugepages for DPDK's packet memory: shows them, reserves some, gives them back.
#
#   scripts/hugepages.sh status
#   scripts/hugepages.sh reserve N [--size=2M|1G] [--node=K]
#   scripts/hugepages.sh release
set -euo pipefail

# -B: no folder of byte code beside the sources.
exec python3 -B "$(dirname "${BASH_SOURCE[0]}")/lib/hugepages.py" "$@"
