"""Network cards for DPDK: which there are, and which driver has them.

    nic.sh list                                    each PCI network device: driver, interfaces, NUMA node, IOMMU group,
                                                   link, and what goes through it
    nic.sh bind ADDRESS [--driver=vfio-pci]        gives the port to a driver for programs; refuses one that carries a
                                                   default route or an SSH session. Drivers: vfio-pci, uio_pci_generic,
                                                   igb_uio
    nic.sh unbind ADDRESS                          gives it back to the driver it had
"""

import argparse
import re
import sys

from machine import nic_driver, nics
from machine.command import Parser, run
from machine.tree import Tree

PROGRAM = "scripts/nic.sh"
ACCEPTED = f"nic.sh list | bind ADDRESS [--driver={'|'.join(nics.USER_DRIVERS)}] | unbind ADDRESS"
TITLES = ("address", "id", "driver", "interfaces", "node", "group", "link", "goes through it")


def pci_address(text):
    found = re.fullmatch(r"([0-9a-f]{4,8}:)?([0-9a-f]{2}:[0-9a-f]{2}\.[0-7])", text.lower())
    if not found:
        raise argparse.ArgumentTypeError(f"'{text}' is no PCI address; one looks like 0000:01:00.0")
    return (found[1] or "0000:") + found[2]


def row(nic):
    cells = (nic.address, nic.id, nic.driver, ",".join(nic.interfaces), nic.node, nic.group, nic.link,
             "; ".join(map(str, nic.uses)))
    return ["-" if cell in (None, "") else str(cell) for cell in cells]


def show(tree):
    rows = [row(nic) for nic in nics.all_of(tree)]
    if not rows:
        print("no PCI network device here")
        return
    widths = [max(map(len, column)) for column in zip(TITLES, *rows)]
    for cells in (TITLES, *rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(cells, widths)).rstrip())


def main(arguments, tree=None):
    parser = Parser(PROGRAM, ACCEPTED, __doc__)
    _, binding, unbinding = parser.add_verbs("list", "bind", "unbind")
    for verb in (binding, unbinding):
        verb.add_argument("address", metavar="ADDRESS", type=pci_address)
    binding.add_argument("--driver", choices=nics.USER_DRIVERS, default="vfio-pci")
    options = parser.parse_args(arguments)
    acts = {"list": show,
            "bind": lambda tree: print(*nic_driver.bind(tree, options.address, options.driver), sep="\n"),
            "unbind": lambda tree: print(*nic_driver.unbind(tree, options.address), sep="\n")}
    return run(PROGRAM, arguments, tree or Tree(options.root), acts[options.verb])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
