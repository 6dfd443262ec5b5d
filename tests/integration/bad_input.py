# ctest: TIMEOUT 120
"""What cannot be used ends a program with one line that says why, and 2 for usage or 1 for everything else."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import rig  # noqa: E402

import re  # noqa: E402
import select  # noqa: E402
import shutil  # noqa: E402
import socket  # noqa: E402
import subprocess  # noqa: E402
import tempfile  # noqa: E402

bin_dir = rig.start()
echo = os.path.join(bin_dir, "skerry-echo")
loadgen = os.path.join(bin_dir, "skerry-loadgen")
link = os.path.join(bin_dir, "skerry-link")
pkt = os.path.join(bin_dir, "skerry-pkt")


def refused(program, arguments, code, pattern, **how):
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL,
                          **how)
    shown = f"{os.path.basename(program)} {' '.join(arguments)}: {done.returncode} {done.stderr!r}"
    name = os.path.basename(program)
    rig.check(done.returncode == code, f"{shown}: the exit code is not {code}")
    rig.check(done.stdout == "", f"{shown}: and on standard output {done.stdout!r}")
    rig.check(done.stderr.count("\n") == 1 and done.stderr.startswith(name + ": "), f"{shown}: not one line of {name}")
    rig.check(re.search(pattern, done.stderr), f"{shown}: does not say {pattern!r}")
    print(done.stderr, end="")


no_cpu = max(os.sched_getaffinity(0)) + 500
usage_errors = [
    (["--nosuch=1"], "--nosuch: unknown option; accepted: "),
    (["stray"], "stray: not an option; accepted: "),
    (["--proto=sctp"], "--proto=sctp: no such value; accepted: tcp, udp"),
    (["--mode=mirror"], "--mode=mirror: no such value; accepted: echo, sink, source, sockperf"),
    (["--mode=source", "--proto=udp"], "--mode=source: .*accepted with --proto=tcp"),
    (["--backend=winsock"], "--backend=winsock: no such backend; accepted: auto, "),
    (["--cores=many"], "--cores=many: "),
    ([f"--cores={no_cpu}"], f"{no_cpu}"),
    (["--idle=nap"], "--idle=nap: no such idle policy; accepted: spin, adaptive, sleep"),
    (["--grace=5"], "--grace=5: not a duration; accepted: "),
    (["--listen=127.0.0.1"], "--listen=127.0.0.1: the port is missing"),
    (["--listen=127.0.0.1:70000"], "is not a port; accepted: 0 to 65535"),
    (["--listen=300.0.0.1:7001"], "is neither an address nor a name"),
    (["--listen="], "--listen=: the value is missing"),
    (["--config=/nonexistent/skerry.toml"], "cannot be read; accepted: a TOML file"),
    (["--flavour=current_thread", "--cores=0,1"], "current_thread"),
    (["--json", ""], "--json: the value is missing; write --json=FILE"),
    (["--config", ""], "--config: the value is missing; write --config=FILE"),
    (["--json", "--proto=udp"], "--json: the value is missing; write --json=FILE"),
    (["--version=0"], "--version=0: takes no value"),
    (["--", "stray"], "stray: not an option; accepted: "),
    (["--config=/proc/self/mem"], "cannot be read; accepted: a TOML file"),
    (["--grace=9223372036s"], "--grace=9223372036s: too long; accepted: up to ten years"),
    (["--listen=[fe80::1]:7001"], "a link-local address needs its interface"),
    (["--tcp=windows"], "--tcp=windows: windows: neither a profile, linux, freebsd, lowlat, nor NAME=VALUE"),
    (["--tcp=lowlat,rto_min=1us"], "--tcp=lowlat,rto_min=1us: rto_min=1us: accepted: 1ms to 1min"),
    (["--backend=epoll", "--tcp=lowlat"], "--tcp: of no use with --backend=epoll"),
    (["--backend=epoll", "--ip=198.18.0.2/24"], "--ip: of no use with --backend=epoll, .*; accepted with dpdk, tap:IF"),
    (["--vlan=4095"], "--vlan=4095: not the number of a VLAN; accepted: 1 to 4094"),
    (["--capture-limit=9"], "--capture-limit: of no use without --capture"),
    (["--capture=/tmp/x", "--capture-snap=0"], "--capture-snap=0: not a number of bytes; accepted: "),
]
for arguments, pattern in usage_errors:
    refused(echo, arguments, 2, pattern)
refused(echo, ["--backend=xdp:lo"], 1, "^skerry-echo: xdp: --ip: .*write --ip=")
refused(echo, ["--backend=xdp:lo", "--ip=198.18.0.2/24", "--vlan=7"], 1, "--vlan: XDP sees no tags")
refused(echo, ["--backend=xdp:lo", "--ip=dhcp"], 1, "--ip=dhcp: broadcasts are the kernel's here")
refused(echo, ["--backend=tap:lo", "--ip=dhcp", "--gateway=198.18.0.1"], 1, "of no use with --ip=dhcp")
refused(echo, ["--listen=192.0.2.1:7001"], 1, "cannot listen on 192.0.2.1:7001: .*no interface here has 192.0.2.1")
refused(echo, ["--listen=no.such.name.invalid:7001"], 1, "cannot find the address of no.such.name.invalid")

# A file that cannot be written is told before anything is bound, connected or measured.
for path, why in (("/nonexistent/run.json", "No such file or directory"), ("/", "Is a directory")):
    refused(echo, [f"--json={path}", "--listen=127.0.0.1:0"], 1, f"cannot write {path}: {why}")
    refused(echo, [f"--capture={path}", "--listen=127.0.0.1:0"], 1, f"cannot write the capture {path}: .*{why}")
    for option in ("--json", "--csv", "--series"):
        refused(loadgen, [f"{option}={path}", "--connect=127.0.0.1:1"], 1, f"cannot write {path}: {why}")
refused(loadgen, ["--hgrm=/nonexistent/run"], 1, "cannot write /nonexistent/run.response.hgrm: No such file")

# A port that another program has, alone or ready to share it.
for kind, proto in ((socket.SOCK_STREAM, "tcp"), (socket.SOCK_DGRAM, "udp")):
    for share in (False, True):
        with socket.socket(socket.AF_INET, kind) as taken:
            if share:
                taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            taken.bind(("127.0.0.1", 0))
            if kind == socket.SOCK_STREAM:
                taken.listen()
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            refused(echo, [f"--proto={proto}", f"--listen={address}"], 1,
                    f"cannot listen on {address}: .*in use.*choose another port")

# Too few descriptors for the runtime itself, and then for its listener.
if shutil.which("prlimit"):
    for limit in (4, 5):
        done = subprocess.run(["prlimit", f"--nofile={limit}:{limit}", echo, "--listen=127.0.0.1:0"], text=True,
                              capture_output=True, timeout=30)
        rig.check(done.returncode == 1 and done.stderr.count("\n") == 1, f"{limit} descriptors: {done}")
        rig.check("ulimit -n" in done.stderr, f"{limit} descriptors: {done.stderr}")
        print(done.stderr, end="")

# Enough descriptors for this core and not for the others: a service that has only some of its cores is none.
cores = len(os.sched_getaffinity(0))
if shutil.which("prlimit") and cores > 1:
    for proto in ("tcp", "udp"):
        refusals = 0
        for limit in range(6, 24):
            done = subprocess.Popen(["prlimit", f"--nofile={limit}:{limit}", echo, "--listen=127.0.0.1:0",
                                     f"--proto={proto}"], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            ready, _, _ = select.select([done.stdout], [], [], 30)
            rig.check(ready, f"{proto}, {limit} descriptors: neither a start line nor an end")
            port = re.search(r":(\d+), backend", done.stdout.readline())
            # Another core says that it could not listen some time after the start line, which is this core's.
            rig.wait_until(lambda: done.poll() is not None or port and rig.listeners(int(port[1])) == cores,
                           f"{proto}, {limit} descriptors: it ends, or each of its {cores} cores listens")
            if done.poll() is not None:
                said = rig.without_notes(done.communicate(timeout=30)[1])
                rig.check(done.returncode == 1 and said.count("\n") == 1 and "ulimit -n" in said, f"{limit}: {said}")
                refusals += 1
                continue
            done.terminate()
            rig.check(done.wait(30) == 0, f"{proto}, {limit} descriptors: {done.communicate()}")
        rig.check(refusals > 0, "no limit was low enough")

# Our own stack has addresses of its own, and no loopback.
if os.geteuid() == 0 and rig.INSIDE in os.environ and os.path.exists("/dev/net/tun"):
    own = ["--backend=tap:skerry-bad", f"--cores={min(os.sched_getaffinity(0))}", "--ip=198.18.0.2/24"]
    for proto in ("tcp", "udp"):
        refused(echo, [*own, f"--proto={proto}"], 1, "cannot listen on 127.0.0.1:7001: .*our own stack has 198.18.0.2; "
                "write --listen=198.18.0.2:7001 or --listen=0.0.0.0:7001")

# No rights: a low port as nobody, from a copy that nobody may run.
if os.geteuid() == 0 and rig.INSIDE in os.environ:
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        copy = shutil.copy(echo, folder)
        for proto in ("tcp", "udp"):
            refused(copy, [f"--proto={proto}", "--listen=127.0.0.1:80"], 1,
                    "cannot listen on 127.0.0.1:80: .*CAP_NET_BIND_SERVICE", user=65534, group=65534, cwd="/")

for arguments, pattern in [
    (["--nosuch"], "--nosuch: unknown option"),
    (["--listen=127.0.0.1:7001"], "--listen: unknown option; accepted: .*--connect"),
    (["--rate=0"], "--rate=0: not a rate"),
    (["--rate=fast"], "--rate=fast: not a rate"),
    (["--loop=open"], "--loop=open: needs --rate"),
    (["--loop=closed", "--rate=5"], "--loop=closed: has no --rate"),
    (["--proto=https"], "--proto=https: no such value; accepted: tcp, udp, http, resp"),
    (["--path=/x"], "--path: accepted with --proto=http"),
    (["--proto=udp", "--header=A: b"], "--header: accepted with --proto=http"),
    (["--proto=http", "--size=64"], "--size: accepted with --proto=tcp and udp"),
    (["--proto=http", "--mode=sink"], "--mode=sink: accepted with --proto=tcp and udp"),
    (["--proto=http", "--mode=source"], "--mode=source: accepted with --proto=tcp"),
    (["--proto=http", "--path=index.html"], "--path=index.html: accepted: a path that begins with /"),
    (["--proto=http", "--path=/a b"], "--path: a blank"),
    (["--proto=http", "--method=GET /"], "--method=GET /: not a method"),
    (["--proto=http", "--method=CONNECT"], "--method=CONNECT: "),
    (["--proto=http", "--header=nothing"], "--header: not a header field; accepted: 'Name: value'"),
    (["--proto=http", "--header=A: b", "--header=C: d\ne"], "--header: C has a control character"),
    (["--proto=http", "--header=Content-Length: 3"], "--header=Content-Length: 3: .*give --body-bytes"),
    (["--proto=http", "--body-bytes=-1"], "--body-bytes=-1: accepted: a whole number from 0"),
    (["--proto=http", "--status=100"], "--status=100: accepted: a whole number from 200 to 999"),
    (["--keys=5"], "--keys: accepted with --proto=resp"),
    (["--proto=http", "--command=get"], "--command: accepted with --proto=resp"),
    (["--proto=resp", "--path=/"], "--path: accepted with --proto=http"),
    (["--proto=resp", "--command=del"], "--command=del: accepted: ping, get, set, or several"),
    (["--proto=resp", "--command=get,"], "--command=get,: accepted: ping, get, set, or several"),
    (["--proto=resp", "--keys=5"], "--keys: accepted with --command=get or set"),
    (["--proto=resp", "--command=get", "--keys=0"], "--keys=0: accepted: a whole number from 1"),
    (["--proto=resp", "--command=get", "--value-bytes=5"], "--value-bytes: accepted with --command=set"),
    (["--proto=resp", "--command=set", "--value-bytes=536870913"], "--value-bytes=536870913: .* to 536870912"),
    (["--proto=resp", "--mode=sink"], "--mode=sink: accepted with --proto=tcp and udp"),
    (["--mode=sockperf", "--size=13"], "--size=13: accepted with --mode=sockperf: 14, for the header, to 1048576"),
    (["--mode=sockperf", "--size=1048577"], "--size=1048577: accepted with --mode=sockperf"),
    (["--proto=udp", "--mode=sockperf", "--size=65508"], "65507"),
    (["--proto=http", "--mode=sockperf"], "--mode=sockperf: accepted with --proto=tcp and udp"),
    (["--proto=udp", "--size=15"], "--size=15: accepted with --proto=udp: 16"),
    (["--proto=udp", "--size=65508"], "65507"),
    (["--size=0"], "--size=0: accepted: a whole number from 1"),
    (["--size=-1"], "--size=-1: accepted: a whole number from 1"),
    (["--size=0x10"], "--size=0x10: accepted: a whole number from 1"),
    (["--seed=18446744073709551616"], "--seed=18446744073709551616: accepted: a whole number from 0 to 1844"),
    (["--duration=9223372036s"], "too long; accepted: up to ten years"),
    (["--strict=banana"], "--strict=banana: not a value of a switch; accepted: true, false"),
    (["--conns=0"], "--conns=0: accepted: "),
    (["--inflight=0"], "--inflight=0: accepted: "),
    (["--mode=source", "--rate=5"], "--mode=source: accepted with"),
    (["--per-conn=0"], "--per-conn=0: accepted: "),
    (["--per-conn=1", "--proto=udp"], "--per-conn: accepted with connections whose server answers"),
    (["--per-conn=1", "--mode=sink"], "--per-conn: accepted with connections whose server answers"),
    (["--arrivals=uniform"], "--arrivals=uniform: no such value; accepted: constant, poisson"),
    (["--duration=0s"], "--duration=0s: "),
    (["--window=0s"], "--window: accepted: 1ms or longer"),
    (["--duration=1"], "--duration=1: not a duration"),
    (["--connect=127.0.0.1"], "--connect=127.0.0.1: the port is missing"),
    ([f"--cores={no_cpu}"], f"{no_cpu}"),
]:
    refused(loadgen, arguments, 2, pattern)
refused(loadgen, ["--connect=127.0.0.1:1"], 1, "cannot reach 127.0.0.1:1 by tcp: connection refused.*start skerry-echo")
refused(loadgen, ["--connect=127.0.0.1:1", "--proto=http"], 1,
        "cannot reach 127.0.0.1:1 by http: connection refused.*; does a server listen there")
refused(loadgen, ["--connect=127.0.0.1:1", "--proto=udp"], 1, "cannot reach 127.0.0.1:1 by udp: connection refused")

for arguments, pattern in [
    ([], "--left is required"),
    (["--left=tap:a"], "--right is required"),
    (["--left=a", "--right=tap:b"], "--left=a: accepted: tap:DEVICE or packet:DEVICE"),
    (["--left=tap:", "--right=tap:b"], "--left=tap:: the name of the device is missing; accepted: 1 to 15"),
    (["--left=tap:a", "--right=tap:a-name-of-16-chr"], "--right=tap:a-name-of-16-chr: the name .* is too long"),
    (["--left=tap:a@", "--right=tap:b"], "--left=tap:a@: the namespace is missing; accepted: "),
    (["--left=tap:a", "--right=tap:b", "--loss=2"], "--loss=2: accepted: a share from 0 to 1"),
    (["--left=tap:a", "--right=tap:b", "--listen=127.0.0.1:1"], "--listen: unknown option"),
]:
    refused(link, arguments, 2, pattern)
refused(link, ["--left=packet:no-such-device", "--right=tap:b"], 1, "no-such-device: cannot (attach|make a packet)")
refused(link, ["--left=tap:a@/nonexistent/net", "--right=tap:b"], 1, "a: cannot enter /nonexistent/net: No such file")
refused(link, ["--left=tap:a", "--right=tap:b", "--json=/nonexistent/x"], 1, "cannot write /nonexistent/x: No such")

# Scripts are read before the first one runs.
with tempfile.TemporaryDirectory() as folder:
    script = os.path.join(folder, "a.pkt")
    with open(script, "w") as file:
        file.write("+0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n")
    for path, why in ((folder, "Is a directory"), ("/nonexistent/a.pkt", "No such file or directory"),
                      ("/proc/self/mem", "Input/output error")):
        refused(pkt, [script, path], 2, f"{path}: cannot be read: {why}")
        refused(pkt, [f"--settings={path}", script], 2, f"{path}: cannot be read: {why}")
    settings = os.path.join(folder, "settings.txt")
    with open(settings, "w") as file:
        file.write("# as sysctl's\nnothing\n")
    refused(pkt, [f"--settings={settings}", script], 2, "settings.txt:2: no setting")
    refused(pkt, ["--profile=plan9", script], 2, "--profile=plan9: no such profile; accepted: linux, freebsd, lowlat")
    refused(pkt, ["-D", "=5", script], 2, "-D =5: ")
    refused(pkt, ["--nosuch", script], 2, "--nosuch: unknown option")
print("ok")
