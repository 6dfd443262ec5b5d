"""igb with several queues: the card chooses the one that its key and table say, also after the table was turned round;
and a server on three cores gets what comes by all of them.
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


def lines_of(guest, count, patience=120):
    rig.wait_until(lambda: int(guest.ask("wc -l < /tmp/queues.out")) >= count or guest.run("pidof card_queues")[0] != 0,
                   f"{count} lines", patience)
    return guest.ask("cat /tmp/queues.out").splitlines()


def queues_are_as_predicted(guest, bin_dir):
    program = os.path.join("/host", os.path.relpath(bin_dir, machine.TREE), "card_queues")
    guest.ask(f"{program} 'pci={guest.port}' 0-2 {FLOWS} > /tmp/queues.out 2>&1 &")
    sender = wire.Sender(tap.DEVICE, tap.OURS)
    for lines in (1, 3):
        rig.check(lines_of(guest, lines)[-1] == "ready", guest.ask("cat /tmp/queues.out"))
        flow = 0
        while len(lines_of(guest, 0)) == lines:  # some may be lost while nobody takes them
            for _ in range(100):
                flow += 1
                sender.tcp_syn(7001, source_port=1024 + flow % 60_000)
        seen = json.loads(lines_of(guest, lines + 1)[lines])
        rig.check(seen["frames"] >= FLOWS and seen["elsewhere"] == 0, f"by another queue than predicted: {seen}")
        rig.check(min(seen["queues"]) > FLOWS // 10, f"hardly anything came by one queue: {seen}")
        print(seen)
    rig.wait_until(lambda: guest.run("pidof card_queues")[0] != 0, "its end", 60)


def three_cores_serve(guest, bin_dir):
    with server.Server(guest, bin_dir, "--proto=tcp", "--idle=adaptive", cores="0-2") as echo:
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
        print(f"300 connections, {counters['steered']} packets steered")


if __name__ == "__main__":
    folder = rig.start()
    with machine.Guest(nic="igb", cpus=3) as igb:
        queues_are_as_predicted(igb, folder)
        three_cores_serve(igb, folder)
    print("ok")
