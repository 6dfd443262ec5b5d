#!/usr/bin/env bash
# An hour of connections and datagrams that come and go through our own stack, by IPv4 and IPv6, over a wire with loss:
# memory, pools and tables stay flat.
#
#   tests/long/stack_churn.sh FOLDER_OF_THE_PROGRAMS [SECONDS]
set -euo pipefail

SKERRY_CHURN_SECONDS="${2:-3600}" exec "$1/integration_stack_churn"
