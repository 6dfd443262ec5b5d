#!/usr/bin/env python3
"""Checks who includes whom. One line a finding, `file:line: why`; exit 1 when there is one.

    check_layers.py [ROOT]        the tree, by default the one this script lies in
    check_layers.py --self-test   plants violations in a scratch tree and looks whether each is found
"""
import os
import re
import sys
import tempfile
from pathlib import Path

# core from bottom to top. A folder includes its own level and what lies below; within one level it may include a
# neighbour as long as no circle arises, except for PAIRS. A file named here stands lower than its folder.
LEVELS = [
    {"base"},
    {"topology", "metrics", "trace", "time/clock.hpp", "time/instant.hpp", "time/spin.hpp"},
    {"task"},
    {"backend", "sync", "time"},
    {"stack", "gpu"},
    {"runtime", "blocking"},
    {"io", "net", "fs", "process", "signal", "stream", "tls"},
    {"testing", "codec"},
]
PAIRS = {frozenset({"io", "net"})}  # a TcpStream is an io stream, and io::copy knows a socket's segments
LEVEL_OF = {name: level for level, names in enumerate(LEVELS) for name in names}

# One folder owns each outside library.
OWNERS = [
    (r"rte_\w+\.h|ethdev_\w+\.h", ("dpdk/",), "libdpdk belongs to dpdk/"),
    (r"liburing\.h|liburing/.*", ("kernel_io/src/uring/", "bench/net_zero_copy.cpp"),
     "liburing belongs to kernel_io/src/uring/"),
    (r"(oneapi/)?tbb/.*", ("core/src/blocking/",), "oneTBB belongs to core/src/blocking/"),
    (r"catch2/.*|catch\.hpp", ("tests/support/catch.hpp",), "Catch2 belongs to tests/support/catch.hpp; include that"),
    (r"benchmark/benchmark\.h", ("bench/",), "Google Benchmark belongs to bench/"),
    (r"CLI/.*|toml\+\+/.*", ("apps/", "bench/file_reads/", "tests/unit/apps/"), "CLI11 and toml++ belong to apps/"),
    (r"zlib\.h", ("apps/loadgen/report/",), "zlib belongs to apps/loadgen/report/"),
]
COMPONENTS = ("core", "kernel_io", "dpdk")
USERS = ("apps", "bench", "tests")
INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)[>"]')
SEES_PRIVATE = ("tests/unit/", "tests/model/")


def place(path):
    """(component, is public, path below its include/skerry or src); None for a file that is in no component."""
    parts = path.split("/")
    if parts[0] not in COMPONENTS:
        return None
    if parts[1:3] == ["include", "skerry"]:
        rest = parts[3:]
        return parts[0], True, "/".join(rest[1:] if rest[0] == parts[0] != "core" else rest)
    return (parts[0], False, "/".join(parts[2:])) if parts[1:2] == ["src"] else None


def resolve(root, path, quoted, name):
    """The file in the tree that an #include means, or None when it is not ours or does not exist."""
    candidates = [os.path.normpath(f"{os.path.dirname(path)}/{name}")] if quoted else []
    if name.startswith("skerry/"):
        candidates += [f"{component}/include/{name}" for component in COMPONENTS]
    elif quoted:
        own = path.split("/")[0]
        candidates += [f"{c}/src/{name}" for c in ((own,) if own in COMPONENTS else COMPONENTS)] + [f"tests/{name}"]
    return next((c for c in candidates if (root / c).is_file()), None)


def folder_of(below):
    return below if below in LEVEL_OF else below.split("/")[0]


def check_core(below, target_below, edges, where):
    """An include inside core: by level, and noted in `edges` when it stays on one level."""
    if "/" not in below:
        return None  # an umbrella header beside the folders
    if "/" not in target_below:
        return None if target_below == "version.hpp" else f"{target_below} stands above every folder of core"
    source, target = folder_of(below), folder_of(target_below)
    for name in (source, target):
        if name not in LEVEL_OF:
            return f"core has no place for folder {name}; give it one in LEVELS of scripts/check_layers.py"
    if LEVEL_OF[target] > LEVEL_OF[source]:
        return f"{source} includes {target}, which stands above it"
    if source != target and LEVEL_OF[target] == LEVEL_OF[source] and frozenset({source, target}) not in PAIRS:
        edges.setdefault((source, target), where)
    return None


def check_include(root, path, quoted, name, edges, where):
    for pattern, owners, why in OWNERS:
        if not path.startswith(owners) and not (quoted and "support/" in name) and re.fullmatch(pattern, name):
            return why
    top, here, named = path.split("/")[0], place(path), name.split("/")
    if name.startswith("skerry/") and top == "core" and named[1] in COMPONENTS[1:]:
        return f"core names the backend {named[1]}"
    if top in COMPONENTS[1:] and name.startswith("skerry/") and named[1] in COMPONENTS[1:] and named[1] != top:
        return f"{top} includes {named[1]}; backends do not know each other"
    target = resolve(root, path, quoted, name)
    if target is None:
        return None
    there = place(target)
    if top in COMPONENTS:
        if target.split("/")[0] in USERS:
            return None if name == "model_atomic.hpp" else f"{top} includes {target}; programs and tests stand above it"
        if there is None or here is None:
            return None
        if there[0] not in ("core", top):
            return f"{top} includes {there[0]}" + ("" if top == "core" else "; backends do not know each other")
        if not there[1] and (here[1] or there[0] != top):
            return f"{'a public header' if here[1] else top} includes the private header {target}"
        return check_core(here[2], there[2], edges, where) if top == there[0] == "core" else None
    if there is not None and not there[1] and not path.startswith(SEES_PRIVATE):
        return f"{target} is private; only tests/unit and tests/model look at private headers"
    return None


def circles(edges):
    """Each circle among folders of one level once, as the place of one of its includes and a sentence."""
    graph, found, seen = {}, [], set()
    for source, target in edges:
        graph.setdefault(source, set()).add(target)

    def walk(node, trail):
        if node in trail:
            circle = trail[trail.index(node):]
            if frozenset(circle) not in seen:
                seen.add(frozenset(circle))
                found.append(f"{edges[circle[-1], node]}: folders of one level include each other in a circle: "
                             + " -> ".join([*circle, node]))
            return
        for following in sorted(graph.get(node, ())):
            walk(following, [*trail, node])

    for start in sorted(graph):
        walk(start, [])
    return found


def check(root):
    findings, edges = [], {}
    for top in COMPONENTS + USERS:
        for file in sorted([*(root / top).rglob("*.hpp"), *(root / top).rglob("*.cpp")]):
            path = file.relative_to(root).as_posix()
            for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
                if match := INCLUDE.match(line):
                    where = f"{path}:{number}"
                    if why := check_include(root, path, match[1] == '"', match[2], edges, where):
                        findings.append(f"{where}: {why}")
    return findings + circles(edges)


# What a tree may hold, and what must be found when it is added: file, its include, a word of the finding.
GOOD = [
    ("core/include/skerry/base/a.hpp", "<vector>"), ("core/include/skerry/task/a.hpp", '"../base/a.hpp"'),
    ("core/include/skerry/time/clock.hpp", "<skerry/base/a.hpp>"),
    ("core/include/skerry/time/a.hpp", "<skerry/task/a.hpp>"), ("core/src/task/private.hpp", "<skerry/task/b.hpp>"),
    ("core/include/skerry/task/b.hpp", "<skerry/time/clock.hpp>"),
    ("core/include/skerry/sync/a.hpp", "<skerry/time/a.hpp>"), ("core/include/skerry/net/a.hpp", "<skerry/io/a.hpp>"),
    ("core/include/skerry/io/a.hpp", "<skerry/net/a.hpp>"),
    ("core/include/skerry/runtime/a.hpp", "<skerry/version.hpp>"),
    ("core/include/skerry/testing/a.hpp", "<skerry/net/a.hpp>"), ("core/src/blocking/a.cpp", "<tbb/task_arena.h>"),
    ("kernel_io/include/skerry/kernel_io/a.hpp", "<skerry/net/a.hpp>"), ("kernel_io/src/uring/a.cpp", "<liburing.h>"),
    ("dpdk/include/skerry/dpdk/native.hpp", "<rte_mbuf.h>"), ("tests/support/catch.hpp", "<catch2/catch.hpp>"),
    ("tests/unit/task/a.cpp", '"task/private.hpp"'), ("tests/unit/task/b.cpp", '"support/catch.hpp"'),
    ("bench/a.cpp", "<benchmark/benchmark.h>"), ("apps/common/a.cpp", "<CLI/CLI.hpp>"),
    ("apps/loadgen/report/a.cpp", "<zlib.h>"),
]
BAD = [
    ("core/include/skerry/base/x.hpp", "<skerry/task/a.hpp>", "stands above"),
    ("core/include/skerry/task/x.hpp", '"../time/a.hpp"', "stands above"),
    ("core/src/net/x.cpp", "<skerry/testing/a.hpp>", "stands above"),
    ("core/include/skerry/time/clock2.hpp", "<skerry/sync/a.hpp>", "circle"),
    ("core/include/skerry/junk/x.hpp", "<skerry/base/a.hpp>", "no place for folder junk"),
    ("core/include/skerry/task/y.hpp", '"../../../src/task/private.hpp"', "private header"),
    ("core/src/net/y.cpp", "<skerry/kernel_io/a.hpp>", "names the backend"),
    ("core/src/net/z.cpp", "<skerry/dpdk/missing.hpp>", "names the backend"),
    ("core/src/net/w.cpp", '"support/catch.hpp"', "stand above"),
    ("dpdk/src/x.cpp", "<skerry/kernel_io/a.hpp>", "do not know each other"),
    ("kernel_io/src/x.cpp", "<skerry/dpdk/native.hpp>", "do not know each other"),
    ("kernel_io/src/y.cpp", '"../../core/src/task/private.hpp"', "private header"),
    ("kernel_io/src/z.cpp", "<rte_eal.h>", "belongs to dpdk/"),
    ("kernel_io/src/epoll/x.cpp", "<liburing.h>", "belongs to kernel_io/src/uring/"),
    ("core/src/runtime/x.cpp", "<oneapi/tbb/task_arena.h>", "belongs to core/src/blocking/"),
    ("core/src/runtime/y.cpp", "<toml++/toml.h>", "belong to apps/"),
    ("tests/unit/base/x.cpp", "<catch2/catch.hpp>", "belongs to tests/support/catch.hpp"),
    ("tests/unit/base/y.cpp", "<benchmark/benchmark.h>", "belongs to bench/"),
    ("apps/echo/y.cpp", "<zlib.h>", "belongs to apps/loadgen/report/"),
    ("apps/echo/x.cpp", '"../../core/src/task/private.hpp"', "is private"),
]


def self_test():
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)

        def plant(path, include):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(f"#pragma once\n#include {include}\n", encoding="utf-8")

        for path, include in GOOD:
            plant(path, include)
        failures = [f"found in a good tree: {finding}" for finding in check(root)]
        for path, include, words in BAD:
            plant(path, include)
            findings = check(root)
            (root / path).unlink()
            if len(findings) != 1 or words not in findings[0]:
                failures.append(f"{path} with #include {include}: expected one finding with '{words}', got {findings}")
    print("\n".join(failures) if failures else f"{len(BAD)} planted violations, each found; nothing else")
    return 1 if failures else 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    findings = check(Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent).resolve())
    print("\n".join(findings) if findings else "layers: clean")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
