# ctest: TIMEOUT 120
"""Each mode of skerry-echo answers as it says, on one core and on all, over IPv4 and IPv6."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import rig  # noqa: E402

import re  # noqa: E402
import signal  # noqa: E402
import socket  # noqa: E402
import struct  # noqa: E402
import subprocess  # noqa: E402

bin_dir = rig.start()


def exchange_tcp(server, data):
    with server.connect() as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        return rig.receive(connection, len(data) + 1)


def tcp_echo():
    with rig.Server(bin_dir, "--proto=tcp", "--backend=epoll") as server:
        rig.check(re.fullmatch(r"skerry-echo: tcp echo on 127\.0\.0\.1:\d+, backend epoll \(.+\), cores .+, "
                               r"idle sleep, clock (tsc|cntvct|monotonic)\b.*, read \d+ ns",
                               server.start_line), f"start line: {server.start_line}")
        sent = 0
        for size in (1, 64, 65_536, 300_000):
            data = os.urandom(size)
            rig.check(exchange_tcp(server, data) == data, f"{size} bytes came back changed")
            sent += size
        many = [server.connect() for _ in range(64)]
        for index, connection in enumerate(many):
            connection.sendall(bytes([index]) * 100)
        for index, connection in enumerate(many):
            rig.check(rig.receive(connection, 100) == bytes([index]) * 100, "an answer went to another connection")
            connection.close()
        counters = server.stop(signal.SIGINT)
        rig.check(counters["connections"] == 68 and counters["resets"] == 0, f"counters {counters}")
        rig.check(counters["bytes_in"] == counters["bytes_out"] == sent + 6400, f"counters {counters}")


def udp_echo(*arguments):
    with rig.Server(bin_dir, "--proto=udp", *arguments) as server:
        sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(16)]
        for index, client in enumerate(sockets):
            client.settimeout(20)
            client.connect((server.host, server.port))
            for size in (0, 1, 1400, 20_000):
                data = bytes([index]) * size
                client.send(data)
                rig.check(client.recv(65_536) == data, f"a datagram of {size} bytes came back changed")
            client.close()
        counters = server.stop()
        rig.check(counters["messages"] == 64 and counters["unsent"] == 0, f"counters {counters}")


def sink_and_source():
    with rig.Server(bin_dir, "--mode=sink") as server:
        rig.check(exchange_tcp(server, b"x" * 100_000) == b"", "a sink answered")
        rig.check(server.stop()["bytes_in"] == 100_000, "a sink lost bytes")
    with rig.Server(bin_dir, "--mode=source") as server:
        with server.connect() as connection:
            rig.check(rig.receive(connection, 10_000_000) == bytes(10_000_000), "a source sends zeros")
        rig.check(server.stop()["resets"] == 0, "a peer that has had enough is no error")


def frame(number, flags, payload):
    return struct.pack(">QHI", number, flags, 14 + len(payload)) + payload


def sockperf_frames():
    """Messages cut at every place, some of which want no answer."""
    messages = [(frame(n, 1 | (2 if n % 3 else 0), bytes([n]) * (n * 7 % 40))) for n in range(30)]
    answers = [frame(n, 2, bytes([n]) * (n * 7 % 40)) for n in range(30) if n % 3]
    stream, expected = b"".join(messages), b"".join(answers)
    with rig.Server(bin_dir, "--mode=sockperf") as server:
        for step in (1, 5, 13, 14, 15, 100, len(stream)):
            with server.connect() as connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for at in range(0, len(stream), step):
                    connection.sendall(stream[at:at + step])
                connection.shutdown(socket.SHUT_WR)
                rig.check(rig.receive(connection, len(expected) + 1) == expected, f"answers, cut every {step} bytes")
        rig.check(server.stop()["messages"] == 7 * 30, "messages are counted by frame")


def ipv6():
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return
    with rig.Server(bin_dir, listen="[::1]:0") as server:
        rig.check(exchange_tcp(server, b"six") == b"six", "IPv6 echo")
        server.stop()


def one_cpu():
    """Inside an affinity of one CPU the program takes that one by itself."""
    cpu = min(os.sched_getaffinity(0))
    with rig.Server(bin_dir, wrap=("taskset", "-c", str(cpu))) as server:
        rig.check(f"cores {cpu} (" in server.start_line, server.start_line)
        rig.check(exchange_tcp(server, b"one") == b"one", "echo on one CPU")
        server.stop()


def load():
    with rig.Server(bin_dir, "--proto=tcp") as server:
        report = rig.loadgen(bin_dir, f"--connect={server.address}", "--conns=20", "--duration=1s", "--warmup=100ms",
                             rig.ALL_ANSWERS)
        rig.check(report["count"] > 0 and report["errors"] == 0 and report["lost"] == 0, f"tcp load: {report}")
        server.stop()
    with rig.Server(bin_dir, "--proto=udp") as server:
        report = rig.loadgen(bin_dir, f"--connect={server.address}", "--proto=udp", "--conns=5", "--duration=1s",
                             "--warmup=100ms", "--rate=500")
        rig.check(report["count"] > 0 and report["unexpected"] == 0, f"udp load: {report}")
        server.stop()


def ladder():
    """io_uring or epoll for streams, as the kernel is; for datagrams epoll, and where that is another one, why."""
    def server_line(*arguments):
        with rig.Server(bin_dir, "--backend=auto", *arguments) as server:
            return server.start_line
    streams, datagrams = server_line("--proto=tcp"), server_line("--proto=udp")
    rig.check("backend epoll " in datagrams, datagrams)
    differs = "backend io_uring " in streams
    rig.check(("with datagrams it is ahead of io_uring" in datagrams) == differs, f"{streams}\n{datagrams}")
    print("streams find", "io_uring" if differs else "epoll", "first, datagrams epoll")


def network_of_the_kernel():
    """One command for a machine with a card and for a container: what does not count is told and not refused."""
    with rig.Server(bin_dir, "--ip=198.18.0.2/24", "--vlan=7", f"--cores={min(os.sched_getaffinity(0))}") as server:
        rig.check(exchange_tcp(server, b"hello") == b"hello", "an answer of the kernel's network")
        server.process.send_signal(signal.SIGTERM)
        _, said = server.process.communicate(timeout=rig.PATIENCE)
        told = [line for line in said.splitlines() if "--ip, --vlan: not used: auto took " in line]
        rig.check(server.process.returncode == 0 and len(told) == 1, said)


def first_program():
    program = os.path.join(bin_dir, "example_tcp_echo")
    if not os.path.exists(program) or rig.INSIDE not in os.environ:
        return  # its port is fixed, so only in a network of our own
    process = subprocess.Popen([program])
    try:
        def reach():
            try:
                with socket.create_connection(("127.0.0.1", 7000), timeout=5) as connection:
                    connection.sendall(b"hello")
                    return rig.receive(connection, 5) == b"hello"
            except ConnectionRefusedError:
                return False
        rig.wait_until(reach, "the README's program answers")
    finally:
        process.kill()
        process.wait()


tcp_echo()
udp_echo()
udp_echo("--mode=echo", f"--cores={min(os.sched_getaffinity(0))}")
sink_and_source()
sockperf_frames()
ipv6()
one_cpu()
load()
ladder()
network_of_the_kernel()
first_program()
print("ok")
