# ctest: TIMEOUT 120
"""skerry-loadgen speaks RESP2: redis-server counts as many calls as were sent, of each command, and as many errors as
were told; what is stored is what was to be; and what is no reply ends the run with its reason.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import rig  # noqa: E402

bin_dir = rig.start()
rig.need("redis-server", "redis-cli")

import judge  # noqa: E402
import re  # noqa: E402
import socket  # noqa: E402
import threading  # noqa: E402

QUICK = ("--proto=resp", "--jitter=0s", "--warmup=0s", "--duration=300ms", rig.ALL_ANSWERS)


def load(address, *arguments):
    return rig.loadgen(bin_dir, f"--connect={address}", *QUICK, *arguments, expect=rig.failed_without_a_server)


def calls(redis):
    """How often each command was called since the last time, less what we ask ourselves."""
    stats = redis.ask("info", "commandstats")
    redis.ask("config", "resetstat")
    found = dict(re.findall(r"cmdstat_(\w+):calls=(\d+)", stats))
    return {name: int(count) for name, count in found.items() if name in ("ping", "get", "set")}


def redis_agrees(driver):
    with judge.Redis() as redis:
        calls(redis)
        for command in ("ping", "set", "get", "get,get,set", "ping,set"):
            words = command.split(",")
            for arguments in ([], ["--inflight=16", "--conns=2"], ["--inflight=1000"], ["--rate=2000", "--conns=4"],
                              ["--rate=2000", "--arrivals=poisson", "--inflight=2"]):
                report = judge.complete(load(redis.address, f"--backend={driver}", f"--command={command}", *arguments),
                                  f"{command} {arguments}")
                counted = calls(redis)
                rig.check(sum(counted.values()) == report["sent"] and set(counted) == set(words),
                          f"{command} {arguments}: {report['sent']} sent, counted {counted}")
                # In turn on each connection, so the shares differ by no more than a turn of each.
                for word, count in counted.items():
                    share = report["sent"] * words.count(word) / len(words)
                    rig.check(abs(count - share) <= len(words) * report["conns"],
                              f"{command} {arguments}: {word} {count} times of {report['sent']}")
        redis.ask("flushall")
        judge.complete(load(redis.address, f"--backend={driver}", "--command=set", "--keys=50", "--value-bytes=20000",
                      "--inflight=4"), "large values")
        keys = redis.ask("keys", "*").split()
        # Which of them were drawn depends on how many were sent, and so on the machine.
        rig.check(keys and set(keys) <= {f"key:{number:012}" for number in range(50)}, f"{sorted(keys)}")
        rig.check(all(redis.ask("strlen", key) == "20000" for key in keys), "a value is not as long as it should be")
        rig.check(redis.ask("get", keys[0]) == "x" * 20_000, "a value is not what was set")
        judge.complete(load(redis.address, f"--backend={driver}", "--command=get", "--keys=60", "--inflight=4"),
                 "large values and none")
    print("ok: redis", driver, flush=True)


def errors_are_refusals():
    with judge.Redis() as redis:
        redis.ask("lpush", "key:000000000000", "x")
        calls(redis)
        done = rig.run(bin_dir, "skerry-loadgen", f"--connect={redis.address}", *QUICK, "--command=get", "--keys=1",
                       "--inflight=8", "--strict")
        counted = re.search(r"errorstat_WRONGTYPE:count=(\d+)", redis.ask("info", "errorstats"))
        told = re.search(r"(\d+) answers of the measured time were refusals, first: WRONGTYPE Operation", done.stderr)
        rig.check(done.returncode == 1 and told and counted and told[1] == counted[1], f"{counted} {done}")
        # Every second reply is an error, and the others count.
        report = load(redis.address, "--command=get,ping", "--keys=1", "--inflight=3")
        rig.check(abs(report["refused"] - report["count"]) <= 1 and report["invalid"], f"{report}")
        rig.check(report["refused"] + report["count"] == report["sent"], f"{report}")
    with judge.Redis("--requirepass", "secret") as redis:
        done = rig.run(bin_dir, "skerry-loadgen", f"--connect={redis.address}", *QUICK)
        rig.check("first: NOAUTH Authentication required" in done.stderr, f"{done}")


def no_replies():
    """Each is told in words of its own, ends the connection, and makes the run invalid."""
    def serve(own, reply):
        while True:
            connection, _ = own.accept()
            try:
                connection.recv(65_536)
                connection.sendall(reply)
            except OSError:
                pass
            threading.Thread(target=lambda kept: threading.Event().wait(), args=(connection,), daemon=True).start()
    for reply, words in ((b"HTTP/1.1 400 Bad Request\r\n", "none of + - : $ *"), (b"+PONG\n", "CR LF"),
                         (b"$99999999999\r\n", "512 MiB"), (b"*1\r\n" * 40, "deep"), (b":x\r\n", "number"),
                         (b"+" + b"x" * 70_000, "longer than 65,536")):
        own = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=serve, args=(own, reply), daemon=True).start()
        for arguments in ([], ["--rate=100"]):
            done = rig.run(bin_dir, "skerry-loadgen", f"--connect=127.0.0.1:{own.getsockname()[1]}", *QUICK, "--strict",
                           *arguments)
            rig.check(done.returncode == 1 and "an answer cannot be read: " in done.stderr and words in done.stderr,
                      f"{reply[:40]} {arguments}: {done}")


def twice():
    """The second copy of a reply does not pass for the next one's."""
    def serve(own):
        while True:
            connection, _ = own.accept()
            while data := connection.recv(65_536):
                connection.sendall(b"+PONG\r\n" * 2 * data.count(b"PING"))
    own = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=serve, args=(own,), daemon=True).start()
    for arguments in ([], ["--rate=300"]):
        report = load(f"127.0.0.1:{own.getsockname()[1]}", *arguments)
        rig.check(report["unexpected"] == 1 and report["invalid"], f"each reply twice {arguments}: {report}")


for driver in rig.kernel_drivers(bin_dir):
    redis_agrees(driver)
errors_are_refusals()
no_replies()
twice()
print("ok")
