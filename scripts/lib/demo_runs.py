"""The runs of scripts/demo: starts skerry-echo and skerry-loadgen for each row, prints a table, writes a JSON file and
a page with pictures of the runs.

usage: demo_runs.py FOLDER_OF_THE_PROGRAMS RESULTS_FILE PAGE

A row that comes out invalid, because the machine stopped the generator for too long, is run again when the others are
done, up to twice: what disturbs a machine lasts seconds to minutes, so once more at once would seldom do. Then
demo_blocks.py compares our own stack with it. The exit code is 0 when every row is there and valid; whether a budget is
met is told and does not change it.

Beside the results lie the files of each row's last run, in the folder runs: .json, .csv, .hlog, .response.hgrm and
.service.hgrm.
"""

import json
import os
import subprocess
import sys
import tempfile
import time

import demo_blocks
import demo_processes
from demo_processes import SIZE

PAUSES_S = (5, 45)  # before each time that invalid rows are run again
SCHEMA_VERSION = 1  # of the rows; it rises when a field changes its meaning or goes

# 2,000 a second is far from what the server can do: the rows show round trips and not queues. p99.9 stands on at
# least 10,000 values, so 6 s. At 500 us from one request to the next a generator that sleeps is not late for the 25
# to 60 us that a wake-up costs on a virtual machine.
OPEN = {"loop": "open", "options": ["--rate=2000", "--duration=6s"]}
CLOSED = {"loop": "closed", "options": ["--duration=4s"]}


def cores():
    """The server's and the client's core."""
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[0], allowed[1] if len(allowed) > 1 else allowed[0]


def rows(have_two, have_uring):
    """Both loops on epoll; on io_uring the closed one, which says what the two differ by."""
    kinds = [("epoll", proto, kind) for proto in ("tcp", "udp") for kind in (OPEN, CLOSED)]
    kinds += [("io_uring", proto, CLOSED) for proto in ("tcp", "udp") if have_uring]
    for backend, proto, kind in kinds:
        for idle in ("sleep", "spin"):
            # Two programs that spin on one core only take it from each other.
            if idle == "sleep" or have_two:
                yield {"backend": backend, "proto": proto, "idle": idle, **kind}


def has_uring(bin_dir):
    """Whether rings can be had here; if not, says why."""
    server = demo_processes.Echo(bin_dir, "tcp", "--backend=io_uring", listen="127.0.0.1:0")
    server.end()
    if server.address is None:
        print(f"the rows on io_uring are left out: {server.complaint}", flush=True)
    return server.address is not None


def jitter_of(bin_dir, core):
    """The longest time that the machine stops this core while nothing runs there."""
    report = demo_processes.report_of([os.path.join(bin_dir, "skerry-loadgen"), "jitter", f"--cores={core}",
                                       "--duration=200ms"])
    return max(each["jitter_us"] for each in report["cores"]) if report else None


def measure(bin_dir, row, server_core, client_core, files):
    """The report of one run; its client's core is watched for interruptions just before, and so is the server's."""
    server_jitter = jitter_of(bin_dir, server_core)
    name = os.path.join(files, f"{row['backend']}-{row['proto']}-{row['loop']}-{row['idle']}")
    server = demo_processes.Echo(bin_dir, row["proto"], f"--backend={row['backend']}", f"--cores={server_core}",
                                 f"--idle={row['idle']}", listen="127.0.0.1:0")
    try:
        if server.address is None:
            sys.exit(f"scripts/demo: skerry-echo did not start: {server.start_line or 'no start line'}")
        report = demo_processes.report_of(
            [os.path.join(bin_dir, "skerry-loadgen"), f"--backend={row['backend']}", f"--cores={client_core}",
             f"--idle={row['idle']}", f"--server-idle={server.idle}", f"--proto={row['proto']}",
             f"--connect={server.address}", f"--size={SIZE}", "--conns=1", "--warmup=500ms", f"--csv={name}.csv",
             f"--hlog={name}.hlog", f"--hgrm={name}", *row["options"]], keep=f"{name}.json")
    finally:
        server.end()
    if report is None:
        sys.exit(f"scripts/demo: skerry-loadgen failed: {row}")
    if server_jitter is not None:
        report["jitter_us"] = max(report["jitter_us"], server_jitter)
    return report


FIELDS = ("backend", "proto", "bytes", "conns", "loop", "idle", "client_idle", "rate", "count", "p50_us", "p99_us",
          "p999_us", "max_us", "late_share", "jitter_us", "invalid", "invalid_reasons")


def result_of(report, attempt):
    """The row that a report makes, and the report."""
    result = {"schema_version": SCHEMA_VERSION, **{field: report[field] for field in FIELDS if field in report}}
    if report["loop"] == "closed":
        result["rate"] = report["achieved"]  # nothing was asked for; this came out
    result["service_p50_us"] = report["service"]["p50_us"]
    result["service_p99_us"] = report["service"]["p99_us"]
    if result["p99_us"] is None:
        result["invalid"] = True
        result["invalid_reasons"] = [*result["invalid_reasons"], f"{result['count']} answers are too few for p99"]
    result["attempts"] = attempt
    result["machine"] = report["machine"]
    return result, report


COLUMNS = (("backend", 7), ("proto", 5), ("loop", 6), ("server", 6), ("client", 6), ("rate/s", 9), ("count", 8),
           ("p50 us", 8), ("p99 us", 8), ("p99.9 us", 9), ("max us", 9), ("late %", 7), ("jitter us", 9), ("", 0))


def print_row(values):
    print("  ".join(f"{value:<{width}}" if index < 5 or width == 0 else f"{value:>{width}}"
                    for index, (value, (_, width)) in enumerate(zip(values, COLUMNS))).rstrip(), flush=True)


def number(value, decimals=1):
    return "n/a" if value is None else f"{value:,.{decimals}f}"


def show(result):
    verdict = "INVALID: " + "; ".join(result["invalid_reasons"]) if result["invalid"] else ""
    print_row((result["backend"], result["proto"], result["loop"], result["idle"], result["client_idle"],
               number(result["rate"], 0), number(result["count"], 0), number(result["p50_us"]),
               number(result["p99_us"]), number(result["p999_us"]), number(result["max_us"]),
               number(result["late_share"] * 100, 2), number(result["jitter_us"]), verdict))


def run_all(wanted, run, pauses=PAUSES_S):
    """The last result of each row and the report it stands on, in their order."""
    results = {}
    left = list(range(len(wanted)))
    for attempt, pause in enumerate((0, *pauses), 1):
        if left and attempt > 1:
            print(f"once more, {len(left)} rows:", flush=True)
            time.sleep(pause)
        for index in left:
            results[index] = run(wanted[index], attempt)
            show(results[index][0])
        left = [index for index in left if results[index][0]["invalid"]]
    return [results[index] for index in range(len(wanted))]


def draw(bin_dir, reports, page):
    """Lets skerry-loadgen make the page of the runs."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "runs.json")
        with open(path, "w") as file:
            json.dump(reports, file)
        subprocess.run([os.path.join(bin_dir, "skerry-loadgen"), "report", path, f"--html={page}",
                        "--title=skerry: echo round trips over the kernel's sockets"], check=True)


def main():
    bin_dir, results_file, page = os.path.abspath(sys.argv[1]), sys.argv[2], sys.argv[3]
    server_core, client_core = cores()
    have_two = server_core != client_core
    print(f"\nserver on core {server_core}, client on core {client_core}" if have_two else
          f"\none core: server and client share core {server_core}; rows with both spinning are left out")
    have_uring = has_uring(bin_dir)
    print(f"one connection over loopback, {SIZE} bytes each way; times are whole round trips, in an open loop counted "
          "from when the\nrequest was due; jitter is the longest interruption of the two cores just before the run: "
          "what is\nshorter is noise\n")
    print_row([title for title, _ in COLUMNS])
    wanted = list(rows(have_two, have_uring))
    files = os.path.join(os.path.dirname(results_file), "runs")
    os.makedirs(files, exist_ok=True)
    both = run_all(wanted, lambda row, attempt:
                   result_of(measure(bin_dir, row, server_core, client_core, files), attempt))
    results = [result for result, _ in both]
    draw(bin_dir, [report for _, report in both], page)
    machine = results[0]["machine"]
    compared = [{"schema_version": SCHEMA_VERSION, **row, "machine": machine}
                for row in demo_blocks.compare(bin_dir, server_core, client_core)]
    with open(results_file, "w") as file:
        json.dump(results + compared, file, indent=1)
        file.write("\n")
    print(f"\n{machine['cpu']}, {machine['cpus']} CPUs; {machine['kernel']}; {machine['compiler']}\n"
          f"{results_file}, {page}, {files}/")
    invalid = sum(result["invalid"] for result in results)
    if invalid:
        sys.exit(f"scripts/demo: {invalid} of {len(results)} rows are invalid, also after {len(PAUSES_S)} "
                 "repeats: the machine is too busy; end what else runs and try again")


if __name__ == "__main__":
    main()
