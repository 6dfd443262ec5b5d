# ctest: TIMEOUT 300 RUN_SERIAL TRUE
"""Attacks on a running skerry-echo, by packets that scapy makes: another host on the link of a TAP device. After each,
an honest client of the kernel's is served by TCP and UDP, the server lives, and in the end it has lost nothing. The
numbers are those of tests/attacks, where each is looked at from inside.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import rig  # noqa: E402
import tap  # noqa: E402

import random  # noqa: E402
import socket  # noqa: E402
import struct  # noqa: E402

sys.path.append("/usr/lib/python3/dist-packages")  # Debian's, for whichever Python runs this
os.environ["XDG_CACHE_HOME"] = os.environ.get("TMPDIR", "/tmp")  # scapy writes there, and not into a home
try:
    import logging
    logging.getLogger("scapy").setLevel(logging.ERROR)
    from scapy.layers.inet import ICMP, IP, TCP, UDP, fragment
    from scapy.layers.inet6 import (ICMPv6EchoRequest, ICMPv6ND_RA, ICMPv6NDOptRDNSS, IPv6, IPv6ExtHdrDestOpt,
                                    IPv6ExtHdrFragment, IPv6ExtHdrRouting)
    from scapy.layers.l2 import ARP, Dot1Q, Ether
    from scapy.packet import Raw
except ImportError as missing:
    rig.skip(f"scapy is not installed: {missing}")

PORT = 7001
EVIL = "198.18.0.66"  # nobody's but scapy's
EVIL_MAC = "02:00:00:00:00:66"
EVIL_V6 = "fd00:198:18::66"


class Link:
    """Frames by a packet socket on the kernel's end of the device."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.socket.bind((tap.DEVICE, 0))
        self.server = self.ask_for_server()

    def ask_for_server(self):
        """The server's hardware address; so it learns the stranger's too."""
        self.send(Ether(src=EVIL_MAC, dst="ff:ff:ff:ff:ff:ff") / ARP(hwsrc=EVIL_MAC, psrc=EVIL, pdst=tap.OURS))
        answer = self.wait_for(lambda frame: ARP in frame and frame[ARP].op == 2 and frame[ARP].psrc == tap.OURS)
        rig.check(answer, "the server does not answer ARP")
        return answer[ARP].hwsrc

    def send(self, frame):
        try:
            self.socket.send(bytes(frame))
        except OSError:  # too long, or too short, for the kernel's end
            pass

    def ip(self, packet, raw=False):
        self.send(Ether(src=EVIL_MAC, dst=self.server, type=0x0800) / (Raw(packet) if raw else packet))

    def ip6(self, packet):
        self.send(Ether(src=EVIL_MAC, dst=self.server, type=0x86dd) / packet)

    def wait_for(self, is_it, patience=5):
        """The first frame of the server's that is it; None when none comes."""
        self.socket.settimeout(patience)
        try:
            while True:
                data, origin = self.socket.recvfrom(65_536)
                if origin[2] != socket.PACKET_OUTGOING and is_it(frame := Ether(data)):
                    return frame
        except socket.timeout:
            return None

    def drain(self):
        """What came so far."""
        frames = []
        self.socket.setblocking(False)
        try:
            while True:
                data, origin = self.socket.recvfrom(65_536)
                if origin[2] != socket.PACKET_OUTGOING:
                    frames.append(Ether(data))
        except BlockingIOError:
            return frames


def base(**fields):
    return IP(src=EVIL, dst=tap.OURS, **fields)


def established(link, port):
    """A connection of the stranger's, with the numbers from which it goes on."""
    link.ip(base() / TCP(sport=port, dport=PORT, flags="S", seq=1000, window=64_000))
    answer = link.wait_for(lambda frame: TCP in frame and frame[TCP].dport == port and frame[TCP].flags == "SA")
    rig.check(answer, f"no SYN-ACK for the stranger at port {port}")
    ack = answer[TCP].seq + 1
    link.ip(base() / TCP(sport=port, dport=PORT, flags="A", seq=1001, ack=ack, window=64_000))
    return 1001, ack


def echoes(link, port, seq, ack):
    """Whether the stranger's own connection still lives."""
    link.drain()
    link.ip(base() / TCP(sport=port, dport=PORT, flags="PA", seq=seq, ack=ack, window=64_000) / b"alive?")
    return link.wait_for(lambda frame: TCP in frame and frame[TCP].dport == port and b"alive?" in bytes(frame[TCP]))


def attack_3(link):
    for mss in (0, 1, 8, 47, 65_535):
        link.ip(base() / TCP(sport=4000 + mss % 1000, dport=PORT, flags="S", options=[("MSS", mss)]))


def attack_5(link):
    template = bytearray(bytes(base(id=0, flags="MF", proto=17) / Raw(bytes(64))))
    for number in range(20_000):
        struct.pack_into("!H", template, 4, number)
        struct.pack_into("!H", template, 10, 0)
        total = sum(struct.unpack("!10H", template[:20]))
        total = (total & 0xffff) + (total >> 16)
        struct.pack_into("!H", template, 10, ~((total & 0xffff) + (total >> 16)) & 0xffff)
        link.ip(bytes(template), raw=True)


def attack_6(link):
    link.ip(base(frag=8191, proto=1) / Raw(bytes(1400)))
    link.ip(base(frag=0, flags="MF", proto=17) / Raw(bytes(1401)))
    link.ip(base(len=1400, frag=1, proto=17) / Raw(bytes(40)))
    link.ip6(IPv6(src=EVIL_V6, dst=tap.OURS_V6) / IPv6ExtHdrFragment(offset=8191, nh=58, id=1) / Raw(bytes(1400)))


def attack_7(link):
    for number, (offset, size) in enumerate([(3, 24), (0, 36), (1, 8), (2, 200)]):
        link.ip(base(id=number, flags="MF", proto=17) / Raw(bytes(36 // 8 * 8)))
        link.ip(base(id=number, frag=offset, proto=17) / Raw(b"\xee" * size))
    for piece in fragment(base(id=99) / UDP(sport=9, dport=PORT) / Raw(bytes(3000)), fragsize=800)[1:]:
        link.ip(piece)
        link.ip(piece)


def attack_11(link):
    for options in (b"\x07\x00\x00\x00", b"\x07\x01\x00\x00", b"\x07\xff\x04\x00", b"\x83\x07\x04\x0a\x00\x00\x01\x00",
                    b"\x89\x07\x04\x0a\x00\x00\x01\x00"):
        link.ip(base(options=Raw(options)) / TCP(sport=4100, dport=PORT, flags="S"))


def attack_13(link):
    frames = [bytes(base() / TCP(sport=4200, dport=PORT, flags="S", options=[("MSS", 1460), ("Timestamp", (1, 0))])),
              bytes(base() / UDP(sport=9, dport=PORT) / b"data"), bytes(base() / ICMP() / b"data")]
    for whole in frames:
        for size in range(len(whole)):
            link.ip(whole[:size], raw=True)  # cut, and as long as it says
            if size > 20:  # cut, and IP knows
                link.ip(bytes(base(proto=whole[9]) / Raw(whole[20:size])), raw=True)
    for options in (b"\x03\x00\x00\x00", b"\x03\x01\x00\x00", b"\x08\xff\x00\x00", b"\x02\x05\x00\x00"):
        segment = bytearray(bytes(TCP(sport=4201, dport=PORT, flags="S", dataofs=6)) + options)
        link.ip(base(proto=6) / Raw(bytes(segment)))
    for words in (0, 4, 15):
        link.ip(base() / TCP(sport=4202, dport=PORT, flags="S", dataofs=words))
        link.ip(base(ihl=words) / TCP(sport=4202, dport=PORT, flags="S"))


def attack_14(link):
    for scale in (15, 64, 255):
        link.ip(base() / TCP(sport=4300 + scale, dport=PORT, flags="S", options=[("WScale", scale)]))
    link.ip(base() / TCP(sport=4301, dport=PORT, flags="S", options=[("MSS", 88), ("MSS", 1460), ("SAckOK", b"")] * 2))


def attack_17(link):
    seq, ack = established(link, 4400)
    for off in (-1, -50_000, 1, 1000, 60_000, 70_000, 1 << 30):
        link.ip(base() / TCP(sport=4400, dport=PORT, flags="R", seq=(seq + off) % (1 << 32)))
    rig.check(echoes(link, 4400, seq, ack), "a reset that is not exact ended a connection")


def attack_18(link):
    seq, ack = established(link, 4500)
    link.drain()
    for off in range(-500, 500):
        link.ip(base() / TCP(sport=4500, dport=PORT, flags="S", seq=(seq + 100 * off) % (1 << 32)) / b"x")
    rig.check(echoes(link, 4500, seq, ack), "a SYN ended a connection")


def attack_23(link):
    for flags in ("", "F", "SF", "SR", "SFA", "FPU", "FSRPAUEC", "SA", "A"):
        link.ip(base() / TCP(sport=4600, dport=PORT, flags=flags, seq=1, ack=1))
    link.ip(base() / TCP(sport=4601, dport=PORT, flags="S", seq=1) / b"data with a SYN")


def attack_24(link):
    for source in (tap.OURS, "0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "255.255.255.255", "198.18.0.255"):
        link.ip(IP(src=source, dst=tap.OURS) / TCP(sport=PORT, dport=PORT, flags="S"))
    for source in (tap.OURS_V6, "::1", "::ffff:198.18.0.2", "ff02::1"):
        link.ip6(IPv6(src=source, dst=tap.OURS_V6) / TCP(sport=PORT, dport=PORT, flags="S"))


def attack_25(link):
    link.drain()
    for target, mac in (("198.18.0.255", "ff:ff:ff:ff:ff:ff"), ("255.255.255.255", "ff:ff:ff:ff:ff:ff"),
                        ("224.0.0.1", "01:00:5e:00:00:01"), (tap.OURS, "ff:ff:ff:ff:ff:ff")):
        for flags in ("S", "A", "SA", "F"):
            link.send(Ether(src=EVIL_MAC, dst=mac) / IP(src=EVIL, dst=target) /
                      TCP(sport=4700, dport=PORT, flags=flags))
    link.ip(base() / ICMP(id=25) / b"after them")  # whoever would be answered was answered before this
    told = []
    rig.check(link.wait_for(lambda frame: told.append(frame) or ICMP in frame and frame[ICMP].id == 25),
              "no answer to an echo")
    rig.check(not any(TCP in frame and frame[TCP].dport == 4700 for frame in told), "a segment to many was answered")


def attack_35(link):
    seq, ack = established(link, 4800)
    quoted = IP(src=tap.OURS, dst=EVIL, len=1500)
    for mtu in (0, 68, 9000):
        for kind, code in ((3, 4), (3, 0), (3, 3), (4, 0), (5, 1), (11, 0), (12, 0)):
            for number in (ack, ack + 100_000):
                link.ip(base() / ICMP(type=kind, code=code, nexthopmtu=mtu) / quoted /
                        TCP(sport=PORT, dport=4800, seq=number % (1 << 32)))
    rig.check(echoes(link, 4800, seq, ack), "an ICMP error ended a connection")


def attack_37(link):
    for number in range(2000):  # each asks for us, which is an entry
        address = f"198.18.0.{number % 60 + 100}"
        link.send(Ether(src=EVIL_MAC, dst="ff:ff:ff:ff:ff:ff") /
                  ARP(hwsrc=EVIL_MAC, psrc=address, pdst=tap.OURS))
    for fields in ({"hwlen": 7}, {"plen": 16}, {"hwtype": 2}, {"ptype": 0x86dd}, {"op": 9},
                   {"hwsrc": "01:00:5e:00:00:01"}, {"psrc": tap.OURS}, {"psrc": "127.0.0.1"}):
        link.send(Ether(src=EVIL_MAC, dst=link.server) /
                  ARP(**{"op": 2, "hwsrc": EVIL_MAC, "psrc": EVIL, "pdst": tap.OURS, **fields}))


def attack_38(link):
    for number in range(500):
        link.ip6(IPv6(src=f"fe80::{number + 1:x}", dst="ff02::1", hlim=255) / ICMPv6ND_RA())
    link.ip6(IPv6(src="fe80::66", dst="ff02::1", hlim=255) / ICMPv6ND_RA() /
             ICMPv6NDOptRDNSS(len=4, dns=["::1"]) / Raw(bytes(16)))
    for routing in (IPv6ExtHdrRouting(type=0, segleft=1, addresses=["::1"]), IPv6ExtHdrDestOpt() / IPv6ExtHdrDestOpt()):
        link.ip6(IPv6(src=EVIL_V6, dst=tap.OURS_V6) / routing / ICMPv6EchoRequest())


def attack_44(link):
    sound = Ether(src=EVIL_MAC, dst=link.server) / base() / TCP(sport=4900, dport=PORT, flags="S")
    for size in range(14, 40):
        link.send(bytes(sound)[:size])
    for tags in (Dot1Q(vlan=5), Dot1Q(vlan=0) / Dot1Q(vlan=5), Dot1Q(vlan=4095)):
        link.send(Ether(src=EVIL_MAC, dst=link.server) / tags / sound.payload)
    link.send(Ether(src=EVIL_MAC, dst=link.server, type=100) / Raw(bytes(100)))


def attack_46(link):
    for length in (0, 7, 9, 65_535):
        link.ip(base() / UDP(sport=9, dport=PORT, len=length) / b"xxxx")
    link.ip(base() / UDP(sport=0, dport=PORT) / b"from nobody")
    link.ip(base() / UDP(sport=9, dport=0) / b"to nobody")
    for _ in range(100):
        link.send(Ether(src=EVIL_MAC, dst="ff:ff:ff:ff:ff:ff") / IP(src=EVIL, dst="198.18.0.255") /
                  UDP(sport=7, dport=7) / b"loop")


def attack_48(link):
    inner = bytes(base(len=2000) / TCP(sport=5000, dport=PORT, flags="S"))
    for protocol in (4, 41, 47, 50, 132):
        link.ip(base(proto=protocol) / Raw(inner))
        link.ip(base(proto=protocol) / Raw(inner[:20]))


def attack_of_chance(link):
    """No number: sound packets with a few bytes of chance in them, always the same ones."""
    chance = random.Random(5927)
    frames = [bytes(base() / TCP(sport=5100, dport=PORT, flags="PA", seq=1, ack=1) / b"data"),
              bytes(base() / UDP(sport=9, dport=PORT) / b"data"), bytes(base(flags="MF") / UDP(sport=9, dport=PORT))]
    for _ in range(3000):
        frame = bytearray(chance.choice(frames))
        for _ in range(chance.randint(1, 4)):
            frame[chance.randrange(len(frame))] = chance.randrange(256)
        link.ip(bytes(frame), raw=True)


def honest(kind):
    with socket.socket(socket.AF_INET, kind) as client:
        client.settimeout(rig.PATIENCE)
        client.connect((tap.OURS, PORT))
        text = bytes(range(256)) * 4
        client.sendall(text)
        got = client.recv(4096) if kind == socket.SOCK_DGRAM else rig.receive(client, len(text))
        return got == text


def attack_all(bin_dir, protocol, kind, attacks):
    with tap.serve(bin_dir, f"--proto={protocol}", "--mode=echo") as server:
        rig.check(honest(kind), "before any attack")
        link = Link()
        before = server.resident_kib()
        for attack in attacks:
            attack(link)
            rig.check(server.process.poll() is None, f"{attack.__name__}: the server {server.how_it_ended()}")
            rig.check(honest(kind), f"{attack.__name__}: an honest client is not served over {protocol}")
            link.drain()
        grown = server.resident_kib() - before
        rig.check(rig.sanitized(bin_dir) or grown < 65_536, f"the server grew by {grown} KiB")
        numbers = server.numbers()
        rig.check(numbers["stack_checksum"] > 1000, f"frames with wrong checksums were not counted: {numbers}")
        last = server.stop()
        rig.check(last["no_buffers"] == 0, f"the server ran out of buffers: {last}")
        print(f"{protocol}: {len(attacks)} attacks, {grown} KiB more, its numbers: {numbers}")
        return last


bin_dir = rig.start()
tap.make()
of_packets = [attack_5, attack_6, attack_7, attack_11, attack_13, attack_37, attack_38, attack_44, attack_46,
              attack_48, attack_of_chance]
of_segments = [attack_3, attack_14, attack_17, attack_18, attack_23, attack_24, attack_25, attack_35]
attack_all(bin_dir, "udp", socket.SOCK_DGRAM, of_packets)
attack_all(bin_dir, "tcp", socket.SOCK_STREAM, of_packets + of_segments)
print("ok")
