# ctest: TIMEOUT 120
"""http_hello answers each request once, however the stream is cut, and ends what can be no request."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import rig  # noqa: E402

import http.client  # noqa: E402
import re  # noqa: E402
import select  # noqa: E402
import signal  # noqa: E402
import socket  # noqa: E402
import subprocess  # noqa: E402

bin_dir = rig.start()
program = os.path.join(bin_dir, "http_hello")
if not os.path.exists(program):
    rig.skip("http_hello is not built")

REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n"
BODY = b"Hello, World!"


class Hello(rig.Child):
    def __init__(self, driver):
        self.process = subprocess.Popen([program, f"--backend={driver}", "--listen=127.0.0.1:0"], text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        line = self.first_line()
        found = re.search(r" on 127\.0\.0\.1:(\d+), backend " + driver, line)
        if not found:
            self.process.kill()
            rig.check(False, f"no start line: {line!r} {self.process.stderr.read()!r}")
        self.port = int(found[1])

    def connect(self):
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=rig.PATIENCE)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection


def answers(connection, count):
    """Reads so many answers, with a parser that is not ours."""
    for _ in range(count):
        response = http.client.HTTPResponse(connection)
        response.begin()
        rig.check(response.status == 200 and response.read() == BODY, "an answer is not what it should be")
        rig.check(re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", response.getheader("Date", "")),
                  f"the date is {response.getheader('Date')!r}")


class Reader:
    """A socket whose bytes several HTTPResponses share: each makes a file of its own, and would take too much."""

    def __init__(self, connection):
        self.file = connection.makefile("rb")

    def makefile(self, *_):
        outer = self.file

        class Kept:
            def __getattr__(self, name):
                return getattr(outer, name)

            def close(self):
                pass

        return Kept()


def whole(connection, sent):
    """All that comes until the server ends the connection; a reset is an error."""
    connection.sendall(sent)
    return connection.makefile("rb").read()


def ends_in_order(hello):
    # A body is not taken for a request, and what stands behind it is not answered.
    for body in (b"Content-Length: %d\r\n\r\n" % len(REQUEST) + REQUEST,
                 b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n" + REQUEST):
        with hello.connect() as connection:
            got = whole(connection, REQUEST + b"POST / HTTP/1.1\r\nHost: a\r\n" + body)
            rig.check(re.findall(rb"HTTP/1.1 (\d+)", got) == [b"200", b"413"], f"to a body it says {got}")
    # Who asks for the end of the connection gets it behind the answer.
    for last in (b"GET / HTTP/1.1\r\nHost: a\r\nCONNECTION: keep, Close\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n"):
        with hello.connect() as connection:
            got = whole(connection, REQUEST + last + REQUEST)
            rig.check(got.count(b"HTTP/1.1 200 OK") == 2 and got.count(b"\r\nConnection: close\r\n") == 1
                      and got.endswith(BODY), f"to {last} it says {got}")
    # HEAD has the head of the answer and no body, and a length of 0 is no body.
    with hello.connect() as connection:
        empty = b"GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n"
        head = b"HEAD / HTTP/1.1\r\nHost: a\r\n"
        got = whole(connection, head + b"\r\n" + empty + head + b"Connection: close\r\n\r\n")
        rig.check(got.count(b"HTTP/1.1 200 OK") == 3 and got.count(b"Content-Length: 13\r\n") == 3
                  and got.count(BODY) == 1 and got.endswith(b"\r\n\r\n"), f"to HEAD it says {got}")
    # Wherever the reads end, and however much comes behind the answer.
    for count in (9_000, 12_287, 1_000_000):
        with hello.connect() as connection:
            got = whole(connection, b"GET / HTTP/1.1\r\nX: " + b"y" * count + b"\r\n\r\n")
            rig.check(got.startswith(b"HTTP/1.1 431 ") and got.count(b"HTTP/1.1") == 1, f"to {count} bytes: {got}")


def judge(driver):
    with Hello(driver) as hello:
        with hello.connect() as connection:
            reader = Reader(connection)
            for _ in range(3):  # one after the other
                connection.sendall(REQUEST)
                answers(reader, 1)
            connection.sendall(REQUEST * 1000)  # more than go into one read or one write
            answers(reader, 1000)
            for cut in range(1, len(REQUEST)):
                connection.sendall(REQUEST[:cut])
                connection.sendall(REQUEST[cut:])
                answers(reader, 1)
            for byte in REQUEST * 2:
                connection.sendall(bytes([byte]))
            answers(reader, 2)
            for oddity in (b"A\r\r\n\r\n", b"A\r\n\rB\r\n\r\n", b"A\n\nB\r\n\r\n"):  # one end each
                for byte in oddity:
                    connection.sendall(bytes([byte]))
                answers(reader, 1)
            connection.shutdown(socket.SHUT_WR)
            rig.check(reader.file.read() == b"", "something comes behind the last answer")
        with hello.connect() as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nX: " + b"y" * 20_000)
            first = connection.makefile("rb").readline()
            rig.check(first.startswith(b"HTTP/1.1 431 "), f"to a head without an end it says {first}")
        ends_in_order(hello)
        hello.process.send_signal(signal.SIGTERM)
        rig.check(hello.process.wait(rig.PATIENCE) == 0, f"it ended with {hello.process.returncode}")
    print("ok:", driver, flush=True)


for driver in rig.kernel_drivers(bin_dir):
    judge(driver)
taken = socket.create_server(("127.0.0.1", 0))
refused = subprocess.run([program, f"--listen=127.0.0.1:{taken.getsockname()[1]}"], capture_output=True, text=True,
                         timeout=rig.PATIENCE)
rig.check(refused.returncode == 1 and refused.stderr.count("\n") == 1 and "cannot listen" in refused.stderr,
          f"a port in use: {refused}")
