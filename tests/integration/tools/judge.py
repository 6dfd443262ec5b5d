"""Servers that are not ours, for skerry-loadgen to be judged by: each a process that ends with its `with` block."""

import os
import socket
import subprocess
import tempfile

import rig


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def complete(report, what):
    """Everything that was sent was answered as it should be."""
    names = ("sent", "count", "errors", "refused", "lost", "unexpected", "ended_early")
    counts = {name: report[name] for name in names}
    rig.check(report["sent"] > 0 and report["count"] == report["sent"], f"{what}: {counts}")
    rig.check(sum(counts.values()) == 2 * report["sent"], f"{what}: {counts}")
    return report


class Judge:
    """A server on a port of its own, which is there when the block begins. `command` gets the port and a folder."""

    def __init__(self, command):
        self.folder = tempfile.TemporaryDirectory()
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.log = open(os.path.join(self.folder.name, "output"), "w+")
        self.process = subprocess.Popen(command(self.port, self.folder.name), stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log)

    def __enter__(self):
        rig.wait_until(self.is_there, "the server listens")
        return self

    def is_there(self):
        if self.process.poll() is not None:
            self.log.seek(0)
            rig.check(False, f"{self.process.args} ended with {self.process.returncode}: {self.log.read()}")
        with socket.socket() as one:
            return one.connect_ex(("127.0.0.1", self.port)) == 0

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(rig.PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()
        self.folder.cleanup()


NGINX = """
daemon off;
{user}
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
    log_format counted '$request_method $status';
    access_log {folder}/access.log counted;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_requests {keepalive_requests};
    server {{
        listen 127.0.0.1:{port};
        root {folder};
        location = /none {{ return 204; }}
        location = /same {{ return 304; }}
        location = /busy {{ return 503; }}
        location = /posted {{ return 200 "taken"; }}
    }}
}}
"""


class Nginx(Judge):
    """nginx with a file of 1,000 bytes, /file; its log has a line for each request."""

    def __init__(self, keepalive_requests=1000):
        def command(port, folder):
            with open(os.path.join(folder, "file"), "wb") as file:
                file.write(b"x" * 1000)
            path = os.path.join(folder, "nginx.conf")
            with open(path, "w") as file:
                file.write(NGINX.format(port=port, folder=folder, keepalive_requests=keepalive_requests,
                                        user="user root;" if os.geteuid() == 0 else ""))
            return ["nginx", "-p", folder, "-c", path]
        super().__init__(command)

    def logged(self):
        """How many requests of each `METHOD STATUS` were answered since the last call."""
        path = os.path.join(self.folder.name, "access.log")
        with open(path, "r+") as file:
            lines = file.read().splitlines()
            file.truncate(0)
        return {line: lines.count(line) for line in set(lines)}


class Redis(Judge):
    """redis-server that keeps nothing on disk."""

    def __init__(self, *options):
        def command(port, folder):
            return ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
                    "--dir", folder, *options]
        super().__init__(command)

    def ask(self, *words):
        """What redis-cli says to one command."""
        done = subprocess.run(["redis-cli", "-p", str(self.port), *words], capture_output=True, text=True,
                              timeout=rig.PATIENCE)
        rig.check(done.returncode == 0, f"redis-cli {words}: {done}")
        return done.stdout.strip()
