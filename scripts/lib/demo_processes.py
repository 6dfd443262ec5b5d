"""The programs that scripts/demo runs: a server with its start line, and a client that ends with a report."""

import json
import os
import re
import select
import subprocess
import tempfile

SIZE = 64  # bytes each way, in every row


class Server:
    """A program until end(), with the line it prints when it can be used; empty when it does not start."""

    def __init__(self, command):
        self.errors = tempfile.TemporaryFile(mode="w+")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.errors, text=True)
        ready, _, _ = select.select([self.process.stdout], [], [], 20)
        self.start_line = self.process.stdout.readline().strip() if ready else ""
        self.complaint = ""

    def end(self):
        self.process.kill()
        self.process.wait()
        self.errors.seek(0)
        self.complaint = " ".join(self.errors.read().split())
        self.errors.close()


class Echo(Server):
    """skerry-echo. `address` is None when it did not start; `complaint` says why."""

    def __init__(self, bin_dir, proto, *options, listen):
        super().__init__([os.path.join(bin_dir, "skerry-echo"), f"--proto={proto}", f"--listen={listen}", *options])
        found = re.search(r" on ([\d.]+:\d+), backend (\w+) .* idle (\w+)", self.start_line)
        self.address, self.idle = (found[1], found[3]) if found else (None, None)


def report_of(command, keep=None):
    """What the program writes with --json, to `keep` if that is given; None when it fails or does not end."""
    with tempfile.TemporaryDirectory() as folder:
        path = keep or os.path.join(folder, "run.json")
        try:
            done = subprocess.run([*command, f"--json={path}"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE, text=True, timeout=60)
        except subprocess.TimeoutExpired:
            print(f"{command[0]} did not end within 60 s", flush=True)
            return None
        if done.returncode != 0:
            print(done.stderr.strip(), flush=True)
            return None
        with open(path) as file:
            return json.load(file)
