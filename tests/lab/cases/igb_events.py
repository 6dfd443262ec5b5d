# ctest: TIMEOUT 1800
"""What happens to an igb while a server runs on it, with four queues for three cores: silence, in which its cores sleep
until the card interrupts them; a link that goes and comes back; and the card being unplugged under open connections.
"""

import os
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import machine  # noqa: E402
import rig  # noqa: E402
import kernel_udp  # noqa: E402
import server  # noqa: E402
import tap  # noqa: E402

CORES = 3


def serve(guest, bin_dir, *arguments):
    return server.Server(guest, bin_dir, *arguments, devices=";queues=4", cores=f"0-{CORES - 1}")


def ping(count):
    """One at a time, with silence in between: each must wake a core."""
    done = subprocess.run(["ping", "-c", str(count), "-i", "0.3", "-W", "20", tap.OURS], capture_output=True, text=True,
                          timeout=rig.PATIENCE)
    rig.check(done.returncode == 0 and f"{count} received" in done.stdout, done.stdout)


def ask_by_each_queue(count):
    """Datagrams of flows that the card spreads over its queues, with silence before each."""
    for number in range(count):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(rig.PATIENCE)
            client.connect((tap.OURS, 7001))
            time.sleep(0.1)  # the silence is what is tested
            kernel_udp.exchange(client, b"datagram %d" % number)


def sleeps_on_the_interrupt(guest, bin_dir, idle):
    """A core that napped would give its processor up a thousand times a second. The interrupt is all that wakes it."""
    with serve(guest, bin_dir, "--proto=udp", f"--idle={idle}") as echo:
        kernel_udp.answers_every_size()
        before = echo.switches()
        guest.ask("sleep 5")
        after = echo.switches()
        most = max(after[thread] - before.get(thread, 0) for thread in after)
        rig.check(most <= 100, f"{idle}: {most} wake-ups in 5 s of silence: {before} {after}")
        ping(10)
        ask_by_each_queue(50)
        last = echo.switches()
        woken = [thread for thread in last if last[thread] - after.get(thread, 0) >= 5]
        rig.check(len(woken) >= CORES, f"{idle}: not all cores slept and were woken: {after} {last}")
        kernel_udp.answers_many_at_once()
        echo.stop()
        print(f"{idle}: at most {most} wake-ups of a thread in 5 s of silence, then frames woke all {CORES} cores")


def connect():
    connection = socket.create_connection((tap.OURS, 7001), timeout=rig.PATIENCE)
    exchange(connection, b"hello")
    return connection


def said_of_the_link(echo):
    return [line.partition("note: ")[2] for line in echo.errors().splitlines() if ": link is " in line]


def exchange(connection, data):
    connection.sendall(data)
    rig.check(rig.receive(connection, len(data)) == data, "an echo came back otherwise")


def outlives_a_link_that_goes(guest, bin_dir):
    with serve(guest, bin_dir, "--proto=tcp", "--idle=adaptive") as echo:
        listeners = echo.numbers()["sockets"]
        connection = connect()
        for _ in range(2):
            noted = len(said_of_the_link(echo))
            guest.tell_monitor("set_link net0 off")
            rig.wait_until(lambda: len(said_of_the_link(echo)) > noted, "the link goes")
            rig.check(said_of_the_link(echo)[noted:] == [f"dpdk: {guest.port}: link is down"], echo.errors())
            connection.sendall(b"sent into the gap")
            rig.check(echo.is_running() and echo.numbers()["sockets"] == listeners + 1, "sockets go on without a link")
            guest.tell_monitor("set_link net0 on")
            rig.wait_until(lambda: len(said_of_the_link(echo)) > noted + 1, "the link comes back")
            rig.check(": link is up" in said_of_the_link(echo)[-1], echo.errors())
            rig.check(rig.receive(connection, 17) == b"sent into the gap", "what was sent into the gap")
            exchange(connection, os.urandom(100_000))
        connection.close()
        connect().close()
        counters = echo.stop()
        rig.check(counters["resets"] == 0 and counters["connections"] == 2, f"{counters}")
        print(f"links: {said_of_the_link(echo)}")


def ends_when_the_card_is_unplugged(guest, bin_dir):
    """The server cannot serve any more, says so, and ends; the guest gets its card out of the slot."""
    with serve(guest, bin_dir, "--proto=tcp", "--idle=adaptive") as echo:
        listeners = echo.numbers()["sockets"]
        connections = [connect() for _ in range(20)]
        rig.check(echo.numbers()["sockets"] == listeners + 20, "twenty connections and the listeners")
        guest.tell_monitor("device_del nic0")
        code = echo.end(rig.PATIENCE)
        errors = echo.errors()
        rig.check(f"{guest.port}: the device is being taken away" in errors, errors)
        rig.check(code == 1 and "cannot serve any more: the network device was taken away" in errors,
                  f"{code}: {errors}")
        gone = f"test ! -e /sys/bus/pci/devices/{guest.port}"
        rig.wait_until(lambda: guest.run(gone)[0] == 0, "the slot is empty")
        for connection in connections:
            connection.close()
        print(errors.strip())


if __name__ == "__main__":
    folder = rig.start()
    with machine.Guest(nic="igb", cpus=CORES) as igb:
        for idle_ in ("adaptive", "sleep"):
            sleeps_on_the_interrupt(igb, folder, idle_)
        outlives_a_link_that_goes(igb, folder)
        ends_when_the_card_is_unplugged(igb, folder)
    print("ok")
