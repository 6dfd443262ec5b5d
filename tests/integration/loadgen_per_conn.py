# ctest: TIMEOUT 120
"""skerry-loadgen --per-conn: a connection carries so many requests, is closed by the client, and another comes.

The judge is a server that counts what each connection brought.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import rig  # noqa: E402

import socket  # noqa: E402
import threading  # noqa: E402

bin_dir = rig.start()
SIZE = 64
HTTP = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


def echo_of(data):
    """So many bytes of `data` are requests, and what answers them."""
    whole = len(data) // SIZE
    return whole * SIZE, whole, data[:whole * SIZE]


def http_of(data):
    whole = data.count(b"\r\n\r\n")
    used = data.rfind(b"\r\n\r\n") + 4 if whole else 0
    return used, whole, HTTP * whole


def resp_of(data):
    whole = data.count(b"PING\r\n")
    used = data.rfind(b"PING\r\n") + 6 if whole else 0
    return used, whole, b"+PONG\r\n" * whole


class CountingServer:
    def __init__(self, answer):
        self.answer = answer
        self.requests = []  # of each connection that has ended
        self.hung_up = 0  # by the client, in order
        self.lock = threading.Lock()
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:  # the listener went away
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        count, left, in_order = 0, b"", False
        try:
            while data := connection.recv(1 << 16):
                used, whole, answer = self.answer(left + data)
                left = (left + data)[used:]
                count += whole
                connection.sendall(answer)
            in_order = not left
        except OSError:
            pass
        with self.lock:
            self.requests.append(count)
            self.hung_up += in_order
        connection.close()


def load(server, *arguments, expect=0):
    return rig.loadgen(bin_dir, f"--connect=127.0.0.1:{server.port}", "--jitter=0s", "--warmup=0s", "--duration=400ms",
                       *arguments, expect=expect)


for proto, answer in (("tcp", echo_of), ("http", http_of), ("resp", resp_of)):
    for per_conn, arguments in ((1, []), (1, ["--conns=4"]), (3, []), (3, ["--inflight=8", "--conns=2"]),
                                (2, ["--rate=200", "--conns=2"])):
        server = CountingServer(answer)
        what = f"{proto}, {per_conn} a connection, {arguments}"
        report = load(server, f"--proto={proto}", f"--per-conn={per_conn}", *arguments)
        conns = report["conns"]
        rig.check(report["per_conn"] == per_conn, f"{what}: the report says {report['per_conn']}")
        rig.check(report["count"] == report["sent"] and report["errors"] == 0, f"{what}: {report}")
        rig.check(report["reconnects"] > 5 * conns, f"{what}: {report['reconnects']} connections")
        rig.wait_until(lambda: sum(server.requests) == report["sent"], f"{what}: all connections ended")
        full = [count for count in server.requests if count == per_conn]
        rig.check(max(server.requests) == per_conn, f"{what}: {max(server.requests)} on one connection")
        # The last of each may have carried fewer, and the next one none.
        rig.check(len(server.requests) - len(full) <= 2 * conns, f"{what}: {len(full)} of {len(server.requests)} full")
        rig.check(server.hung_up >= len(full), f"{what}: {server.hung_up} ended in order")
    print(f"ok: {proto}", flush=True)

# What comes behind the last answer belongs to nothing, and does not stop the run.
server = CountingServer(lambda data: (*echo_of(data)[:2], echo_of(data)[2] + b"\n"))
report = load(server, "--per-conn=1")
rig.check(report["reconnects"] > 5 and report["unexpected"] > 5, f"more than was asked for: {report}")
print("ok: more than was asked for", flush=True)

# One that cannot be made anew ends the run's connection with a line that says so.
server = CountingServer(echo_of)
closing = threading.Timer(0.1, lambda: (server.socket.shutdown(socket.SHUT_RDWR), server.socket.close()))
closing.start()
done = rig.run(bin_dir, "skerry-loadgen", f"--connect=127.0.0.1:{server.port}", "--jitter=0s", "--warmup=0s",
               "--duration=1s", "--per-conn=1", patience=30)
# Or it was made, and waited to be accepted.
why = ("a connection cannot be made in the place of the one before", "reset by the peer")
rig.check(any(each in done.stderr for each in why), done.stderr)
rig.check(done.returncode == 1, f"it ended with {done.returncode}")
print("ok: the listener went away", flush=True)


def refuse_unread(connection):
    connection.recv(1000)
    connection.sendall(b"-ERR too long\r\n")
    connection.recv(1)  # and no more: the rest of the request stays where it is
    threading.Event().wait()


def serve_by(conduct):
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)

    def accept():
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=conduct, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listener


# A request that is answered before all of it was written ends with its connection, and the next one is made.
listener = serve_by(refuse_unread)
report = rig.loadgen(bin_dir, f"--connect=127.0.0.1:{listener.getsockname()[1]}", "--proto=resp", "--command=set",
                     "--value-bytes=4194304", "--per-conn=1", "--jitter=0s", "--warmup=0s", "--duration=400ms",
                     expect=1)
rig.check(report["refused"] > 2 and report["reconnects"] > 2 and report["ended_early"] == 0, f"unread: {report}")
print("ok: answered before it was written", flush=True)

# A closed loop whose server lets nobody connect any more was silent, though nothing waits for an answer in the end.
listener = socket.create_server(("127.0.0.1", 0), backlog=0)
port = listener.getsockname()[1]


def serve_one():
    connection, _ = listener.accept()
    crowd = [socket.socket() for _ in range(4)]
    for each in crowd:  # who is not accepted fills the queue, and what comes then is not heard
        each.setblocking(False)
        each.connect_ex(("127.0.0.1", port))
    connection.sendall(connection.recv(SIZE))
    threading.Event().wait()


threading.Thread(target=serve_one, daemon=True).start()
report = rig.loadgen(bin_dir, f"--connect=127.0.0.1:{port}", "--per-conn=1", "--timeout=4500ms", "--jitter=0s",
                     "--warmup=0s", "--duration=500ms", expect=1)
rig.check(report["invalid"] and report["ended_early"] == 1, f"nobody can connect: {report}")
print("ok: nobody can connect", flush=True)
