"""What goes through each network interface: default routes, addresses, SSH sessions.

All from /proc/net, which needs no tool and no rights. It does not say which interface an IPv4 address is on; that is
the one whose own subnet holds it.
"""

import ipaddress
import os
import re
import sys
from dataclasses import dataclass

ROUTE_UP, ROUTE_REJECTS, ESTABLISHED = 0x1, 0x200, "01"
NET = "/sys/class/net"


@dataclass(frozen=True)
class Use:
    kind: str  # "default route", "SSH session", "address"
    detail: str

    def __str__(self):
        return f"{self.kind} {self.detail}"

    @property
    def needed(self):
        """Whether the machine may become unreachable without it."""
        return self.kind in ("default route", "SSH session")


# Of a port whose interface is not of this network namespace: what goes through it cannot be seen from here.
ELSEWHERE = Use("in another", "network namespace")


@dataclass(frozen=True)
class Route:
    interface: str
    network: object
    is_direct: bool  # to neighbours, without a gateway


def from_words(text):
    """An address as the kernel prints it in most places: 32-bit words, each in the order of this CPU."""
    words = [int(text[at:at + 8], 16).to_bytes(4, sys.byteorder) for at in range(0, len(text), 8)]
    address = ipaddress.ip_address(b"".join(words))
    return getattr(address, "ipv4_mapped", None) or address


def from_bytes(text):
    return ipaddress.IPv6Address(bytes.fromhex(text))


def names(tree):
    """The interfaces of this namespace. /sys may still show those of the one in which it was mounted."""
    return {line.partition(":")[0].strip() for line in tree.lines("/proc/net/dev")[2:]}


def routes(tree):
    for line in tree.lines("/proc/net/route")[1:]:
        interface, network, gateway, flags, _, _, _, mask = line.split()[:8]
        if int(flags, 16) & (ROUTE_UP | ROUTE_REJECTS) == ROUTE_UP:
            yield Route(interface, ipaddress.ip_network(f"{from_words(network)}/{from_words(mask)}"),
                        int(gateway, 16) == 0)
    for line in tree.lines("/proc/net/ipv6_route"):
        network, length, _, _, gateway, _, _, _, flags, interface = line.split()
        if int(flags, 16) & (ROUTE_UP | ROUTE_REJECTS) == ROUTE_UP and interface != "lo":
            yield Route(interface, ipaddress.ip_network((from_bytes(network), int(length, 16))), int(gateway, 16) == 0)


def own_addresses(tree):
    """(interface, address) of each address of this machine."""
    direct = [route for route in routes(tree) if route.is_direct]
    trie = tree.read("/proc/net/fib_trie", "")
    for text in sorted(set(re.findall(r"\|-- (\S+)\n\s+/32 host LOCAL", trie))):
        address = ipaddress.ip_address(text)
        for interface in nearest(direct, address):
            yield interface, address
    for line in tree.lines("/proc/net/if_inet6"):
        fields = line.split()
        yield fields[5], from_bytes(fields[0])


def nearest(candidates, address):
    """The interfaces of the most particular routes to an address; several when they are equally good."""
    matching = [route for route in candidates if address in route.network]
    longest = max((route.network.prefixlen for route in matching), default=0)
    return sorted({route.interface for route in matching if route.network.prefixlen == longest})


def ssh_ports(tree):
    ports = {22}
    folder = "/etc/ssh/sshd_config.d"
    for name in ["/etc/ssh/sshd_config", *(f"{folder}/{name}" for name in tree.names(folder))]:
        ports |= {int(port) for port in re.findall(r"(?mi)^\s*Port\s+(\d+)", tree.read(name, ""))}
    own = os.environ.get("SSH_CONNECTION", "").split()  # the session that this runs in
    return ports | {int(own[3])} if tree.is_real and len(own) == 4 else ports


def ssh_sessions(tree):
    """(own address, peer's address) of each established session."""
    ports = ssh_ports(tree)
    for line in tree.lines("/proc/net/tcp")[1:] + tree.lines("/proc/net/tcp6")[1:]:
        _, local, peer, state = line.split()[:4]
        address, port = local.split(":")
        if state == ESTABLISHED and int(port, 16) in ports and not from_words(address).is_loopback:
            yield from_words(address), from_words(peer.split(":")[0])


def uses(tree):
    """Interface -> what goes through it, the most needed first."""
    found = {}
    everything, addresses = list(routes(tree)), list(own_addresses(tree))
    for route in everything:
        if route.network.prefixlen == 0:
            add(found, route.interface, Use("default route", "IPv%d" % route.network.version))
    for own, peer in ssh_sessions(tree):
        # An address that stands in no subnet, as clouds give them, leaves the way to the peer.
        holders = [interface for interface, address in addresses if address == own]
        for interface in holders or nearest(everything, peer):
            add(found, interface, Use("SSH session", f"from {peer}"))
    for interface, address in addresses:
        if not address.is_link_local:  # every port that is up has one by itself
            add(found, interface, Use("address", str(address)))
    return found


def add(found, interface, use):
    if use not in found.setdefault(interface, []):
        found[interface].append(use)


def stacked_on(tree, interface):
    """The interface and all that stand on it: VLANs, bonds and bridges carry its port's routes and addresses."""
    found, left = [], [interface]
    while left:
        name = left.pop(0)
        if name not in found:
            found.append(name)
            left += [entry[len("upper_"):] for entry in tree.names(f"{NET}/{name}") if entry.startswith("upper_")]
    return found
