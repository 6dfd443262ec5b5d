# ctest: TIMEOUT 240
"""skerry-loadgen speaks HTTP/1.1: nginx's log has as many lines as requests were sent, and Python's server and
http_hello agree; answers come in chunks, byte by byte, to the end of the connection; connections end announced and
unannounced.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import rig  # noqa: E402

bin_dir = rig.start()
rig.need("nginx")

import http.server  # noqa: E402
import judge  # noqa: E402
import socket  # noqa: E402
import threading  # noqa: E402

SHORT = ("--proto=http", "--jitter=0s", "--warmup=0s", "--duration=300ms")
QUICK = (*SHORT, rig.ALL_ANSWERS)


def load(address, *arguments):
    return rig.loadgen(bin_dir, f"--connect={address}", *QUICK, *arguments, expect=rig.failed_without_a_server)


def nginx_agrees(driver):
    with judge.Nginx(keepalive_requests=100) as nginx:
        address = nginx.address
        for arguments in (["--conns=2"], ["--inflight=16"], ["--conns=3", "--inflight=64"],
                          ["--rate=2000", "--conns=4"], ["--rate=2000", "--arrivals=poisson", "--inflight=4"]):
            report = judge.complete(load(address, f"--backend={driver}", "--path=/file", *arguments),
                                    f"nginx {arguments}")
            logged = nginx.logged()
            rig.check(logged == {"GET 200": report["sent"]}, f"{arguments}: {report['sent']} sent, logged {logged}")
            connections = report["reconnects"] + report["conns"]
            rig.check(report["sent"] <= 100 * connections,
                      f"{arguments}: {report['reconnects']} reconnects, {report['sent']} sent")
        for arguments, line in ((["--method=HEAD", "--path=/file", "--inflight=4"], "HEAD 200"),
                                (["--path=/none", "--inflight=4"], "GET 204"),
                                (["--path=/same", "--inflight=4", "--status=304"], "GET 304"),
                                (["--method=POST", "--path=/posted", "--body-bytes=70000"], "POST 200"),
                                (["--path=/file", "--header=Connection: close", "--conns=2"], "GET 200")):
            report = judge.complete(load(address, f"--backend={driver}", *arguments), f"nginx {arguments}")
            logged = nginx.logged()
            rig.check(logged == {line: report["sent"]}, f"{arguments}: {report['sent']} sent, logged {logged}")
        rig.check(0 <= report["sent"] - report["reconnects"] <= report["conns"], f"each closed: {report['reconnects']} "
                  f"reconnects, {report['sent']} sent")
        # Headers are sent as they are given, and those that nginx refuses come back as refusals.
        for arguments, line in ((["--path=/missing"], "GET 404"), (["--path=/busy", "--rate=500"], "GET 503"),
                                (["--header=Host: a", "--header=Host: b"], "GET 400")):
            report = load(address, f"--backend={driver}", *arguments)
            logged = nginx.logged()
            rig.check(report["refused"] == report["sent"] > 0 and report["count"] == 0 and report["invalid"],
                      f"{arguments}: {report}")
            rig.check(logged == {line: report["sent"]}, f"{arguments}: {report['sent']} sent, logged {logged}")
    print("ok: nginx", driver, flush=True)


def refusals_are_shown():
    with judge.Nginx() as nginx:
        page = os.path.join(nginx.folder.name, "run.html")
        done = rig.run(bin_dir, "skerry-loadgen", f"--connect={nginx.address}", *QUICK, "--path=/busy",
                       f"--html={page}")
        rig.check("answers of the measured time were refusals, first: status 503" in done.stderr, f"{done}")
        rig.check(done.returncode == 1 and "every answer of the measured time was a refusal; look at" in done.stderr,
                  f"{done}")
        titles, response = done.stdout.splitlines()[:2]
        end = titles.index(" refused") + len(" refused")
        rig.check(int(response[:end].split()[-1].replace(",", "")) == nginx.logged()["GET 503"], done.stdout)
        with open(page) as file:
            rig.check("<td class=\"left\">refused</td>" in file.read(), "the page does not tell refusals")


class PythonServer(http.server.ThreadingHTTPServer):
    """Answers GET in one of several ways, and counts."""
    daemon_threads = True

    def __init__(self, way, version="HTTP/1.1"):
        self.count = 0
        self.lock = threading.Lock()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = version
            wbufsize = -1

            def do_GET(self):
                with self.server.lock:
                    self.server.count += 1
                    number = self.server.count
                way(self, number)

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    @property
    def address(self):
        return f"127.0.0.1:{self.server_port}"


def chunked(handler, number):
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    if number % 10 == 0:
        handler.send_header("Trailer", "X-Sum")
    handler.end_headers()
    for size in range(number % 7):
        handler.wfile.write(b"%x;part=%d\r\n%s\r\n" % (size + 1, size, b"\r" * (size + 1)))
    handler.wfile.write(b"0\r\n" + (b"X-Sum: 1\r\n" if number % 10 == 0 else b"") + b"\r\n")


def closes_now_and_then(handler, number):
    handler.send_response(200)
    handler.send_header("Content-Length", "5")
    if number % 3 == 0:
        handler.send_header("Connection", "close")
    handler.end_headers()
    handler.wfile.write(b"hello")


def to_the_end(handler, _):
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(b"as long as it lasts")
    handler.close_connection = True


def hangs_up(handler, number):
    """Ends a connection without a word, after a whole answer."""
    handler.send_response(200)
    handler.send_header("Content-Length", "0")
    handler.end_headers()
    handler.close_connection = number % 5 == 0


def python_agrees():
    ways = ((chunked, "HTTP/1.1"), (closes_now_and_then, "HTTP/1.1"), (closes_now_and_then, "HTTP/1.0"),
            (to_the_end, "HTTP/1.0"), (to_the_end, "HTTP/1.1"), (hangs_up, "HTTP/1.1"))
    for way, version in ways:
        for arguments in (["--conns=2"], ["--rate=200", "--conns=3"]):
            with PythonServer(way, version) as server:
                what = f"{way.__name__} {version} {arguments}"
                report = judge.complete(load(server.address, *arguments), what)
                rig.check(server.count == report["sent"], f"{what}: {server.count} came, {report['sent']} were sent")
                rig.check((report["reconnects"] > 0) == (way is not chunked), f"{what}: {report['reconnects']}")
        # What was sent behind the last answer of a connection is asked for again, so the server may see more.
        with PythonServer(way, version) as server:
            report = judge.complete(load(server.address, "--inflight=8"), f"{way.__name__} {version}, pipelined")
            rig.check(server.count >= report["sent"], f"{way.__name__}: {server.count} came, {report['sent']} sent")
    print("ok: Python's server", flush=True)


class RawServer:
    """Answers each request, however it came, by what `answer(connection, number of the request)` does."""

    def __init__(self, answer):
        self.answer = answer
        self.count = 0
        self.connections = 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.socket.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.socket.accept()
            self.connections += 1
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        stream = connection.makefile("rb")
        try:
            while True:
                length = 0
                while (line := stream.readline()) not in (b"\r\n", b""):
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                if not line:
                    return
                stream.read(length)
                self.count += 1
                self.answer(connection, self.count)
        except (OSError, ValueError):
            pass


def hang_up(connection):
    connection.shutdown(socket.SHUT_RDWR)
    connection.close()


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


def cut_everywhere():
    def byte_by_byte(connection, number):
        answer = OK if number % 2 else (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n")
        for byte in answer:
            connection.send(bytes([byte]))
    report = judge.complete(load(RawServer(byte_by_byte).address, "--inflight=3"), "byte by byte")
    rig.check(report["reconnects"] == 0, f"{report['reconnects']} reconnects")


def no_answers_of_http():
    """Each is told in words of its own, ends the run, and makes it invalid."""
    for answer, words in ((b"220 ready\r\n", "status line"), (b"HTTP/1.1 200 OK\n\n", "CR LF"),
                          (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", "Content-Length"),
                          (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "size of a chunk"),
                          (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 20_000, "longer than 65,536 bytes"),
                          (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "status 101")):
        server = RawServer(lambda connection, _: connection.sendall(answer))
        for arguments in ([], ["--rate=100", "--conns=2"], ["--inflight=8"]):
            done = rig.run(bin_dir, "skerry-loadgen", f"--connect={server.address}", *QUICK, "--strict", *arguments)
            rig.check(done.returncode == 1 and "an answer cannot be read: " in done.stderr and words in done.stderr,
                      f"{answer[:60]} {arguments}: {done}")
            rig.check("no request of the measured time was answered; " in done.stderr, f"{answer[:60]}: {done.stderr}")


def ends():
    def within(connection, number):
        connection.sendall(OK[:-1] if number % 10 == 0 else OK)
        if number % 10 == 0:
            hang_up(connection)
    server = RawServer(within)
    report = load(server.address)
    rig.check(report["errors"] > 0 and report["errors"] + report["count"] == report["sent"] == server.count,
              f"cut within an answer: {server.count} came, {report}")
    rig.check(abs(report["errors"] - report["reconnects"]) <= 1 and report["invalid"],
              f"cut within an answer: {report}")

    # A connection that ends before it answered anything is the last one: nobody connects for ever.
    server = RawServer(lambda connection, _: hang_up(connection))
    for arguments in (["--conns=3"], ["--rate=100"]):
        report = load(server.address, *arguments)
        rig.check(report["invalid"] and report["count"] == 0 and report["reconnects"] == 0, f"{arguments}: {report}")
    rig.check(server.connections == 3 + 1, f"{server.connections} connections were made")

    # What must not be asked twice is not.
    def silently(connection, number):
        connection.sendall(OK)
        if number % 7 == 0:
            hang_up(connection)
    for method, repeats in (("GET", True), ("POST", False)):
        server = RawServer(silently)
        report = load(server.address, f"--method={method}", "--inflight=4", "--body-bytes=10")
        rig.check(report["reconnects"] > 0 and (report["errors"] == 0) == repeats, f"{method}: {report}")
        rig.check(report["count"] + report["errors"] == report["sent"], f"{method}: {report}")
        rig.check(server.count >= report["sent"] if repeats else server.count <= report["sent"],
                  f"{method}: {server.count} came, {report['sent']} were sent")


def idle_ends():
    """A server that closes at once connects nobody for ever, and one that comes back is used again."""
    accepted = []

    def closes_at_once(own):
        while True:
            connection, _ = own.accept()
            accepted.append(1)
            connection.close()
    own = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=closes_at_once, args=(own,), daemon=True).start()
    report = rig.loadgen(bin_dir, f"--connect=127.0.0.1:{own.getsockname()[1]}", *SHORT, "--rate=20", expect=1)
    rig.check(report["invalid"] and report["count"] == 0 and len(accepted) <= 2, f"{len(accepted)} accepted: {report}")


def twice():
    """The second copy of an answer does not pass for the next one's, and a server that bids farewell is not broken."""
    for arguments in (["--rate=300"], [], ["--inflight=4"]):
        report = load(RawServer(lambda connection, _: connection.sendall(OK * 2)).address, *arguments)
        rig.check(report["unexpected"] == 1 and report["invalid"] and report["reconnects"] == 0,
                  f"each answer twice {arguments}: {report}")

    def bids_farewell(connection, number):
        connection.sendall(OK)
        if number % 3 == 0:
            connection.sendall(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            hang_up(connection)
    report = load(RawServer(bids_farewell).address, "--rate=100")
    rig.check(report["reconnects"] > 0 and report["count"] + report["refused"] == report["sent"], f"farewell: {report}")


def our_own():
    program = os.path.join(bin_dir, "http_hello")
    if not os.path.exists(program):
        print("without http_hello: it is not built")
        return
    with judge.Judge(lambda port, _: [program, "--backend=epoll", f"--listen=127.0.0.1:{port}", "--cores=0"]) as hello:
        for arguments in (["--conns=4"], ["--conns=2", "--inflight=200"], ["--rate=2000", "--inflight=2"]):
            report = judge.complete(load(hello.address, *arguments), f"http_hello {arguments}")
            rig.check(report["reconnects"] == 0, f"http_hello: {report['reconnects']} reconnects")
    print("ok: http_hello", flush=True)


for driver in rig.kernel_drivers(bin_dir):
    nginx_agrees(driver)
refusals_are_shown()
python_agrees()
cut_everywhere()
no_answers_of_http()
ends()
idle_ends()
twice()
our_own()
print("ok")
