"""What this process may do: descriptors and capabilities."""

from machine import own
from machine.condition import BAD, OK, WARN, Condition, unless

FEW_FILES, MANY_FILES = 256, 65536
WHY = {
    "CAP_NET_RAW": "raw sockets: --backend=xdp:IF, DPDK's net_af_packet, net_af_xdp",
    "CAP_NET_ADMIN": "network devices: TAP, AF_XDP, promiscuous mode",
    "CAP_BPF": "the program of --backend=xdp:IF, with CAP_NET_ADMIN and CAP_NET_RAW",
    "CAP_SYS_NICE": "real-time priority, and memory placed for another process",
    "CAP_IPC_LOCK": "locked memory beyond the limit",
}


def conditions(machine):
    yield open_files(machine.tree)
    for name, why in WHY.items():
        held = own.has(machine.tree, name)
        yield Condition(name.lower(), "held" if held else "not held", why,
                        f"sudo setcap {name.lower()}+ep PROGRAM; for a container --cap-add={name.removeprefix('CAP_')}",
                        dpdk=unless(held or name == "CAP_BPF", WARN))


def open_files(tree):
    soft, hard = own.limit(tree, "Max open files")
    verdict = OK if soft is None or soft >= MANY_FILES else WARN if soft >= FEW_FILES else BAD
    shown = ["unlimited" if limit is None else limit for limit in (soft, hard)]
    most = MANY_FILES if hard is None else min(hard, MANY_FILES)
    now = f"ulimit -n {most}; more" if soft is not None and soft < most else "more"
    # On DPDK a connection is no descriptor.
    return Condition("open_files", f"{shown[0]}, at most {shown[1]}", "each connection of the kernel takes one",
                     f"{now}: /etc/security/limits.conf, LimitNOFILE= of the service, --ulimit of the container",
                     fallback=verdict, dpdk=unless(verdict != BAD, WARN))
