"""skerry-echo in a guest, with what tests of a server on this machine use of one (rig.Server)."""

import json
import re

import rig

OURS = "198.18.0.2"


class Server:
    """The unchanged program on the guest's first card. Ended by its own process id, whatever happens.

    devices: what is said of the card behind its address: ";queues=4".
    """

    def __init__(self, guest, bin_dir, *arguments, devices="", cores="1", port=7001, ip=f"{OURS}/24", patience=120):
        self.guest, self.host, self.port = guest, ip.partition("/")[0], port
        self.address = f"[{self.host}]:{port}" if ":" in self.host else f"{self.host}:{port}"
        self.out, self.json_file = f"/tmp/echo.{port}.out", f"/tmp/echo.{port}.json"
        program = guest.program(bin_dir, "skerry-echo")
        command = [program, "--backend=dpdk", f"'--dpdk=pci={guest.port}{devices}'", own_address(ip),
                   f"--listen={self.address}", f"--cores={cores}", f"--json={self.json_file}", *arguments]
        guest.ask(f"rm -f {self.json_file} {self.out}*; ({' '.join(command)} > {self.out} 2> {self.out}.errors & "
                  f"echo $! > {self.out}.pid; wait $!; echo $? > {self.out}.code) > /dev/null 2>&1 &")
        self.pid = int(guest.ask(f"until [ -s {self.out}.pid ]; do sleep 0.1; done; cat {self.out}.pid"))
        self.lines_read = 0
        self.start_line = self.next_line(patience)
        rig.check(f" on {self.address}, backend dpdk" in self.start_line, f"a start line: {self.start_line}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.guest.process.poll() is None:
            self.guest.run(f"kill -9 {self.pid}; true")

    def lines(self):
        return self.guest.ask(f"cat {self.out}").splitlines()

    def errors(self):
        """What it said on standard error."""
        return self.guest.ask(f"cat {self.out}.errors")

    def is_running(self):
        return self.guest.run(f"kill -0 {self.pid}")[0] == 0

    def next_line(self, patience=60):
        """The next line that it prints."""
        self.lines_read += 1
        wait = (f"for i in $(seq {patience * 10}); do [ $(wc -l < {self.out}) -ge {self.lines_read} ] && break; "
                f"kill -0 {self.pid} || break; sleep 0.1; done; sed -n {self.lines_read}p {self.out}")
        status, line = self.guest.run(wait, patience * 3)
        rig.check(status == 0 and line.strip(), f"the server printed no line {self.lines_read}: {self.errors()}")
        return line.strip()

    def numbers(self, patience=60):
        """What the server prints on SIGUSR1."""
        self.guest.ask(f"kill -USR1 {self.pid}")
        return json.loads(self.next_line(patience))

    def end(self, patience=60):
        """Waits for its end; the exit code."""
        _, code = self.guest.run(f"for i in $(seq {patience * 10}); do [ -s {self.out}.code ] && break; "
                                 f"sleep 0.1; done; cat {self.out}.code", patience * 3)
        rig.check(code.strip().isdecimal(), f"the server did not end within {patience} s")
        return int(code)

    def stop(self, patience=60):
        """Ends the server and returns its counters; it must not have complained."""
        self.guest.ask(f"kill -TERM {self.pid}")
        code = self.end(patience)
        rig.check(code == 0, f"the server ended with {code}: {self.errors()}")
        rig.check((said := complaints(self.errors())) == "", f"the server complained: {said}")
        return json.loads(self.guest.ask(f"cat {self.json_file}"))

    def cpu_seconds(self):
        """The processor time that it has used."""
        user, system = self.guest.ask(f"cat /proc/{self.pid}/stat").rsplit(")", 1)[1].split()[11:13]
        return (int(user) + int(system)) / 100

    def switches(self):
        """How often each of its threads gave its processor up of its own accord, by thread."""
        text = self.guest.ask(f"grep -H ^voluntary /proc/{self.pid}/task/*/status")
        return {int(thread): int(count) for thread, count in re.findall(r"task/(\d+)/status:\D*(\d+)", text)}


def own_address(ip):
    """How a program is told that this is its address."""
    return f"--ip6={ip}" if ":" in ip else f"--ip={ip}"


def complaints(errors):
    """Standard error without the library's notices."""
    return "\n".join(line for line in errors.splitlines() if ": note: " not in line)
