"""What happens to an igb while a server runs on it: silence, in which its core sleeps until the card interrupts it; a
link that goes and comes back; and the card being unplugged under open connections.
"""

import os
import socket
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import machine  # noqa: E402
import rig  # noqa: E402
import kernel_udp  # noqa: E402
import server  # noqa: E402
import tap  # noqa: E402

PATIENCE = 120


def ping(count):
    """One at a time, with silence in between: each must wake the core."""
    done = subprocess.run(["ping", "-c", str(count), "-i", "0.3", "-W", "5", tap.OURS], capture_output=True, text=True,
                          timeout=PATIENCE)
    rig.check(done.returncode == 0 and f"{count} received" in done.stdout, done.stdout)


def sleeps_on_the_interrupt(guest, bin_dir):
    """A core that napped would give its processor up a thousand times a second. The interrupt is all that wakes it."""
    for idle in ("adaptive", "sleep"):
        with server.Server(guest, bin_dir, "--proto=udp", f"--idle={idle}") as echo:
            kernel_udp.answers_every_size()
            before = echo.switches()
            guest.ask("sleep 5")
            after = echo.switches()
            most = max(after[thread] - before.get(thread, 0) for thread in after)
            rig.check(most <= 100, f"{idle}: {most} wake-ups in 5 s of silence: {before} {after}")
            ping(10)
            rig.check(max(echo.switches().values()) > max(after.values()), f"{idle}: the core did not sleep")
            kernel_udp.answers_many_at_once()
            echo.stop()
            print(f"{idle}: at most {most} wake-ups of a thread in 5 s of silence, ten pings woke it")


def connect():
    connection = socket.create_connection((tap.OURS, 7001), timeout=PATIENCE)
    exchange(connection, b"hello")
    return connection


def exchange(connection, data):
    connection.sendall(data)
    rig.check(rig.receive(connection, len(data)) == data, "an echo came back otherwise")


def outlives_a_link_that_goes(guest, bin_dir):
    with server.Server(guest, bin_dir, "--proto=tcp", "--idle=adaptive") as echo:
        connection = connect()
        for _ in range(2):
            noted = echo.errors().count("link is")
            guest.tell_monitor("set_link net0 off")
            rig.wait_until(lambda: echo.errors().count("link is") > noted, "the link goes", PATIENCE)
            rig.check(echo.errors().splitlines()[-1].endswith(f"{guest.port}: link is down"), echo.errors())
            connection.sendall(b"sent into the gap")
            rig.check(echo.is_running() and echo.numbers()["sockets"] == 2, "sockets go on without a link")
            guest.tell_monitor("set_link net0 on")
            rig.wait_until(lambda: "link is up" in echo.errors().splitlines()[-1], "the link comes back", PATIENCE)
            rig.check(rig.receive(connection, 17) == b"sent into the gap", "what was sent into the gap")
            exchange(connection, os.urandom(100_000))
        connection.close()
        connect().close()
        counters = echo.stop()
        rig.check(counters["resets"] == 0 and counters["connections"] == 2, f"{counters}")
        print(f"links: {[line.split('note: ')[1] for line in echo.errors().splitlines()]}")


def ends_when_the_card_is_unplugged(guest, bin_dir):
    """The server cannot serve any more, says so, and ends; the guest gets its card out of the slot."""
    with server.Server(guest, bin_dir, "--proto=tcp", "--idle=adaptive") as echo:
        connections = [connect() for _ in range(5)]
        rig.check(echo.numbers()["sockets"] == 6, "five connections and the listener")
        guest.tell_monitor("device_del nic0")
        code = echo.end(PATIENCE)
        errors = echo.errors()
        rig.check(f"{guest.port}: the device is being taken away" in errors, errors)
        rig.check(code == 1 and "cannot serve any more: the network device was taken away" in errors,
                  f"{code}: {errors}")
        gone = f"test ! -e /sys/bus/pci/devices/{guest.port}"
        rig.wait_until(lambda: guest.run(gone)[0] == 0, "the slot is empty", PATIENCE)
        for connection in connections:
            connection.close()
        print(errors.strip())


if __name__ == "__main__":
    folder = rig.start()
    with machine.Guest(nic="igb", cpus=2) as igb:
        sleeps_on_the_interrupt(igb, folder)
        outlives_a_link_that_goes(igb, folder)
        ends_when_the_card_is_unplugged(igb, folder)
    print("ok")
