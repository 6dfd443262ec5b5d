"""Groups of the kernel's that bound what a process may have of the CPUs, as a container runtime makes them: in the
version 2 hierarchy where it has the controllers, else in version 1's.
"""

import os
import time

TOP = "/sys/fs/cgroup"
PERIOD_US = 100_000


class CpuGroups:
    """A share of the CPUs' time, and the CPUs, for the processes that join; None leaves either as it is. Raises OSError
    where no group can be made. Empty it before it is dropped.
    """

    def __init__(self, name, quota=None, cpus=None):
        self.folders = []
        self.is_v2 = os.path.exists(f"{TOP}/cgroup.controllers")
        controllers = ["cpu"] * (quota is not None) + ["cpuset"] * (cpus is not None)
        try:
            if self.is_v2:
                self._make_v2(name, controllers)
            else:
                for controller in controllers:
                    self._make(f"{TOP}/{controller}/{name}")
            if quota is not None:
                self._limit_time(int(quota * PERIOD_US))
            if cpus is not None:
                self._limit_cpus(cpus)
        except OSError:
            self.remove()
            raise

    def _make(self, folder):
        os.mkdir(folder)
        self.folders.append(folder)

    def _make_v2(self, name, controllers):
        write(f"{TOP}/cgroup.subtree_control", " ".join("+" + controller for controller in controllers))
        self._make(f"{TOP}/{name}")

    def _limit_time(self, quota_us):
        folder = self.folders[0]
        if self.is_v2:
            write(f"{folder}/cpu.max", f"{quota_us} {PERIOD_US}")
        else:
            write(f"{folder}/cpu.cfs_period_us", PERIOD_US)
            write(f"{folder}/cpu.cfs_quota_us", quota_us)

    def _limit_cpus(self, cpus):
        folder = self.folders[-1]
        if not self.is_v2:
            with open(f"{TOP}/cpuset/cpuset.mems") as mems:
                write(f"{folder}/cpuset.mems", mems.read().strip())
        write(f"{folder}/cpuset.cpus", ",".join(map(str, cpus)))

    def join(self):
        """In a child, before it runs the program."""
        for folder in self.folders:
            write(f"{folder}/cgroup.procs", os.getpid())

    def remove(self):
        for folder in self.folders:
            for _ in range(500):  # a process that has ended leaves its group a little later
                try:
                    os.rmdir(folder)
                    break
                except OSError:
                    time.sleep(0.01)
        self.folders = []


def write(path, text):
    with open(path, "w") as file:
        file.write(str(text))
