"""The capabilities of this process."""

from machine import cpus

BITS = {"CAP_NET_ADMIN": 12, "CAP_NET_RAW": 13, "CAP_IPC_LOCK": 14, "CAP_SYS_NICE": 23}


def has(tree, name):
    return bool(int(cpus.own_status(tree, "CapEff") or "0", 16) >> BITS[name] & 1)
