#!/usr/bin/env python3
"""scripts/nic.sh on machines with network cards: what it shows, what it refuses, and that it puts back what it took."""

import struct
import subprocess
import unittest

from fake_machine import ROOT, call
from fake_nics import DEVICES, MachineWithNics

import nic

MAPPED = "%08X%08X%08X" % struct.unpack("=III", bytes([0] * 10 + [255] * 2))  # ::ffff:, before an IPv4 address
PORT, OTHER = "0000:01:00.0", "0000:01:00.1"
NO_IOMMU_MODE = "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode"


class NicTest(unittest.TestCase):
    def setUp(self):
        self.machine = MachineWithNics(self)
        self.machine.add_driver("vfio-pci")
        self.machine.add_nic(PORT, interface="eth1", group="12", node=1)

    def run_it(self, *arguments):
        return call(nic.main, self.machine, *arguments)

    def done(self, *arguments):
        code, out, err = self.run_it(*arguments)
        self.assertEqual((code, err), (0, ""))
        return out

    def refused(self, *arguments, code=1):
        """Says why in one line and leaves the port with the driver and the override it had."""
        before = self.machine.driver_of(PORT), self.machine.override_of(PORT)
        got, out, err = self.run_it(*arguments)
        self.assertEqual((got, out), (code, ""))
        self.assertEqual(err.count("\n"), 1, err)
        self.assertEqual((self.machine.driver_of(PORT), self.machine.override_of(PORT) or "(null)"), before)
        return err


    def driver_refuses(self, driver):
        def react(_, address):
            if self.machine.driver_of(address) == driver:
                self.machine.unlink(f"{DEVICES}/{address}/driver")
        self.machine.reactions.append((r"/sys/bus/pci/drivers_probe", react))

    def use_special_driver(self):
        """One that an override chose, and not the device's id."""
        self.machine.add_driver("special")
        self.machine.put(f"{DEVICES}/{PORT}/driver_override", "special")
        self.machine.drive(PORT, "special")


class List(NicTest):
    def row(self):
        return self.done("list").splitlines()[1].split(None, 6)

    def test_shows_driver_interface_node_group_and_link(self):
        self.machine.put("/sys/class/net/eth1/speed", "10000")
        self.assertEqual(self.row()[:6], [PORT, "8086:10fb", "ixgbe", "eth1", "1", "12"])
        self.assertIn("up, 10000 Mb/s", self.row()[6])

    def test_a_port_that_is_down(self):
        self.machine.put("/sys/class/net/eth1/carrier", "0")
        self.assertEqual(self.row()[6].split(), ["down", "-"])

    def test_what_is_unknown_is_a_dash(self):
        self.machine = MachineWithNics(self)
        self.machine.add_nic(PORT, driver=None)
        self.assertEqual(self.done("list").splitlines()[1].split(), [PORT, "8086:10fb", *"------"])

    def test_shows_routes_sessions_and_addresses_in_this_order(self):
        self.machine.default_route("eth1")
        self.machine.own_address("eth1", "198.18.0.2")
        self.machine.session("198.18.0.2", 22, "198.18.0.9")
        self.assertIn("default route IPv4; SSH session from 198.18.0.9; address 198.18.0.2", self.done("list"))

    def test_shows_ipv6_addresses_but_for_link_local_ones(self):
        self.machine.put("/proc/net/if_inet6", "fd000000000000000000000000000002 04 40 00 82 eth1\n"
                                               "fe8000000000000000fc00fffe000001 04 40 20 80 eth1\n")
        self.assertIn("up    address fd00::2\n", self.done("list"))

    def test_finds_the_interface_of_a_virtio_device(self):
        self.machine.add_nic(OTHER, driver="virtio-pci")
        self.machine.put(f"{DEVICES}/{OTHER}/virtio3/net/eth2/address")
        self.assertIn("virtio-pci  eth2", self.done("list"))

    def test_leaves_out_what_is_no_network_device(self):
        self.machine.put(f"{DEVICES}/{PORT}/class", "0x010802")
        self.assertEqual(self.done("list"), "no PCI network device here\n")


class Bind(NicTest):
    def test_gives_the_port_to_the_driver_and_to_it_alone(self):
        out = self.done("bind", PORT)
        self.assertIn(f"{PORT}: ixgbe -> vfio-pci; scripts/nic.sh unbind {PORT} undoes it", out)
        self.assertEqual((self.machine.driver_of(PORT), self.machine.override_of(PORT)), ("vfio-pci", "vfio-pci"))
        self.assertNotIn("namespace", self.done("list"))
        self.assertEqual([name for name, _ in self.machine.written],
                         [f"{DEVICES}/{PORT}/driver_override", f"{DEVICES}/{PORT}/driver/unbind",
                          "/sys/bus/pci/drivers_probe"])

    def test_takes_an_address_without_its_domain(self):
        self.done("bind", "01:00.0")
        self.assertEqual(self.machine.driver_of(PORT), "vfio-pci")

    def test_a_port_that_is_bound_is_left_alone(self):
        self.done("bind", PORT)
        self.machine.written.clear()
        self.assertIn("nothing to do", self.done("bind", PORT))
        self.assertEqual(self.machine.written, [])

    def test_refuses_the_port_of_the_default_route(self):
        self.machine.default_route("eth1")
        self.assertIn(f"{PORT} (eth1) carries the default route IPv4, which would end; move that",
                      self.refused("bind", PORT))

    def test_refuses_the_port_of_the_ipv6_default_route(self):
        self.machine.put("/proc/net/ipv6_route", f"{'0' * 32} 00 {'0' * 32} 00 fd{'0' * 29}1 400 2 0 00000003 eth1\n")
        self.assertIn("carries the default route IPv6", self.refused("bind", PORT))

    def test_a_route_that_rejects_is_no_use(self):
        self.machine.put("/proc/net/ipv6_route", f"{'0' * 32} 00 {'0' * 32} 00 {'0' * 32} ffff 1 0 00200201 eth1\n")
        self.done("bind", PORT)

    def test_refuses_the_port_below_a_bridge_on_a_bond_with_the_default_route(self):
        self.machine.put("/sys/class/net/eth1/upper_bond0")
        self.machine.put("/sys/class/net/bond0/upper_br0")
        self.machine.default_route("br0")
        self.assertIn("carries the default route", self.refused("bind", PORT))

    def test_refuses_the_port_of_an_ssh_session(self):
        self.machine.own_address("eth1", "198.18.5.2")
        self.machine.session("198.18.5.2", 22, "198.18.5.9")
        self.assertIn("carries the SSH session from 198.18.5.9", self.refused("bind", PORT))

    def test_refuses_the_port_of_an_ssh_session_in_the_table_of_ipv6(self):
        self.machine.own_address("eth1", "198.18.5.2")
        self.machine.session("198.18.5.2", 22, "198.18.5.9", table="tcp6", before=MAPPED)
        self.assertIn("SSH session", self.refused("bind", PORT))

    def test_refuses_the_way_to_the_peer_when_no_subnet_holds_the_own_address(self):
        self.machine.route("eth1", "198.18.5.0", "255.255.255.0", gateway="198.18.5.1")
        self.machine.session("198.19.0.2", 22, "198.18.5.9")
        self.assertIn("SSH session", self.refused("bind", PORT))

    def test_knows_the_port_that_sshd_is_configured_for(self):
        self.machine.own_address("eth1", "198.18.5.2")
        self.machine.session("198.18.5.2", 2222, "198.18.5.9")
        self.machine.put("/etc/ssh/sshd_config.d/port.conf", "# Port 1\nPort 2222\n")
        self.assertIn("SSH session", self.refused("bind", PORT))

    def test_refuses_a_port_whose_interface_another_namespace_has(self):
        self.machine.put("/proc/net/dev", "Inter-|\n face |\n    lo: 0 0\n")
        self.assertIn("in another network namespace", self.done("list"))
        self.assertIn("another may need it; run this there", self.refused("bind", PORT))

    def test_takes_a_port_that_no_driver_has(self):
        self.machine.unlink(f"{DEVICES}/{PORT}/driver")
        self.machine.put("/proc/net/dev")
        self.assertIn(f"{PORT}: no driver -> vfio-pci", self.done("bind", PORT))

    def test_says_what_a_program_without_root_needs(self):
        self.assertIn("sudo chown USER /dev/vfio/12", self.done("bind", PORT))

    def test_neither_other_connections_nor_ended_sessions_keep_a_port(self):
        for port, state in ((80, "01"), (22, "06")):
            with self.subTest(port=port, state=state):
                self.setUp()
                self.machine.own_address("eth1", "198.18.5.2")
                self.machine.session("198.18.5.2", port, "198.18.5.9", state)
                self.done("bind", PORT)

    def test_an_address_goes_with_the_port_and_is_named(self):
        self.machine.own_address("eth1", "198.18.5.2")
        self.assertIn("note: the address 198.18.5.2 went with it", self.done("bind", PORT))

    def test_an_address_belongs_to_the_smallest_subnet(self):
        self.machine.route("eth1", "198.18.0.0", "255.255.0.0")
        self.machine.own_address("eth9", "198.18.5.2")
        self.assertNotIn("198.18.5.2", self.done("bind", PORT))

    def test_refuses_a_driver_that_is_not_loaded(self):
        self.assertIn("uio_pci_generic is not loaded; run: sudo modprobe uio_pci_generic",
                      self.refused("bind", PORT, "--driver=uio_pci_generic"))

    def test_refuses_vfio_without_an_iommu_and_gives_the_flags(self):
        for vendor, flag in (("GenuineIntel", "intel_iommu=on iommu=pt"), ("AuthenticAMD", "AMD-Vi")):
            with self.subTest(vendor):
                self.machine.unlink(f"{DEVICES}/{PORT}/iommu_group")
                self.machine.put("/proc/cpuinfo", f"vendor_id : {vendor}\n")
                err = self.refused("bind", PORT)
                for words in (flag, "can write all of the machine's memory", f"tee {NO_IOMMU_MODE}"):
                    self.assertIn(words, err)

    def test_vfio_without_an_iommu_that_is_accepted_says_what_dpdk_wants(self):
        self.machine = MachineWithNics(self)
        self.machine.add_driver("vfio-pci")
        self.machine.add_nic(PORT, interface="eth1")
        self.machine.put(NO_IOMMU_MODE, "Y")
        self.assertIn("DPDK then wants --iova-mode=pa", self.done("bind", PORT))

    def test_the_rest_of_the_iommu_group_is_named(self):
        self.machine.add_nic(OTHER, interface="eth2", group="12")
        self.assertIn(f"only as a whole; bind these too: {OTHER} (ixgbe)", self.done("bind", PORT))
        self.assertNotIn("as a whole", self.done("bind", OTHER))

    def test_refuses_a_card_that_dpdk_shares_with_the_kernel(self):
        self.machine.add_nic(PORT, driver="mlx5_core", group="12")
        self.assertIn(f"no need to bind, name it with --dpdk='pci={PORT}'", self.refused("bind", PORT))

    def test_refuses_a_port_that_is_not_there(self):
        self.assertIn(f"no PCI network device {OTHER}; scripts/nic.sh list", self.refused("bind", OTHER))

    def test_a_driver_that_does_not_take_the_port_leaves_it_as_it_was(self):
        self.driver_refuses("vfio-pci")
        self.assertIn("vfio-pci did not take the port", self.refused("bind", PORT))
        self.assertNotIn(PORT, self.machine.read("/var/lib/skerry/nics.json"))

    def test_a_second_driver_that_does_not_take_the_port_leaves_the_journal_of_the_first(self):
        self.machine.add_driver("igb_uio")
        self.use_special_driver()
        self.done("bind", PORT)
        self.driver_refuses("igb_uio")
        self.assertIn("it is back with vfio-pci", self.refused("bind", PORT, "--driver=igb_uio"))
        self.done("unbind", PORT)
        self.assertEqual(self.machine.driver_of(PORT), "special")

    def test_an_error_of_the_kernel_leaves_the_port_as_it_was(self):
        def fail(_, address):
            if self.machine.override_of(address) == "vfio-pci":
                raise OSError(22, "Invalid argument")
        self.machine.reactions.append((r"/sys/bus/pci/drivers_probe", fail))
        self.assertIn("(Invalid argument); it is back with ixgbe", self.refused("bind", PORT))

    def test_without_rights_it_says_what_to_run_and_notes_nothing(self):
        self.machine.may_write = self.machine.is_root_user = False
        self.assertIn(f"run: sudo scripts/nic.sh bind {PORT}", self.refused("bind", PORT))
        self.assertFalse(self.machine.exists("/var/lib/skerry"))


class Unbind(NicTest):
    def test_gives_the_port_back_and_clears_the_override(self):
        self.done("bind", PORT)
        self.assertEqual(self.done("unbind", PORT), f"{PORT}: vfio-pci -> ixgbe\n")
        self.assertEqual((self.machine.driver_of(PORT), self.machine.override_of(PORT)), ("ixgbe", ""))

    def test_restores_an_override_that_was_there(self):
        self.use_special_driver()
        self.done("bind", PORT)
        self.done("unbind", PORT)
        self.assertEqual((self.machine.driver_of(PORT), self.machine.override_of(PORT)), ("special", "special"))

    def test_a_port_that_changed_hands_twice_goes_back_to_the_first(self):
        self.machine.add_driver("igb_uio")
        self.done("bind", PORT)
        self.done("bind", PORT, "--driver=igb_uio")
        self.done("unbind", PORT)
        self.assertEqual(self.machine.driver_of(PORT), "ixgbe")

    def test_never_takes_a_port_from_its_kernel_driver(self):
        self.assertIn("has its kernel driver, ixgbe; nothing to do", self.done("unbind", PORT))
        self.assertEqual(self.machine.written, [])

    def test_after_a_reboot_there_is_nothing_to_undo(self):
        self.done("bind", PORT)
        self.machine.reboot()
        self.machine.written.clear()
        self.assertIn("nothing to do", self.done("unbind", PORT))
        self.assertEqual(self.machine.written, [])
        self.assertNotIn(PORT, self.machine.read("/var/lib/skerry/nics.json"))

    def test_after_a_reboot_and_a_bind_by_others_the_kernel_chooses(self):
        self.machine.put(f"{DEVICES}/{PORT}/driver_override", "special")
        self.done("bind", PORT)
        self.machine.reboot()
        self.machine.drive(PORT, "vfio-pci")
        self.done("unbind", PORT)
        self.assertEqual((self.machine.driver_of(PORT), self.machine.override_of(PORT)), ("ixgbe", ""))

    def test_another_card_in_the_slot_does_not_get_the_old_driver(self):
        self.done("bind", PORT)
        self.machine.reboot()
        self.machine.add_nic(PORT, driver="igb", group="12", device="0x1521")
        self.machine.drive(PORT, "vfio-pci")
        self.assertIn("vfio-pci -> igb", self.done("unbind", PORT))

    def test_works_without_a_journal(self):
        self.machine.put(f"{DEVICES}/{PORT}/driver_override", "vfio-pci")
        self.machine.drive(PORT, "vfio-pci")
        self.done("unbind", PORT)
        self.assertEqual(self.machine.driver_of(PORT), "ixgbe")

    def test_refuses_while_a_program_has_the_port_open(self):
        self.done("bind", PORT)
        self.machine.hold(77, "/dev/vfio/12")
        code, _, err = self.run_it("unbind", PORT)
        self.assertEqual((code, self.machine.driver_of(PORT)), (1, "vfio-pci"))
        self.assertIn("in use by process 77; end that first", err)

    def test_says_which_module_is_missing_and_works_once_it_is_there(self):
        self.done("bind", PORT)
        self.machine.native[PORT] = None
        code, _, err = self.run_it("unbind", PORT)
        self.assertEqual(code, 1)
        self.assertIn(f"now has no driver; run: sudo modprobe ixgbe, then sudo scripts/nic.sh unbind {PORT}", err)
        self.machine.native[PORT] = "ixgbe"
        self.done("unbind", PORT)
        self.assertEqual(self.machine.driver_of(PORT), "ixgbe")

    def test_says_when_the_driver_for_programs_takes_the_port_again(self):
        self.done("bind", PORT)
        self.machine.native[PORT] = "vfio-pci"
        code, _, err = self.run_it("unbind", PORT)
        self.assertEqual(code, 1)
        self.assertIn("vfio-pci took the port again, by its list of ids", err)


class Command(NicTest):
    def test_a_wrong_command_says_what_is_accepted(self):
        for wrong in (["bind"], ["bind", "eth1"], ["bind", PORT, "--driver=ixgbe"], ["list", "--all"], ["take"], []):
            with self.subTest(wrong):
                self.assertIn("accepted: nic.sh list | bind ADDRESS [--driver=vfio-pci|uio_pci_generic|igb_uio] | "
                              "unbind ADDRESS", self.refused(*wrong, code=2))

    def test_the_script_runs_on_this_machine(self):
        done = subprocess.run([ROOT / "scripts/nic.sh", "list"], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))


if __name__ == "__main__":
    unittest.main()
