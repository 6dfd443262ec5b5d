#!/usr/bin/env python3
"""The image's recipe: both builders take their packages from one list, and the seccomp profile refuses what it should.

That the packages are enough is shown by integration.container, which runs the programs on them.
"""

import json
import re
import subprocess
import unittest
from pathlib import Path

TREE = Path(__file__).resolve().parent.parent.parent
CONTAINER = TREE / "scripts/container"
LIST = re.compile(r"packages_\w+\[@?\*?\]")


def packages(name):
    done = subprocess.run(["bash", "-c", f'. scripts/lib/packages.sh; printf "%s\\n" "${{{name}[@]}}"'], cwd=TREE,
                          capture_output=True, text=True, check=True)
    return done.stdout.split()


def without_comments(path):
    return "\n".join(line for line in path.read_text().splitlines() if not line.lstrip().startswith("#"))


class Recipe(unittest.TestCase):
    dockerfile = without_comments(CONTAINER / "Dockerfile")
    rootfs = without_comments(CONTAINER / "rootfs")

    def test_both_builders_install_the_list_of_the_image(self):
        last_stage = self.dockerfile.split("FROM ")[-1]
        self.assertEqual(set(LIST.findall(last_stage)), {"packages_image[@]"})
        self.assertEqual(set(LIST.findall(self.rootfs)), {"packages_image[*]"})

    def test_neither_builder_names_a_package_itself(self):
        groups = ("image", "build", "apps", "kernel_io", "dpdk")
        every = {name for group in groups for name in packages(f"packages_{group}")}
        self.assertGreater(len(every), 15)
        words = set(re.findall(r"[\w.+-]+", self.dockerfile + self.rootfs))
        self.assertEqual(words & every - {"cmake", "git"}, set())

    def test_both_builders_are_of_one_debian(self):
        self.assertEqual(set(re.findall(r"FROM debian:(\w+)", self.dockerfile)), {"bookworm"})
        self.assertIn(" bookworm ", self.rootfs)

    def test_both_builders_put_in_the_same_programs(self):
        copied = re.search(r"COPY --from=build (.*) /usr/local/bin/", self.dockerfile)[1].split()
        installed = re.search(r"programs_image=\((.*)\)", self.rootfs)[1].split()
        self.assertEqual([Path(path).name for path in copied], installed)

    def test_the_image_has_a_user_that_is_not_root(self):
        self.assertRegex(self.dockerfile.split("FROM ")[-1], r"\nUSER 65532:65532\n")

    def test_the_build_tree_stays_out_of_the_image(self):
        self.assertIn("build", (CONTAINER / "Dockerfile.dockerignore").read_text().split())


class Profile(unittest.TestCase):
    profile = json.loads((CONTAINER / "seccomp.json").read_text())

    def refused(self):
        return {name for entry in self.profile["syscalls"] if "args" not in entry for name in entry["names"]}

    def test_what_is_refused_has_an_error_number(self):
        self.assertEqual(self.profile["defaultAction"], "SCMP_ACT_ALLOW")
        for entry in self.profile["syscalls"]:
            self.assertEqual(entry["action"], "SCMP_ACT_ERRNO")
            self.assertIn(entry["errnoRet"], (1, 38))

    def test_io_uring_is_refused_whole(self):
        self.assertLessEqual({"io_uring_setup", "io_uring_enter", "io_uring_register"}, self.refused())

    def test_what_lets_out_of_a_container_is_refused(self):
        self.assertLessEqual({"mount", "pivot_root", "setns", "unshare", "bpf", "ptrace", "keyctl"}, self.refused())
        bits = {entry["args"][0]["value"] for entry in self.profile["syscalls"] if "args" in entry}
        self.assertEqual(bits, {1 << bit for bit in (17, 25, 26, 27, 28, 29, 30)})

    def test_what_every_program_does_is_not_refused(self):
        self.assertEqual({"read", "mmap", "clone", "futex", "socket", "epoll_pwait2", "sched_setaffinity", "execve"} &
                         self.refused(), set())


if __name__ == "__main__":
    unittest.main()
