"""What http_hello has to do with requests, whatever carries them: each is answered once, however the stream is cut,
those that stand together are answered together, and what can be no request ends the connection.
"""

import http.client
import os
import re
import signal
import socket
import struct
import subprocess

import rig

REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n"
BODY = b"Hello, World!"


def program_in(bin_dir):
    return os.path.join(bin_dir, "http_hello")


def need(bin_dir):
    """Skips the test where there is none."""
    if not os.path.exists(program_in(bin_dir)):
        rig.skip("http_hello is not built")


class Hello(rig.Child):
    """http_hello with these options; `device_came` is called when it has its device."""

    def __init__(self, bin_dir, *options, host="127.0.0.1", port=0, device_came=lambda: None):
        self.process = subprocess.Popen([program_in(bin_dir), *options, f"--listen={host}:{port}"], text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.host = host
        backend = next(option for option in options if option.startswith("--backend=")).partition("=")[2].split(":")[0]
        line = self.first_line()
        found = re.search(r" on " + re.escape(host) + r":(\d+), backend " + backend, line)
        if not found:
            self.process.kill()
            rig.check(False, f"no start line: {line!r} {self.process.stderr.read()!r}")
        self.port = int(found[1])
        device_came()

    def connect(self):
        connection = socket.create_connection((self.host, self.port), timeout=rig.PATIENCE)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection


def segments_with_data(connection):
    """Those that came: tcpi_data_segs_in."""
    return struct.unpack_from("=I", connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 156), 152)[0]


def gathers(hello):
    """What stands together is answered together: in as few segments as the bytes take, and not one for each."""
    together = 64
    with hello.connect() as connection:
        reader = Reader(connection)
        connection.sendall(REQUEST)
        answers(reader, 1)
        before = segments_with_data(connection)
        connection.sendall(REQUEST * together)
        answers(reader, together)
        count = segments_with_data(connection) - before
        rig.check(count <= together // 4, f"{together} answers came in {count} segments")


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


def judge(hello):
    """All of it, and its end."""
    with hello:
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
        gathers(hello)
        ends_in_order(hello)
        hello.process.send_signal(signal.SIGTERM)
        rig.check(hello.process.wait(rig.PATIENCE) == 0, f"it ended with {hello.process.returncode}")
