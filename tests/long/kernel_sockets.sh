#!/usr/bin/env bash
# The kernel's sockets at full size, on each of their drivers: sockperf for 10 s at 10,000 messages a second, 1 GiB
# through socat and back, 10,000 idle connections beside 50 busy ones, and 20,050 connections.
#
#   tests/long/kernel_sockets.sh FOLDER_OF_THE_PROGRAMS
set -euo pipefail

folder=$(cd "$(dirname "${BASH_SOURCE[0]}")/../integration" && pwd)
export SKERRY_LONG=1
for name in sockperf socat_bulk idle_connections; do
    echo "== $name"
    python3 "$folder/$name.py" "$1" || [ $? -eq 77 ]
done
echo "== many_connections"
python3 "$(dirname "${BASH_SOURCE[0]}")/many_connections.py" "$1" || [ $? -eq 77 ]
