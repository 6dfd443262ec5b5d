"""The kernel's end of the device in a VLAN (IEEE 802.1Q): by a device of the kernel's for that VLAN, or, where this
kernel has none (CONFIG_VLAN_8021Q), by two programs of BPF that have the kernel put its tags on and take them off
(skb_vlan_push(), skb_vlan_pop()). Either way frames without our tag are not the kernel's.
"""

import ctypes
import os
import platform
import socket
import struct

import rig
import tap

BPF_CALL = {"x86_64": 321, "aarch64": 280}
PROG_LOAD, LINK_CREATE = 5, 28
SCHED_CLS = 3
INGRESS, EGRESS = 46, 47
PASS, DROP = 0, 2
VLAN_PUSH, VLAN_POP = 18, 19  # helpers of the kernel
VLAN_PRESENT, VLAN_TCI = 20, 24  # in struct __sk_buff
TAG = 0x8100

held = []  # descriptors: the programs run as long as somebody has them


def order(code, target=0, source=0, offset=0, value=0):
    return struct.pack("=BBhi", code, source << 4 | target, offset, value)


def move(target, value):
    return order(0xb7, target=target, value=value)


def put_on(tci):
    return b"".join((move(2, socket.htons(TAG)), move(3, tci), order(0x85, value=VLAN_PUSH),
                     move(0, PASS), order(0x95)))


def take_off(number):
    """Drops what is not in that VLAN."""
    return b"".join((
        order(0x61, target=2, source=1, offset=VLAN_PRESENT),
        order(0x15, target=2, offset=6, value=0),
        order(0x61, target=2, source=1, offset=VLAN_TCI),
        order(0x57, target=2, value=0xfff),
        order(0x55, target=2, offset=3, value=number),
        order(0x85, value=VLAN_POP),
        move(0, PASS), order(0x95),
        move(0, DROP), order(0x95)))


def call(command, attributes):
    kernel = ctypes.CDLL(None, use_errno=True)
    block = ctypes.create_string_buffer(attributes, 128)
    number = BPF_CALL.get(platform.machine())
    result = -1 if number is None else kernel.syscall(number, command, block, len(attributes))
    return result, os.strerror(ctypes.get_errno())


def attach(program, where):
    """False: this kernel does not do that."""
    code = ctypes.create_string_buffer(program, len(program))
    rights = ctypes.create_string_buffer(b"GPL")
    loaded, why = call(PROG_LOAD, struct.pack("=IIQQIIQIIQQII", SCHED_CLS, len(program) // 8, ctypes.addressof(code),
                                              ctypes.addressof(rights), 0, 0, 0, 0, 0, 0, 0, 0, where))
    if loaded < 0:
        rig.skip(f"no VLAN devices here, and no programs of BPF: {why}")
    device = socket.if_nametoindex(tap.DEVICE)
    linked, why = call(LINK_CREATE, struct.pack("=IIIIIIQ", loaded, device, where, 0, 0, 0, 0))
    if linked < 0:
        rig.skip(f"no VLAN devices here, and none of BPF: {why}")
    held.extend((loaded, linked))


def leave():
    """Ends what join() and tag_priority() began."""
    while held:
        os.close(held.pop())
    tap.ip("link", "delete", f"{tap.DEVICE}.0", check=False)


def join(number):
    """From now on the kernel speaks to us in that VLAN. Returns by what."""
    name = f"{tap.DEVICE}.{number}"
    made = tap.ip("link", "add", "link", tap.DEVICE, "name", name, "type", "vlan", "id", str(number), check=False)
    if made.returncode == 0:
        tap.ip("address", "flush", "dev", tap.DEVICE)
        tap.ip("address", "add", f"{tap.KERNEL}/24", "dev", name)
        tap.ip("link", "set", name, "up")
        return f"the device {name}"
    attach(put_on(number), EGRESS)
    attach(take_off(number), INGRESS)
    return "BPF on " + tap.DEVICE


def tag_priority(priority):
    """From now on what the kernel sends has a tag that says a priority and no VLAN."""
    attach(put_on(priority << 13), EGRESS)
