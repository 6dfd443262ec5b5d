#!/usr/bin/env bash
# Ten thousand seeds of hosts with our own stack on the simulator's wire: connections under two impairments or more, and
# sessions that are broken off anyhow. Minutes of a free core each.
#
#   tests/long/seeds.sh FOLDER_OF_THE_PROGRAMS      SKERRY_SEEDS=1000 for a short try
set -euo pipefail

export SKERRY_SEEDS="${SKERRY_SEEDS:-10000}"
for name in integration_stack_seeds integration_stack_storm; do
    "$1/$name"
done
