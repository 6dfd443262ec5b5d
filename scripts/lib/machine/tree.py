"""The files in which Linux shows and takes settings, below "/" or below a folder that looks like it."""

import errno
import os
from pathlib import Path

NO_RIGHTS = (errno.EACCES, errno.EPERM, errno.EROFS)


class NoRights(Exception):
    """A setting that the caller may not change; the message is its path."""


class Tree:
    def __init__(self, root="/"):
        self.root = Path(root)
        self.is_real = self.root == Path("/")
        self.is_root_user = os.geteuid() == 0

    def path(self, name):
        return self.root / str(name).lstrip("/")

    def read(self, name, default=None):
        """The text without blanks around it. Many files of sysfs exist and refuse to be read, as `speed` of a port
        that is down does: to us that is the same as a file that is not there."""
        try:
            return self.path(name).read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            return default

    def lines(self, name):
        return (self.read(name) or "").splitlines()

    def number(self, name, default=None):
        try:
            return int(self.read(name, ""))
        except ValueError:
            return default

    def exists(self, name):
        return self.path(name).exists()

    def names(self, folder):
        """What lies in a folder, sorted; nothing when there is none."""
        try:
            return sorted(os.listdir(self.path(folder)))
        except OSError:
            return []

    def target(self, name):
        try:
            return os.readlink(self.path(name))
        except OSError:
            return None

    def link(self, name):
        """The last part of what a link points at: how sysfs names a device's driver or group."""
        target = self.target(name)
        return target and os.path.basename(target)

    def write(self, name, text):
        """One write to a file that exists, as the kernel's settings do; what the shell's > does."""
        try:
            descriptor = os.open(self.path(name), os.O_WRONLY | os.O_TRUNC)
            try:
                os.write(descriptor, text.encode())
            finally:
                os.close(descriptor)
        except OSError as error:
            if error.errno in NO_RIGHTS:
                raise NoRights(f"/{str(name).lstrip('/')}") from error
            raise
