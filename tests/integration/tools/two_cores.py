"""Sockets of our own stack on two cores, in the family that tap speaks: one queue that two cores share, and four that
one or two have (net_tap, against the Linux kernel), two queues between two processes (net_memif). Every connection
reaches whoever listens, and no byte is lost or out of place.
"""

import contextlib
import os
import random
import re
import select
import socket
import subprocess
import tempfile

import bulk
import kernel_tcp
import rig
import tap

CPUS = sorted(os.sched_getaffinity(0))
CORES = f"--cores={CPUS[0]},{CPUS[-1]}"
CONNECTIONS = 300
# Of the two processes; with the family's own address last.
SERVER = ("198.18.0.1", "fd00:198:18::1")
CLIENT = ("198.18.0.2", "fd00:198:18::2")
MEMORY = ";hugepages=off;memory=128;mbufs=2047"
ONE_QUEUE = f"--dpdk=vdev=net_tap0,iface={tap.DEVICE}{MEMORY};queues=1"
FOUR_QUEUES = f"--dpdk=vdev=net_tap0,iface={tap.DEVICE}{MEMORY};rx_ring=256;queues=4"


def addresses(of_both):
    return (f"--ip={of_both[0]}/24", f"--ip6={of_both[1]}/64")


@contextlib.contextmanager
def core_peer(bin_dir, *arguments):
    """The tool, from its first line on."""
    process = subprocess.Popen([os.path.join(bin_dir, "core_peer"), *arguments], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        process.first_line = line_of(process)
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def line_of(process):
    ready, _, _ = select.select([process.stdout], [], [], 60)
    line = process.stdout.readline() if ready else ""
    if not line:
        process.kill()
        rig.check(False, f"core_peer says nothing: {process.stderr.read()!r}")
    return line.strip()


def end(process):
    process.terminate()
    out, error = process.communicate(timeout=30)
    rig.check(process.returncode == 0 and error == "", f"core_peer: {process.returncode}, {error!r}")
    return out.strip()


def counts_in(line):
    found = re.fullmatch(r"core_peer: accepted (\d+), steered (\d+)", line)
    rig.check(found, f"core_peer's last line: {line!r}")
    return int(found[1]), int(found[2])


def ask_from_the_kernel(count, seed):
    """`count` connections open at once, each with data of its own, in pieces and in any order."""
    dice = random.Random(seed)
    pending = []
    everything = []
    for _ in range(count):
        connection = socket.create_connection((tap.OURS, 7001), timeout=20)
        pending.append([connection, dice.randbytes(dice.choice([1, 100, 3000, 20_000])), 0, bytearray()])
        everything.append(connection)
    while pending:
        entry = dice.choice(pending)
        connection, data, sent, got = entry
        if sent < len(data):
            piece = data[sent:sent + dice.randrange(1, 5000)]
            connection.sendall(piece)
            entry[2] += len(piece)
            continue
        part = connection.recv(65_536)
        rig.check(part, f"a connection ended after {len(got)} of {len(data)} bytes")
        got += part
        if len(got) >= len(data):
            rig.check(bytes(got) == data, "what came back is not what was sent")
            pending.remove(entry)
    for connection in everything:
        connection.close()


def every_core_serves_over_one_queue(bin_dir):
    with serve_over_one_queue(bin_dir) as server:
        rig.check("1 queue pair, software steering" in server.start_line, f"not said: {server.start_line}")
        ask_from_the_kernel(CONNECTIONS, 1)
        numbers = server.numbers()
        rig.check(numbers["connections"] == CONNECTIONS, f"connections: {numbers}")
        # At least three packets of a connection cross when it is the second core's.
        rig.check(numbers["steered"] > CONNECTIONS, f"hardly anything reached the second core: {numbers}")
        last = server.stop()
        rig.check(last["bytes_in"] == last["bytes_out"] and last["resets"] == 0, f"counters {last}")
        print("net_tap, one queue, serve():", last["connections"], "connections,", last["steered"], "packets crossed")


def datagrams_over_one_queue(bin_dir):
    with rig.Server(bin_dir, "--backend=dpdk", ONE_QUEUE, *tap.ADDRESSES, CORES, "--proto=udp",
                    "--idle=adaptive", listen=tap.at(tap.OURS, 7001)) as server:
        tap.configure()
        for number in range(100):
            with socket.socket(tap.family(), socket.SOCK_DGRAM) as client:
                client.settimeout(20)
                client.connect((tap.OURS, 7001))
                client.send(b"datagram %d" % number)
                rig.check(client.recv(100) == b"datagram %d" % number, "another datagram came back")
        last = server.stop()
        rig.check(last["steered"] > 20, f"hardly anything reached the second core: {last}")
        print("net_tap, one queue, UDP:", last["messages"], "datagrams,", last["steered"], "packets crossed")


def serve_over_one_queue(bin_dir):
    server = rig.Server(bin_dir, "--backend=dpdk", ONE_QUEUE, *tap.ADDRESSES, CORES, "--proto=tcp", "--idle=adaptive",
                        listen=tap.at(tap.OURS, 7001))
    tap.configure()
    return server


def bulk_over_one_queue(bin_dir):
    """In bulk, and what a third party says of segments that two cores send by one."""
    rig.need("socat", "tshark")
    with serve_over_one_queue(bin_dir) as server:
        bulk.through_socat(server, kernel_tcp.MEGABYTES)
    kernel_tcp.judged(lambda: serve_over_one_queue(bin_dir))


def one_listener_over_one_queue(bin_dir):
    for core in (0, 1):
        with core_peer(bin_dir, "accept", ONE_QUEUE, *tap.ADDRESSES, CORES, f"--address={tap.at(tap.OURS, 7001)}",
                       f"--core={core}") as server:
            tap.configure()
            ask_from_the_kernel(CONNECTIONS, 2 + core)
            accepted, steered = counts_in(end(server))
            rig.check(accepted == CONNECTIONS, f"core {core} accepted {accepted}")
            rig.check((steered > 3 * CONNECTIONS) == (core == 1), f"core {core}: {steered} packets crossed")
            print(f"net_tap, one queue, one listener on core {core}: {accepted} connections, {steered} packets crossed")


def all_of_four_queues_are_served(bin_dir):
    """The kernel spreads first segments over all four; a core that sleeps does so on all that it has."""
    for cores in (f"--cores={CPUS[0]}", CORES):
        with rig.Server(bin_dir, "--backend=dpdk", FOUR_QUEUES, *tap.ADDRESSES, cores, "--proto=tcp",
                        "--idle=adaptive", listen=tap.at(tap.OURS, 7001)) as server:
            tap.configure()
            rig.check("4 queue pairs, " in server.start_line, f"not said: {server.start_line}")
            ask_from_the_kernel(CONNECTIONS, 4)
            last = server.stop()
            rig.check(last["connections"] == CONNECTIONS and last["resets"] == 0, f"counters {last}")
            print(f"net_tap, four queues, {cores}: {last['connections']} connections")


def refuses_rings_without_buffers(bin_dir):
    text = FOUR_QUEUES.replace("rx_ring=256", "rx_ring=1024")
    done = rig.run(bin_dir, "skerry-echo", "--backend=dpdk", text, *tap.ADDRESSES, f"--cores={CPUS[0]}")
    rig.check(done.returncode == 1 and "4 receive rings of 1024 for a core take all of its 2047 buffers" in done.stderr,
              f"{done.returncode}: {done.stderr}")


def refuses_a_key_that_the_device_does_not_take(bin_dir):
    done = rig.run(bin_dir, "skerry-echo", "--backend=dpdk", f"{FOUR_QUEUES};rss_key=symmetric", *tap.ADDRESSES, CORES)
    lines = rig.without_notes(done.stderr).splitlines()
    why = "net_tap0: rss_key=symmetric: the device takes no key and table of ours for its 4 queue pairs"
    rig.check(done.returncode == 1 and len(lines) == 1 and why in lines[0], f"{done.returncode}: {done.stderr}")


def two_queues_between_two_processes(bin_dir):
    for core in (0, 1):
        with tempfile.TemporaryDirectory() as folder:
            def devices(role):
                return (f"--dpdk=vdev=net_memif0,role={role},id=0,socket={folder}/link,socket-abstract=no{MEMORY}"
                        ";queues=2")
            address = f"--address={tap.at(SERVER[tap.is_v6()], 7001)}"
            with core_peer(bin_dir, "accept", devices("server"), *addresses(SERVER), CORES, address,
                           f"--core={core}") as server:
                with core_peer(bin_dir, "ask", devices("client"), *addresses(CLIENT), CORES, address,
                               f"--count={CONNECTIONS // 2}") as client:
                    rig.check(client.first_line == f"core_peer: answered {CONNECTIONS // 2 * 2}", client.first_line)
                    accepted, steered = counts_in(end(server))
                    rig.check(accepted == CONNECTIONS // 2 * 2, f"core {core} accepted {accepted}")
                    rig.check(steered > 0, "the second queue brought nothing")
                    print(f"net_memif, two queues, one listener on core {core}: {accepted} connections, "
                          f"{steered} packets crossed")
                    end(client)


def ask_everything():
    """Starts the test, once the family is chosen."""
    bin_dir = rig.start()
    tap.need_dpdk(bin_dir)
    if len(CPUS) < 2:
        rig.skip("one CPU only")
    two_queues_between_two_processes(bin_dir)
    one_listener_over_one_queue(bin_dir)
    every_core_serves_over_one_queue(bin_dir)
    bulk_over_one_queue(bin_dir)
    datagrams_over_one_queue(bin_dir)
    all_of_four_queues_are_served(bin_dir)
    refuses_rings_without_buffers(bin_dir)
    refuses_a_key_that_the_device_does_not_take(bin_dir)
    print("ok")
