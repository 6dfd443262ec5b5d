"""What this process may do and use. The programs that its shell starts inherit it."""

import re

# Their bits.
CAPABILITIES = {"CAP_NET_ADMIN": 12, "CAP_NET_RAW": 13, "CAP_IPC_LOCK": 14, "CAP_SYS_NICE": 23, "CAP_BPF": 39}


def status(tree, field):
    found = re.search(rf"(?m)^{field}:\s*(.*)$", tree.read("/proc/self/status", ""))
    return found[1].strip() if found else ""


def limit(tree, name):
    """(soft, hard); None is no limit."""
    found = re.search(rf"(?m)^{name}\s+(\w+)\s+(\w+)", tree.read("/proc/self/limits", ""))
    return tuple(int(text) if text.isdecimal() else None for text in found.groups()) if found else (None, None)


def has(tree, capability):
    return bool(int(status(tree, "CapEff") or "0", 16) >> CAPABILITIES[capability] & 1)
