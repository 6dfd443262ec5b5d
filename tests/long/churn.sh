#!/usr/bin/env bash
# Connections that come and go for ten minutes, beside some that stay: what skerry-echo holds must stay flat.
#
#   tests/long/churn.sh FOLDER_OF_THE_PROGRAMS      SKERRY_CHURN_SECONDS=60 for a short try
set -euo pipefail

exec python3 "$(dirname "${BASH_SOURCE[0]}")/churn.py" "$@"
