#!/usr/bin/env python3
"""How many connections a second does a core of ours open, use once and close, beside the kernel's loopback?

usage: bench/connection_rate.py FOLDER_OF_THE_PROGRAMS [--rounds N] [--secs S] [--conns N] [--json FILE]

skerry-loadgen --per-conn=1 on one core against skerry-echo on another: a handshake, 64 bytes each way, and the client
closes first, so that its end waits in TIME-WAIT and its ports are used again. `dpdk` is our own stack on both ends,
over net_memif, with ports that are used again after a millisecond, since a second has more connections than there are
ports; `epoll` and `io_uring` the kernel's, on loopback. All ends poll. The rounds take turns; the figures are
medians, and the ratio is to epoll, round by round. Ends with 77 where it cannot run.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "integration", "tools"))
import rig  # noqa: E402

KINDS = ("dpdk", "epoll", "io_uring")


def ends(kind, folder):
    """What the server is told, what the client is told, where the server listens and the client connects."""
    if kind != "dpdk":
        return [f"--backend={kind}"], [f"--backend={kind}"], "127.0.0.1:0"

    def port(role, address):
        device = f"vdev=net_memif0,role={role},id=0,socket={folder}/link,socket-abstract=no"
        return ["--backend=dpdk", f"--ip={address}/24", "--tcp=time_wait_reuse=1ms",
                f"--dpdk={device};hugepages=off;memory=128;mbufs=4095"]
    return port("server", "198.18.0.1"), port("client", "198.18.0.2"), "198.18.0.1:7001"


def measure(bin_dir, kind, cores, conns, secs):
    with tempfile.TemporaryDirectory() as folder:
        server_end, client_end, listen = ends(kind, folder)
        with rig.Server(bin_dir, *server_end, f"--cores={cores[0]}", "--idle=spin", listen=listen) as server:
            report = rig.loadgen(bin_dir, *client_end, f"--cores={cores[-1]}", "--idle=spin", "--per-conn=1",
                                 f"--connect={server.host}:{server.port}", f"--conns={conns}", "--warmup=200ms",
                                 "--jitter=0s", f"--duration={round(1000 * secs)}ms", "--timeout=5s",
                                 patience=60 + 2 * secs)
    rig.check(report["errors"] == 0 and not report["ended_early"], f"{kind}: {report['invalid_reasons']}")
    return report["reconnects"] / report["measured_s"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--secs", type=float, default=1.0)
    parser.add_argument("--conns", type=int, default=8, help="at a time")
    parser.add_argument("--json", help="write the figures to this file")
    arguments = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        rig.skip("two CPUs are needed")
    bin_dir = os.path.abspath(arguments.folder)
    kinds = [kind for kind in KINDS if kind != "dpdk" or os.path.exists(os.path.join(bin_dir, "skerry-forward"))]
    rates = {kind: [] for kind in kinds}
    for _ in range(arguments.rounds):
        for kind in kinds:
            rates[kind].append(measure(bin_dir, kind, cores, arguments.conns, arguments.secs))
    rows = []
    print(f"{'backend':10}{'connections/s':>15}{'least':>10}{'most':>10}{'of epoll':>10}")
    for kind in kinds:
        of_epoll = statistics.median(ours / base for ours, base in zip(rates[kind], rates["epoll"]))
        row = {"backend": kind, "connections_per_s": round(statistics.median(rates[kind])), "of_epoll": of_epoll,
               "rounds": [round(rate) for rate in rates[kind]]}
        rows.append(row)
        print(f"{kind:10}{row['connections_per_s']:>15,}{min(row['rounds']):>10,}{max(row['rounds']):>10,}"
              f"{of_epoll:>10.2f}")
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump({"secs": arguments.secs, "conns": arguments.conns, "rows": rows}, file, indent=2)


if __name__ == "__main__":
    main()
