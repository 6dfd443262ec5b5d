"""Frames made by hand, for what the kernel would not send."""

import socket
import struct


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data[:len(data) & ~1]))
    if len(data) % 2:
        total += data[-1] << 8
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Sender:
    """Sends from an address of its own behind the kernel's end of a device, so that no answer meets a socket there."""

    def __init__(self, device, to, source="198.18.0.77", to_mac="02:00:00:00:00:02", mac="02:00:00:00:00:77"):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.socket.bind((device, 0))
        self.source, self.to = socket.inet_aton(source), socket.inet_aton(to)
        self.ethernet = bytes.fromhex((to_mac + mac).replace(":", "")) + b"\x08\x00"

    def send(self, protocol, segment, ip_checksum=None):
        header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(segment), 0, 0x4000, 64, protocol, 0, self.source,
                             self.to)
        right = checksum(header)
        self.socket.send(self.ethernet + header[:10] + struct.pack("!H", right if ip_checksum is None else ip_checksum)
                         + header[12:] + segment)

    def pseudo(self, protocol, length):
        return self.source + self.to + struct.pack("!BBH", 0, protocol, length)

    def udp(self, port, payload, source_port=5001, udp_checksum=None, ip_checksum=None):
        header = struct.pack("!HHHH", source_port, port, 8 + len(payload), 0)
        right = checksum(self.pseudo(17, len(header + payload)) + header + payload) or 0xFFFF
        total = struct.pack("!H", right if udp_checksum is None else udp_checksum)
        self.send(17, header[:6] + total + payload, ip_checksum)

    def tcp_syn(self, port, source_port=5001, tcp_checksum=None):
        header = struct.pack("!HHIIBBHHH", source_port, port, 1, 0, 0x50, 2, 1024, 0, 0)
        right = checksum(self.pseudo(6, len(header)) + header)
        total = struct.pack("!H", right if tcp_checksum is None else tcp_checksum)
        self.send(6, header[:16] + total + header[18:])
