"""The limits of this process, which the programs that its shell starts inherit."""

import re


def of(tree, name):
    """(soft, hard); None is no limit."""
    found = re.search(rf"(?m)^{name}\s+(\w+)\s+(\w+)", tree.read("/proc/self/limits", ""))
    return tuple(int(text) if text.isdecimal() else None for text in found.groups()) if found else (None, None)
