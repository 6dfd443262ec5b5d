#!/usr/bin/env python3
"""scripts/hugepages.sh on machines with one and two NUMA nodes."""

import subprocess
import unittest

from fake_machine import ROOT, FakeMachine, call

import hugepages

ALL = "/sys/kernel/mm/hugepages/hugepages-2048kB"


def folder(node):
    return f"/sys/devices/system/node/node{node}/hugepages/hugepages-2048kB"


class Machine(FakeMachine):
    """Pools that grow up to `most` pages a node."""

    def __init__(self, case, nodes=1, most=1000):
        super().__init__(case)
        self.nodes, self.most = range(nodes), most
        self.reactions = [(r".*/node(\d)/.*/nr_hugepages", lambda match, text: self.set_node(int(match[1]), int(text))),
                          (ALL + "/nr_hugepages", lambda match, text: self.set_all(int(text)))]
        self.put("/proc/meminfo", "MemFree: 8388608 kB\nMemAvailable: 10240000 kB\nHugepagesize: 2048 kB\n")
        for node in self.nodes:
            self.put(f"/sys/devices/system/node/node{node}/meminfo", f"Node {node} MemFree: 20480 kB\n")
            self.put(f"{folder(node)}/nr_hugepages", "0")
        for node in self.nodes:
            self.set_node(node, 0)

    def set_node(self, node, pages):
        for name in ("nr_hugepages", "free_hugepages"):
            self.put(f"{folder(node)}/{name}", str(min(pages, self.most)))
            self.put(f"{ALL}/{name}", str(sum(self.totals())))

    def set_all(self, pages):
        for node in self.nodes:
            self.set_node(node, pages // len(self.nodes))

    def totals(self):
        return [self.number(f"{folder(node)}/nr_hugepages") for node in self.nodes]


class Hugepages(unittest.TestCase):
    def run_on(self, machine, *arguments):
        return call(hugepages.main, machine, *arguments)

    def refused(self, machine, *arguments, code=1):
        got, out, err = self.run_on(machine, *arguments)
        self.assertEqual((got, out), (code, ""))
        self.assertEqual(err.count("\n"), 1, err)
        return err

    def test_status_shows_each_node_and_the_mount(self):
        machine = Machine(self, nodes=2)
        machine.set_node(1, 7)
        machine.put(f"{folder(1)}/free_hugepages", "5")
        machine.put("/proc/mounts", "hugetlbfs /dev/hugepages hugetlbfs rw,pagesize=2M 0 0\n"
                                    "none /huge hugetlbfs rw,pagesize=1024M 0 0\n")
        code, out, _ = self.run_on(machine, "status")
        self.assertEqual(code, 0)
        self.assertEqual([line.split() for line in out.splitlines()[1:]],
                         [["2M", "0", "0", "0", "/dev/hugepages"], ["2M", "1", "7", "5", "/dev/hugepages"]])

    def test_status_changes_nothing(self):
        machine = Machine(self)
        self.run_on(machine, "status")
        self.assertEqual(machine.written, [])
        self.assertFalse(machine.exists("/var/lib/skerry"))

    def test_a_kernel_without_numa_has_one_pool(self):
        machine = FakeMachine(self)
        machine.put(f"{ALL}/nr_hugepages", "3")
        self.assertEqual(self.run_on(machine, "status")[1].split()[6:], ["2M", "-", "3", "0", "nowhere"])

    def test_a_kernel_without_hugepages_says_so(self):
        self.assertIn("no hugepages", self.run_on(FakeMachine(self), "status")[1])

    def test_reserve_without_a_node_asks_the_kernel_once(self):
        machine = Machine(self, nodes=2)
        self.assertEqual(self.run_on(machine, "reserve", "8")[0], 0)
        self.assertEqual(machine.written, [(f"{ALL}/nr_hugepages", "8")])

    def test_reserve_on_a_node_leaves_the_other_alone(self):
        machine = Machine(self, nodes=2)
        self.assertEqual(self.run_on(machine, "reserve", "8", "--node=1")[0], 0)
        self.assertEqual(machine.totals(), [0, 8])

    def test_reserve_never_makes_a_pool_smaller(self):
        machine = Machine(self)
        machine.set_node(0, 20)
        code, out, _ = self.run_on(machine, "reserve", "8")
        self.assertEqual((code, machine.written), (0, []))
        self.assertIn("20 pages are there already", out)

    def test_a_shortage_tells_what_was_got_and_the_boot_parameter(self):
        err = self.refused(Machine(self, most=5), "reserve", "8", "--node=0")
        self.assertIn("got 5 of 8 pages: 20 MiB are free, but in pieces", err)
        self.assertIn("hugepagesz=2M hugepages=0:8", err)

    def test_a_shortage_of_memory_is_told_from_fragmentation(self):
        self.assertIn("only 20 MiB are free and 190 MiB are missing",
                      self.refused(Machine(self, most=5), "reserve", "100", "--node=0"))

    def test_refuses_to_take_what_the_machine_lives_on(self):
        machine = Machine(self, most=9999)
        self.assertIn("4501 more pages are 9002 MiB, 10000 MiB are available", self.refused(machine, "reserve", "4501"))
        self.assertEqual(machine.written, [])
        self.assertEqual(self.run_on(machine, "reserve", "4500")[0], 0)

    def test_after_a_shortage_release_gives_back(self):
        machine = Machine(self, most=5)
        self.run_on(machine, "reserve", "8")
        self.run_on(machine, "release")
        self.assertEqual(machine.totals(), [0])

    def test_release_restores_what_was_before_the_first_reserve(self):
        machine = Machine(self, nodes=2)
        machine.set_node(0, 3)
        self.run_on(machine, "reserve", "8", "--node=0")
        self.run_on(machine, "reserve", "30")
        self.assertEqual(self.run_on(machine, "release")[0], 0)
        self.assertEqual(machine.totals(), [3, 0])

    def test_release_leaves_alone_what_reserve_did_not_touch(self):
        machine = Machine(self, nodes=2)
        self.run_on(machine, "reserve", "8", "--node=0")
        machine.set_node(1, 4)  # somebody else's
        self.run_on(machine, "release")
        self.assertEqual(machine.totals(), [0, 4])

    def test_release_says_how_many_pages_are_still_in_use(self):
        machine = Machine(self)
        self.run_on(machine, "reserve", "8")
        machine.reactions = [(".*", lambda *_: machine.set_node(0, 2))]
        self.assertIn("8 -> 0 pages; 2 are still in use", self.run_on(machine, "release")[1])

    def test_release_after_a_reboot_changes_nothing(self):
        machine = Machine(self)
        self.run_on(machine, "reserve", "8")
        machine.reboot()
        machine.set_node(0, 4)  # by a boot parameter
        machine.written.clear()
        code, out, _ = self.run_on(machine, "release")
        self.assertEqual((code, machine.written), (0, []))
        self.assertIn("before a reboot", out)
        self.assertIn("nothing was reserved", self.run_on(machine, "release")[1])

    def test_a_reserve_after_a_reboot_remembers_anew(self):
        machine = Machine(self)
        self.run_on(machine, "reserve", "8")
        machine.reboot()
        machine.set_node(0, 4)
        self.run_on(machine, "reserve", "8")
        self.run_on(machine, "release")
        self.assertEqual(machine.totals(), [4])

    def test_a_damaged_journal_is_taken_for_an_empty_one(self):
        for damage in ("{", "[]", "null", '{"2M": 4}'):
            machine = Machine(self)
            machine.put("/var/lib/skerry/hugepages.json", damage)
            self.assertEqual(self.run_on(machine, "release")[0], 0, damage)

    def test_without_rights_it_says_what_to_run(self):
        machine = Machine(self)
        machine.may_write = machine.is_root_user = False
        self.assertIn(f"no rights to write {ALL}/nr_hugepages; run: sudo scripts/hugepages.sh reserve 8 --size=2M",
                      self.refused(machine, "reserve", "8", "--size=2M"))

    def test_root_in_a_container_is_sent_to_the_host(self):
        machine = Machine(self)
        machine.may_write, machine.is_root_user = False, True
        self.assertIn("run on the host: scripts/hugepages.sh reserve 8", self.refused(machine, "reserve", "8"))

    def test_a_node_that_is_not_there(self):
        self.assertIn("no NUMA node 2; the nodes here: 0, 1",
                      self.refused(Machine(self, nodes=2), "reserve", "8", "--node=2"))

    def test_a_size_that_the_kernel_lacks(self):
        self.assertIn("no pages of 1G; it has 2M", self.refused(Machine(self), "reserve", "8", "--size=1G"))

    def test_a_wrong_command_says_what_is_accepted(self):
        for wrong in (["reserve"], ["reserve", "0"], ["reserve", "8", "--size=3M"], ["reserve", "8", "--nod=1"],
                      ["status", "--all"], ["give"], []):
            with self.subTest(wrong):
                self.assertIn("accepted: hugepages.sh status | reserve N [--size=2M|1G] [--node=K] | release",
                              self.refused(Machine(self), *wrong, code=2))

    def test_the_script_runs_on_this_machine(self):
        done = subprocess.run([ROOT / "scripts/hugepages.sh", "status"], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))


if __name__ == "__main__":
    unittest.main()
