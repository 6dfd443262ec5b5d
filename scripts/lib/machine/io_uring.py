"""Whether io_uring can be used: by trying, since a container's seccomp filter shows nowhere else."""

import ctypes
import errno
import os

SETUP = 425  # the same number on every architecture
PARAMS_BYTES = 120


def try_setup():
    """0, or the errno with which the kernel refuses a ring of one entry."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.syscall(SETUP, 1, ctypes.create_string_buffer(PARAMS_BYTES))
    if descriptor < 0:
        return ctypes.get_errno()
    os.close(descriptor)
    return 0


def refused_by(error, kernel, disabled):
    """Who refused, in words: the errors of a filter and of the kernel are the same."""
    if error == errno.EPERM and disabled:
        return f"the sysctl kernel.io_uring_disabled={disabled}"
    if error == errno.ENOSYS and kernel < (5, 1):
        return "a kernel older than 5.1"
    if error in (errno.EPERM, errno.ENOSYS, errno.EACCES):
        return "a seccomp filter or security module"
    return "the kernel"
