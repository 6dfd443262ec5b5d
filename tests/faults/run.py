#!/usr/bin/env python3
"""run.py [--only NN[,NN...] | --rules] [--copies N] [--done FILE]: breaks one promise at a time; a test is to notice.

Each NN-short-name.patch says in its first line which promise it breaks, and in a line `Tests:` who notices:

    Tests: unit [task][scheduler]      the unit tests of folder task that have all of these tags
    Tests: model mpsc                  the program model_mpsc
    Tests: conformance epoll [udp]     the program conformance_epoll, its cases that have these tags, all without
    Tests: integration kernel_limits   the program integration_kernel_limits, the same
    Tests: script af_packet_tcp        tests/integration/af_packet_tcp.py, with echo and load generator
    Tests: pkt rfc9293                 the scripts of tests/pkt/rfc9293
    Tests: attacks 31                  the cases `attack 31: ...` of tests/attacks

Works in copies of the tree below build/faults, several at a time. The patches of a file follow one another in one copy,
so that what they touch is not compiled to be mended and again to be broken. One by one, at the end, come those whose
test wants the machine for itself, and those that hung beside others.

Exit code 1: a patch stayed green, does not apply or compile, or its test is red without it; the others are tried all
the same. A patch whose program cannot run here is skipped.
"""
import argparse
import concurrent.futures
import html
import os
import pathlib
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

FAULTS = pathlib.Path(__file__).resolve().parent
ROOT = FAULTS.parents[1]
WORK = ROOT / "build" / "faults"
MOST_COPIES = 4
TEST_SECONDS = 60
SCRIPT_SECONDS = 240
HANGS = ": hangs"
SCRIPTS_NEED = ["skerry-echo", "skerry-loadgen", "skerry-forward", "skerry-bounce", "stops_preload"]

# To a library that is shared the tests are not linked anew for each patch, some sixty programs for one of the stack.
COMPONENTS = "scripts/cmake/skerry_component.cmake"
STATIC, SHARED = b"add_library(${target} STATIC ", b"add_library(${target} SHARED "

# A copy lies inside the repository; git must take it for a plain folder, or it would ignore the patches. To ccache the
# copies are one place, so that the second is not compiled again.
ENVIRONMENT = {**os.environ, "GIT_CEILING_DIRECTORIES": str(WORK), "CCACHE_BASEDIR": str(WORK)}
ALONE = re.compile(r"^(//|#) ctest: .*RUN_SERIAL TRUE", re.MULTILINE)
TESTS = re.compile(r"^Tests: (unit|model|conformance|integration|script|pkt|attacks) (\S+)(?: (\S+))?$", re.MULTILINE)
RULE = re.compile(r"^Rule: ", re.MULTILINE)
CASE = re.compile(r'TEST_CASE(?:_METHOD)?\(\s*(?:"(?:[^"\\]|\\.)*"\s*)+,\s*"(\[[^"]*\])"')


class Broken(Exception):
    """A patch that cannot be tried."""


class CannotRun(Exception):
    """A program that says so itself."""


class Patch:
    def __init__(self, path):
        self.path = path
        self.name = path.stem.replace("-", " ", 1)
        head = path.read_text(encoding="utf-8").split("\ndiff ", 1)[0]
        tests = TESTS.search(head)
        if not tests:
            raise Broken(f"{path.name}: no line `Tests: unit [tag]...` or `Tests: model name` before the diff")
        self.has_rule = bool(RULE.search(head))
        kind, name, tags = tests.groups()
        if kind == "unit":
            self.commands = unit_commands(name)
        elif kind == "pkt":
            folder = ROOT / "tests" / "pkt" / name
            profile = folder / "profile.txt"
            arguments = [f"--profile={profile.read_text().strip()}"] if profile.exists() else []
            arguments.append(f"--settings={folder.parent / 'settings.txt'}")
            self.commands = [["skerry-pkt", *arguments, *map(str, sorted(folder.glob("*.pkt")))]]
        elif kind == "script":
            self.commands = [[str(ROOT / "tests" / "integration" / f"{name}.py")]]
        elif kind == "attacks":
            self.commands = [["skerry_attack_tests", f"attack {name}: *", "--warn", "NoTests"]]
        else:
            self.commands = [[f"{kind}_{name}", *([tags, "--warn", "NoTests"] if tags else [])]]
        if not self.commands:
            raise Broken(f"{path.name}: no unit test has the tags {name}")
        self.targets = SCRIPTS_NEED if kind == "script" else [command[0] for command in self.commands]
        self.alone = kind in ("integration", "script") and bool(ALONE.search(text_of_test(kind, name)))
        self.file = re.search(r"^diff --git a/(\S+)", path.read_text(encoding="utf-8"), re.MULTILINE)[1]


def text_of_test(kind, name):
    source = name + (".py" if kind == "script" else "_test.cpp")
    return (ROOT / "tests" / "integration" / source).read_text(encoding="utf-8")


def unit_commands(tags):
    """A program and its filter for each test file that has cases with all of these tags."""
    wanted = set(re.findall(r"\[[^]]+\]", tags))
    unit = ROOT / "tests" / "unit"
    folder = unit / tags[1:tags.index("]")]
    commands = []
    for source in sorted(folder.rglob("*_test.cpp")):
        cases = CASE.findall(source.read_text(encoding="utf-8"))
        if any(wanted <= set(re.findall(r"\[[^]]+\]", found)) for found in cases):
            name = re.sub(r"[/.]", "_", str(source.relative_to(unit)))
            commands.append([f"faults_{name}", tags, "--warn", "NoTests"])
    return commands


# An interrupt from the terminal is for this program alone: a test that it ends would count as red.
def run(*command, cwd):
    return subprocess.run(command, cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, check=False,
                          start_new_session=True)


def finish(command, patience):
    """Return code and output; None for the first when it hung. Then what it had started is ended with it."""
    with tempfile.TemporaryFile() as output:
        started = subprocess.Popen(command, stdout=output, stderr=subprocess.DEVNULL, start_new_session=True)
        returncode = None
        try:
            returncode = started.wait(patience)
        except subprocess.TimeoutExpired:
            pass
        finally:
            if returncode is None:  # an interrupt of this program ends it, too
                os.killpg(started.pid, signal.SIGKILL)
                started.wait()
        output.seek(0)
        return returncode, output.read().decode(errors="replace")


def case_of(output):
    """The case that failed, or was running at the end: from Catch2's XML, or the line of a model or of a script."""
    if script := re.search(r"^FAIL \S*/(\S+)\.pkt", output, re.MULTILINE):
        return script[1]
    if model := re.search(r"^FAILED +(.*?)  ", output, re.MULTILINE):
        return model[1]
    cases = [(found.start(), html.unescape(found[1])) for found in re.finditer(r'<TestCase name="([^"]*)"', output)]
    failed = re.search(r'success="false"|<FatalErrorCondition', output)
    before = [name for start, name in cases if not failed or start < failed.start()]
    return before[-1] if before else ""


def write_if_changed(path, content, mode):
    """Leaves equal files alone, so that a second run builds only what has changed."""
    if path.exists() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)


def content_in_copy(name):
    if name == "tests/unit/CMakeLists.txt":
        return (FAULTS / "unit_programs.cmake").read_bytes()
    content = (ROOT / name).read_bytes()
    if name == COMPONENTS and STATIC not in content:
        sys.exit(f"run.py: {name} does not say {STATIC.decode()!r}")
    return content.replace(STATIC, SHARED) if name == COMPONENTS else content


class Copy:
    """A tree with its build, in which one patch is tried at a time."""

    def __init__(self, number):
        self.tree = WORK / str(number) / "tree"
        self.build_folder = WORK / str(number) / "build"
        self.take_over()
        self.configure()

    def take_over(self):
        listed = run("git", "ls-files", "-co", "--exclude-standard", "-z", cwd=ROOT)
        if listed.returncode != 0:
            sys.exit(f"run.py: the tree is copied by git ls-files, which says: {listed.stderr.strip()}")
        wanted = set()
        for name in filter(None, listed.stdout.split("\0")):
            source = ROOT / name
            if source.is_file() and not source.is_symlink():
                wanted.add(self.tree / name)
                write_if_changed(self.tree / name, content_in_copy(name), source.stat().st_mode & 0o777)
        for path in list(self.tree.rglob("*")):
            if path.is_file() and path not in wanted:
                path.unlink()

    def configure(self):
        # Without -g, and warnings do not count: a patch may leave something unused behind. A program that calls what
        # DPDK has inline finds DPDK through our library, as it does where that is linked into it.
        generator = ["-G", "Ninja"] if shutil.which("ninja") else []
        done = run("cmake", "-S", str(self.tree), "-B", str(self.build_folder), *generator, "-DCMAKE_CXX_COMPILER=g++",
                   "-DCMAKE_BUILD_TYPE=Debug", "-DCMAKE_CXX_FLAGS_DEBUG=-O1", "-DSKERRY_DEV=ON", "-DSKERRY_DPDK=ON",
                   "-DSKERRY_BENCH=OFF", "-DSKERRY_APPS=ON", "-DCMAKE_LINK_DEPENDS_NO_SHARED=ON",
                   "-DCMAKE_EXE_LINKER_FLAGS=-Wl,--copy-dt-needed-entries",
                   "--compile-no-warning-as-error", cwd=self.tree)
        if done.returncode != 0:
            sys.exit(f"run.py: cannot configure:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")

    def build(self, targets, jobs):
        """The output when the build fails, else an empty string."""
        done = run("cmake", "--build", str(self.build_folder), "-j", str(jobs), "--target", *targets, cwd=self.tree)
        return done.stdout + done.stderr if done.returncode != 0 else ""

    def red_test(self, commands):
        """The first test that fails, with how; empty when all are green."""
        for program, *arguments in commands:
            programs = self.build_folder / "bin"
            command = [str(programs / program), *arguments]
            patience = TEST_SECONDS
            if program.endswith(".py"):
                command = [sys.executable, program, str(programs)]
                patience = SCRIPT_SECONDS
            elif program != "skerry-pkt":
                command += ["--abort", "-r", "xml"]
            returncode, output = finish(command, patience)
            if returncode is None:
                return f"{case_of(output) or pathlib.Path(program).name}{HANGS}"
            if returncode == 77:
                raise CannotRun(output.strip())
            if returncode != 0:
                how = f": signal {-returncode}" if returncode < 0 else ""
                return f"{case_of(output) or pathlib.Path(program).name}{how}"
        return ""

    def try_patch(self, patch, jobs):
        """The test that the patch turns red; empty when there is none."""
        touched = run("git", "apply", "--numstat", str(patch.path), cwd=self.tree)
        files = [self.tree / line.split("\t")[2] for line in touched.stdout.splitlines()]
        before = {path: path.read_bytes() for path in files if path.exists()}
        applied = run("git", "apply", str(patch.path), cwd=self.tree)
        if touched.returncode != 0 or applied.returncode != 0 or not before:
            raise Broken(f"does not apply: {(touched.stderr + applied.stderr).strip()}")
        try:
            failed = self.build(patch.targets, jobs)
            if failed:
                errors = [line for line in failed.splitlines() if "error" in line]
                raise Broken("does not compile: " + "\n".join(errors[:5] or failed.splitlines()[-5:]))
            return self.red_test(patch.commands)
        finally:
            for path, content in before.items():
                path.write_bytes(content)


class Count:
    """What became of the patches, told as it becomes known. For several threads."""

    def __init__(self, done):
        self.lock = threading.Lock()
        self.done = done
        self.red = self.bad = self.not_run = 0

    def skipped(self, patch, why):
        with self.lock:
            self.not_run += 1
            print(f"skipped: {patch.name} ({why})", flush=True)

    def tried(self, patch, red, broken=""):
        line = f"red: {patch.name} ({red})" if red else f"STILL GREEN: {patch.name}"
        with self.lock:
            self.red += bool(red)
            self.bad += not red
            if red and self.done:
                self.done.write(f"{patch.path.name}\n")
                self.done.flush()
            print(f"BROKEN: {patch.name} {broken}" if broken else line, flush=True)


def read_patches(only, rules):
    paths = sorted(FAULTS.glob("[0-9]*-*.patch"), key=lambda path: int(path.name.split("-")[0]))
    numbers = [path.name.split("-")[0] for path in paths]
    if twice := sorted({number for number in numbers if numbers.count(number) > 1}):
        sys.exit(f"run.py: two patches have the number {', '.join(twice)}")
    try:
        patches = [Patch(path) for path in paths if not only or path.name.split("-")[0] in only.split(",")]
    except Broken as broken:
        sys.exit(f"run.py: {broken}")
    if rules:
        patches = [patch for patch in patches if patch.has_rule]
    if not patches:
        sys.exit("run.py: no such patch")
    return patches


def build_copies(how_many, patches):
    """The copies, which have all that the patches need. One after another: the first fills the cache for the others."""
    targets = sorted({target for patch in patches for target in patch.targets})
    copies = [Copy(number + 1) for number in range(how_many)]
    for copy in copies:
        if failed := copy.build(targets, os.cpu_count()):
            sys.exit(f"run.py: the tree without a patch does not build:\n{failed[-4000:]}")
    return copies


def cannot_be_judged(copy, patches):
    """The commands that say nothing of a patch, with why: those that cannot run here, and those red without one."""
    skipped, red_already = {}, {}
    for command in sorted({tuple(command) for patch in patches for command in patch.commands}):
        try:
            if red := copy.red_test([command]):
                red_already[command] = f"its test is red without a patch: {red}"
                print(f"RED WITHOUT A PATCH: {red}", flush=True)
        except CannotRun as why:
            skipped[command] = why
    return skipped, red_already


def first_reason(patch, reasons):
    return next((reasons[tuple(command)] for command in patch.commands if tuple(command) in reasons), None)


def groups_of(patches):
    """The patches of a file are one group; the largest comes first, so that the last to end are small."""
    groups = {}
    for patch in patches:
        groups.setdefault(patch.file, []).append(patch)
    return sorted(groups.values(), key=len, reverse=True)


def try_all(patches, copies, count):
    """Tries them, and returns those that hung beside others, whom nothing counts yet."""
    jobs = max(1, os.cpu_count() // len(copies))
    hung = []
    stop = threading.Event()
    free = queue.SimpleQueue()
    for copy in copies:
        free.put(copy)

    def try_one(patch, copy):
        try:
            red = copy.try_patch(patch, jobs)
            if red.endswith(HANGS) and len(copies) > 1:
                hung.append(patch)
            else:
                count.tried(patch, red)
        except Broken as broken:
            count.tried(patch, "", broken)
        except CannotRun as why:
            count.skipped(patch, why)

    def try_group(group):
        copy = free.get()
        try:
            for patch in group:
                if not stop.is_set():
                    try_one(patch, copy)
        finally:
            free.put(copy)

    with concurrent.futures.ThreadPoolExecutor(len(copies)) as pool:
        try:
            list(pool.map(try_group, groups_of(patches)))
        finally:
            stop.set()  # what is under way ends, and nothing else begins
    return hung


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--only", metavar="NN", help="numbers of patches, with commas between them")
    which.add_argument("--rules", action="store_true", help="the patches that break a rule of a document")
    parser.add_argument("--copies", metavar="N", type=int, default=min(MOST_COPIES, os.cpu_count()),
                        help="patches tried at a time, each in a copy of its own (default: %(default)s)")
    parser.add_argument("--done", metavar="FILE", type=pathlib.Path,
                        help="patches that were red on this tree: they are not tried again, and others join them")
    arguments = parser.parse_args()
    if arguments.copies < 1:
        parser.error("--copies wants 1 or more")
    wanted = read_patches(arguments.only, arguments.rules)
    done = set(arguments.done.read_text().split()) if arguments.done and arguments.done.exists() else set()
    patches = [patch for patch in wanted if patch.path.name not in done]
    before = len(wanted) - len(patches)
    if not patches:
        print(f"{before} of {before} patches turn a test red, all of them before")
        return 0
    groups = groups_of([patch for patch in patches if not patch.alone])
    copies = build_copies(max(1, min(arguments.copies, len(groups))), patches)
    skipped, red_already = cannot_be_judged(copies[0], patches)

    count = Count(arguments.done.open("a") if arguments.done else None)
    to_try = []
    for patch in patches:
        if why := first_reason(patch, skipped):
            count.skipped(patch, why)
        elif why := first_reason(patch, red_already):
            count.tried(patch, "", why)
        else:
            to_try.append(patch)
    hung = try_all([patch for patch in to_try if not patch.alone], copies, count)
    try_all(hung + [patch for patch in to_try if patch.alone], copies[:1], count)
    print(f"{before + count.red} of {len(wanted)} patches turn a test red" +
          (f", {before} of them before" if before else "") +
          (f", {count.not_run} cannot be run here" if count.not_run else ""))
    return 1 if count.bad else 0


if __name__ == "__main__":
    sys.exit(main())
