"""What the Linux kernel asks of our stack on UDP and ICMP, whatever carries the frames: a TAP device or a port of DPDK.
Its end of the wire is tap.DEVICE, and skerry-echo listens on port 7001.
"""

import random
import re
import socket
import subprocess

import rig
import tap

seconds = 10 if rig.LONG else 1


def ping(count, *options):
    """Every one is answered, in order. Until a deadline: without one ping waits for its last answer no longer than
    twice the longest before, which on a busy machine is nothing; with one it may have sent some more by then.
    """
    done = subprocess.run(["ping", "-n", "-c", str(count), "-w", str(3 * rig.PATIENCE), *options, tap.OURS],
                          capture_output=True, text=True, timeout=4 * rig.PATIENCE)
    numbers = [int(number) for number in re.findall(r"icmp_seq=(\d+) ttl=", done.stdout)]
    missing = set(range(1, count + 1)) - set(numbers)
    rig.check(done.returncode == 0 and len(numbers) >= count and numbers == list(range(1, len(numbers) + 1)),
              f"ping {count} {options}: {len(numbers)} answers, without {missing}: {done.stdout[-300:]}{done.stderr}")
    print("ping", count, *options)


def longest():
    """What a datagram, and an echo, carries on a link of 1500 bytes."""
    return 1452 if tap.is_v6() else 1472


def exchange(client, message):
    client.send(message)
    answer = client.recv(65_536)
    rig.check(answer == message, f"{len(message)} bytes came back as {len(answer)} others")


def answers_every_size():
    with socket.socket(tap.family(), socket.SOCK_DGRAM) as client:
        client.settimeout(rig.PATIENCE)
        client.connect((tap.OURS, 7001))
        for size in (0, 1, 2, 17, 18, 19, 500, longest() - 1, longest()):  # 18 and fewer of IPv4 are padded by Ethernet
            exchange(client, random.randbytes(size))


def answers_many_at_once():
    """A burst that the socket's queue and the frames hold: none may be lost."""
    with socket.socket(tap.family(), socket.SOCK_DGRAM) as client:
        client.settimeout(rig.PATIENCE)
        client.connect((tap.OURS, 7001))
        for _ in range(20):
            sent = [number.to_bytes(4, "big") for number in range(200)]
            for message in sent:
                client.send(message)
            rig.check([client.recv(100) for _ in sent] == sent, "a burst came back otherwise")


def refuses_other_ports():
    with socket.socket(tap.family(), socket.SOCK_DGRAM) as client:
        client.settimeout(rig.PATIENCE)
        client.connect((tap.OURS, 7009))
        client.send(b"anybody?")
        try:
            client.recv(100)
        except ConnectionRefusedError:
            return
        rig.check(False, "a port without a socket was not refused")


def ours():
    return socket.inet_pton(socket.AF_INET6, tap.OURS_V6)


def survives_garbage():
    """Frames of random bytes, behind sound headers and behind none."""
    mac = next(line.split()[4] for line in tap.ip("neighbour").stdout.splitlines() if line.startswith(tap.OURS))
    to = bytes.fromhex(mac.replace(":", ""))
    dice = random.Random(1)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
        raw.bind((tap.DEVICE, 0))
        for _ in range(3000):
            kind = dice.choice([b"\x08\x00", b"\x08\x06", b"\x86\xdd", b"\x81\x00", dice.randbytes(2)])
            body = dice.randbytes(dice.randrange(0, 200))
            if kind == b"\x86\xdd" and len(body) > 40:
                body = b"\x60" + body[1:4] + len(body[40:]).to_bytes(2, "big") + body[6:24] + ours() + body[40:]
            if kind == b"\x08\x00" and len(body) > 20:
                body = b"\x45" + body[1:9] + dice.choice([b"\x01", b"\x11", b"\x06"]) + body[10:12] + body[12:]
            try:
                raw.send(to + dice.randbytes(6) + kind + body)
            except OSError:  # the device's queue is full
                pass


def survives_a_link_that_goes_down():
    tap.ip("link", "set", tap.DEVICE, "down")
    tap.ip("link", "set", tap.DEVICE, "up")


def has_caught_up():
    """Whether a datagram is answered. Behind a queue full of frames that the server had no turn to take it is lost."""
    with socket.socket(tap.family(), socket.SOCK_DGRAM) as client:
        client.settimeout(1)
        client.connect((tap.OURS, 7001))
        try:
            exchange(client, b"again?")
            return True
        except TimeoutError:
            return False


def sockperf():
    command = ["sockperf", "ping-pong", "-i", tap.OURS, "-p", "7001", "-t", str(seconds), "--data-integrity"]
    for _ in range(3):  # the kernel may drop when the machine does not run a program in time
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 2 * rig.PATIENCE)
        counts = re.search(r"dropped messages = (\d+); # duplicated messages = (\d+); # out-of-order messages = (\d+)",
                           done.stdout + done.stderr)
        rig.check(done.returncode == 0 and counts, f"{command}: {done.stdout}{done.stderr}")
        rig.check(counts[2] == counts[3] == "0", f"{command}: {counts[0]}")
        print(counts[0])
        if counts[1] == "0":
            return
    rig.check(False, "sockperf's messages are dropped")


def ask_everything():
    if rig.shutil.which("ping"):
        ping(3, "-i", "0.01")
        ping(20, "-i", "0.002", "-s", str(longest()))
        ping(10_000 if rig.LONG else 2000, "-i", "0")  # the next one when an answer comes, or after 10 ms
    answers_every_size()
    answers_many_at_once()
    refuses_other_ports()
    for survives in (survives_garbage, survives_a_link_that_goes_down):
        survives()
        rig.wait_until(has_caught_up, f"{survives.__name__}: a datagram is answered")
        answers_every_size()
