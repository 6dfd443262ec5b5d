"""A machine made of files, for the tests of the scripts that prepare one: a folder with proc/ and sys/ in it, and of
the kernel's behaviour as much as the scripts wait for after a write."""

import contextlib
import io
import os
import re
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts/lib"))
sys.dont_write_bytecode = True

from machine.tree import NoRights, Tree

# A disk takes a millisecond to remove a folder, and a machine has fifty.
IN_MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
BOOT_ID = "/proc/sys/kernel/random/boot_id"


class FakeMachine(Tree):
    def __init__(self, case):
        folder = tempfile.TemporaryDirectory(dir=IN_MEMORY)
        case.addCleanup(folder.cleanup)
        super().__init__(folder.name)
        self.written = []  # (name, text), in order
        self.may_write = True
        self.reactions = []  # (pattern of a name, function of the match and the text)
        self.put(BOOT_ID, "first")

    def put(self, name, text=""):
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def link_to(self, name, target):
        """A link as sysfs has them; what it points at need not exist."""
        self.unlink(name)
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)

    def unlink(self, name):
        self.path(name).unlink(missing_ok=True)

    def reboot(self):
        self.put(BOOT_ID, "second")

    def write(self, name, text):
        if not self.may_write:
            raise NoRights(name)
        super().write(name, text)
        self.written.append((name, text.strip()))
        for pattern, react in self.reactions:
            if match := re.fullmatch(pattern, name):
                react(match, text.strip())


def call(main, machine, *arguments):
    """Exit code, standard output and standard error of a command."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main(list(arguments), machine)
        except SystemExit as end:
            code = end.code
    return code, out.getvalue(), err.getvalue()
