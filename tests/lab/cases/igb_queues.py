# ctest: TIMEOUT 1800
"""igb with four queues for three cores, and with one for each: the card chooses the queue that its key and table say,
also after the table was turned round; a server gets what comes by all of them, each connection at its own core.
"""

import json
import os
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import machine  # noqa: E402
import rig  # noqa: E402
import kernel_tcp  # noqa: E402
import server  # noqa: E402
import tap  # noqa: E402
import wire  # noqa: E402

FLOWS = 1200


def lines_of(guest, count):
    """What card_queues has printed: that many lines at the least, or all."""
    def are_there():
        lines[:] = guest.ask("cat /tmp/queues.out").splitlines()
        return len(lines) >= count or any(line.startswith("ended") for line in lines)
    lines = []
    rig.wait_until(are_there, f"{count} lines of card_queues")
    return lines


def queues_are_as_predicted(guest, bin_dir, queues):
    program = guest.program(bin_dir, "card_queues")
    guest.ask(f"({program} 'pci={guest.port};queues={queues}' 0-2 {FLOWS} > /tmp/queues.out 2> /tmp/queues.errors; "
              "echo ended with $? >> /tmp/queues.out) > /dev/null 2>&1 &")
    sender = wire.Sender(tap.DEVICE, tap.OURS)
    for lines, to_port in ((1, 7001), (3, 7002)):
        rig.check(lines_of(guest, lines)[-1] == "ready", guest.ask("cat /tmp/queues.out /tmp/queues.errors"))
        flow = 0
        while len(lines_of(guest, 0)) == lines:  # some are lost when a ring is full
            for _ in range(100):
                flow += 1
                sender.tcp_syn(to_port, source_port=1024 + flow % 60_000)
        seen = json.loads(lines_of(guest, lines + 1)[lines])
        rig.check(seen["flows"] >= FLOWS and seen["elsewhere"] == 0, f"by another queue than predicted: {seen}")
        rig.check(len(seen["queues"]) == queues and min(seen["queues"]) > FLOWS // 10,
                  f"hardly anything came by one queue: {seen}")
        print(("the table turned round:" if lines == 3 else "as it was started:"), seen)
    rig.check(lines_of(guest, 5)[4] == "ended with 0", guest.ask("cat /tmp/queues.out /tmp/queues.errors"))


def three_cores_serve(guest, bin_dir, devices):
    with server.Server(guest, bin_dir, "--proto=tcp", "--idle=adaptive", devices=devices, cores="0-2") as echo:
        print(echo.start_line)
        data, answers = os.urandom(50_000), []
        for _ in range(20):
            several = [threading.Thread(target=lambda: answers.append(kernel_tcp.exchange(data))) for _ in range(15)]
            for each in several:
                each.start()
            for each in several:
                each.join(120)
        rig.check(len(answers) == 300 and all(answer == data for answer in answers), "300 connections on three cores")
        counters = echo.stop()
        rig.check(counters["connections"] == 300 and counters["resets"] == 0, f"{counters}")
        # What ARP teaches, and nothing of a connection.
        rig.check(counters["steered"] < 30, f"packets cross: {counters}")
        print(f"300 connections, {counters['steered']} packets steered")


if __name__ == "__main__":
    folder = rig.start()
    with machine.Guest(nic="igb", cpus=3) as igb:
        for queues_ in (4, 3):
            queues_are_as_predicted(igb, folder, queues_)
        for devices_ in (";queues=4", ""):
            three_cores_serve(igb, folder, devices_)
    print("ok")
