# ctest: TIMEOUT 1800
"""igb chooses queues by our key and table: what two cores serve comes to the core that has it, and hardly anything
crosses between them.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import machine  # noqa: E402
import rig  # noqa: E402
import server  # noqa: E402

import socket  # noqa: E402

CONNECTIONS = 100

rig_dir = rig.start()
with machine.Guest(nic="igb", cpus=2) as guest:
    with server.Server(guest, rig_dir, "--proto=tcp", "--idle=adaptive", cores="0,1") as tcp:
        rig.check("queue pairs, hash predicted" in tcp.start_line, f"the hash is not ours: {tcp.start_line}")
        all_open = [socket.create_connection((tcp.host, tcp.port), timeout=60) for _ in range(CONNECTIONS)]
        for number, connection in enumerate(all_open):
            connection.sendall(b"%d " % number * 500)
        for number, connection in enumerate(all_open):
            words = b"%d " % number * 500
            rig.check(rig.receive(connection, len(words)) == words, "an answer of another connection")
        for connection in all_open:
            connection.close()
        numbers = tcp.numbers()
        rig.check(numbers["connections"] == CONNECTIONS, f"connections: {numbers}")
        # What ARP teaches, and nothing of a connection: by a hash that does not hold half of them would cross.
        rig.check(numbers["steered"] < CONNECTIONS // 10, f"packets cross: {numbers}")
        print(CONNECTIONS, "connections,", numbers["steered"], "packets crossed")
        tcp.stop()
    with server.Server(guest, rig_dir, "--proto=tcp", "--idle=adaptive", cores="0,1", devices=";queues=1") as tcp:
        all_open = [socket.create_connection((tcp.host, tcp.port), timeout=60) for _ in range(CONNECTIONS)]
        for connection in all_open:
            connection.sendall(b"over one queue")
        for connection in all_open:
            rig.check(rig.receive(connection, 14) == b"over one queue", "another answer")
        numbers = tcp.numbers()
        rig.check(numbers["steered"] > CONNECTIONS // 4, f"the second core got nothing: {numbers}")
        print("one queue:", numbers["steered"], "packets crossed")
        for connection in all_open:
            connection.close()
        tcp.stop()
print("ok")
