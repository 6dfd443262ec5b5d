#!/usr/bin/env bash
# Our own stack against the Linux kernel at full size, over a TAP device, DPDK's net_tap, net_af_packet and net_af_xdp:
# a flood of 10,000 pings, sockperf for 10 s by UDP and TCP, 1 GiB each way, 2,000 connections ten times, tshark's view.
# Then any three of what the two may be set to together, and lwIP's TCP as the peer.
#
#   tests/long/kernel_peer.sh FOLDER_OF_THE_PROGRAMS
set -euo pipefail

folder=$(cd "$(dirname "${BASH_SOURCE[0]}")/../integration" && pwd)
export SKERRY_LONG=1
for device in tap dpdk af_packet; do
    for what in udp tcp; do
        echo "== ${device}_$what"
        python3 "$folder/${device}_$what.py" "$1" || [ $? -eq 77 ]
    done
done
for name in dpdk_xdp_tcp xdp_udp interop_matrix lwip_tcp; do
    echo "== $name"
    python3 "$folder/$name.py" "$1" || [ $? -eq 77 ]
done
