#!/usr/bin/env bash
# Network cards for DPDK: lists them, gives one to a driver for programs, gives it back.
#
#   scripts/nic.sh list
#   scripts/nic.sh bind ADDRESS [--driver=vfio-pci]
#   scripts/nic.sh unbind ADDRESS
set -euo pipefail

# -B: no folder of byte code beside the sources.
exec python3 -B "$(dirname "${BASH_SOURCE[0]}")/lib/nic.py" "$@"
