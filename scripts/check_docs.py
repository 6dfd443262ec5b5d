#!/usr/bin/env python3
"""Checks what can be checked of comments and text. One line a finding, `file:line: why`; exit 1 when there is one.

    check_docs.py [ROOT]        the tree, by default the one this script lies in
    check_docs.py --self-test   plants violations in a scratch tree and looks whether each is found

In every file of ours: no tab, no trailing blank, no reminder of unfinished work, at most 120 columns and 600 lines.
In C++: doc comments use the fixed lead words. In public headers: whatever returns a Task or another awaitable says
what cancelling it leaves behind. In tests/unit: each case has the tag of its folder, by which CTest finds it. In the
table of behaviours in tests/README.md: each case that a row names exists, in a file that mentions its number.
"""
import re
import sys
import tempfile
from pathlib import Path

FOLDERS = ("apps", "bench", "core", "dpdk", "kernel_io", "scripts", "tests", ".ci")
SUFFIXES = {".hpp", ".cpp", ".py", ".sh", ".cmake", ".in", ".txt", ".json", ""}  # "": scripts/test and its like
LEAD_WORDS = "Shape, Errors, Lifetime, Cancel, Threads, Cost, Source"
# What other projects begin such lines with, and slips; any other word before a colon is prose.
FOREIGN = (r"Returns?|Throws|Notes?|Warning|Example|See|Safety|Panics|Complexity|Performance|Memory|Requires|Effects"
           r"|Shapes|Error|Lifetimes|Cancels|Cancel\w+|Thread|Threading|Costs|Sources")
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX)\b")
LEAD = re.compile(rf"\s*/// ?({FOREIGN}):(?:\s|$)")
# safe, partial or unsafe; a combinator may pass the question on: `as each operation says`.
CANCEL = re.compile(r"\s*///\s*Cancel:\s+(safe|partial|unsafe|as \w+)\b")
CO_AWAIT = re.compile(r"\boperator co_await\(")
BEGINS = re.compile(r"[{]$|^\s*(public|private|protected):")
INTERNAL = ("detail", "task")  # namespaces that are nobody's contract; the public task API is in skerry itself
SPECIFIERS = r"\s*(?:(?:\[\[\w+\]\]|inline|static|virtual|constexpr|friend|explicit)\s+)*"
STRINGS = r'"(?:[^"\\]|\\.)*"(?:\s*"(?:[^"\\]|\\.)*")*'
TEST_CASE = re.compile(rf'TEST_CASE(?:_METHOD)?\(\s*(?:\w+,\s*)?({STRINGS})\s*(?:,\s*"([^"]*)")?')
BEHAVIOUR = re.compile(r"\| (\d+) [^|]*\| ([^|]*) \|$")


def check_text(lines):
    for number, line in enumerate(lines, 1):
        if len(line) > 120:
            yield number, f"{len(line)} columns; 120 are the limit"
        if "\t" in line:
            yield number, "a tab; indent with blanks"
        if line != line.rstrip():
            yield number, "trailing blanks"
        if match := UNFINISHED.search(line):
            yield number, f"{match[0]}: finish it or file it as an issue"
        if match := LEAD.match(line):
            yield number, f"'{match[1]}:' is no lead word; there are {LEAD_WORDS}"
    if len(lines) > 600:
        yield 601, f"{len(lines)} lines; past 600 look for the second duty"


def doc_above(lines, index):
    """The doc comment of the declaration in lines[index]; declarations in a row without a blank line share one."""
    start = index
    while start > 0 and lines[start - 1].strip() and not BEGINS.search(lines[start - 1]):
        start -= 1
    return [line for line in lines[start:index] if line.lstrip().startswith("///")]


def awaitables(headers):
    """Names of the classes that can be awaited and leave the word on cancelling to the function that returns them."""
    names = {"Task"}
    for lines in headers.values():
        for index, line in enumerate(lines):
            if CO_AWAIT.search(line) and not any(map(CANCEL.match, doc_above(lines, index))):
                owner = next((m[1] for back in reversed(lines[:index])
                              if (m := re.match(r"\s*(?:class|struct)(?: \[\[\w+\]\])* (\w+)[^;]*$", back))), None)
                names |= {owner} - {None}
    return names


def check_cancel(lines, names):
    types = "|".join(sorted(names))
    declaration = re.compile(rf"{SPECIFIERS}(?:\w+::)*(?:{types})(?:<.*>)?\s+(\w+)\((?!std::move)")
    private, detail = False, None
    for index, line in enumerate(lines):
        if line.startswith("namespace ") and line.split()[1].endswith(INTERNAL):
            detail = line.split()[1]
        elif line == f"}}  // namespace {detail}":
            detail = None
        if label := re.match(r"\s*(public|private|protected):", line):
            private = label[1] == "private"
        elif re.match(r"\s*(class|struct) |};", line):
            private = False
        if (match := declaration.match(line)) and not private and not detail and match[1] != "get_return_object":
            if not any(map(CANCEL.match, doc_above(lines, index))):
                yield index + 1, f"{match[1]}() can be awaited but has no 'Cancel: safe|partial|unsafe'"


def check_tags(path, text):
    folder = path.split("/")[2]
    for match in TEST_CASE.finditer(text):
        if f"[{folder}]" not in (match[2] or ""):
            yield text.count("\n", 0, match.start()) + 1, f"the case lacks the tag [{folder}], so CTest never runs it"


def case_names(text):
    return ["".join(re.findall(r'"((?:[^"\\]|\\.)*)"', match[1])) for match in TEST_CASE.finditer(text)]


def check_behaviours(lines, texts):
    """Each row `| number ... | file: case; case; file: case |` names cases that exist."""
    for number, line in enumerate(lines, 1):
        if not (row := BEHAVIOUR.match(line)):
            continue
        path = text = None
        for part in row[2].split("; "):
            if named := re.match(r"((?:\w+/)+\w+): ", part):
                path = named[1] if named[1].startswith("conformance/") else f"unit/{named[1]}_test"
                text = texts.get(f"tests/{path}.cpp", "")
                part = part[named.end():]
                if not re.search(rf"ehaviour {row[1]}\b", text):
                    yield number, f"tests/{path}.cpp does not mention behaviour {row[1]}"
            if text is None or not any(name.startswith(part) for name in case_names(text)):
                yield number, f"behaviour {row[1]}: no case of {path} begins with '{part}'"


def check(root):
    findings = []
    files = [file for folder in FOLDERS for file in (root / folder).rglob("*")] + list(root.glob("CMake*"))
    texts = {file.relative_to(root).as_posix(): file.read_text(encoding="utf-8") for file in sorted(files)
             if file.is_file() and file.suffix in SUFFIXES and "/data/" not in file.as_posix()}
    headers = {path: text.splitlines() for path, text in texts.items() if path.split("/")[1:2] == ["include"]}
    names = awaitables(headers)
    for path, text in texts.items():
        found = list(check_text(text.splitlines()))
        if path in headers:
            found += check_cancel(headers[path], names)
        if re.match(r"tests/unit/[^/]+/.*_test\.cpp$", path):
            found += check_tags(path, text)
        findings += [f"{path}:{number}: {why}" for number, why in sorted(found)]
    readme = root / "tests/README.md"
    if readme.is_file():
        lines = readme.read_text(encoding="utf-8").splitlines()
        findings += [f"tests/README.md:{number}: {why}" for number, why in check_behaviours(lines, texts)]
    return findings


HEADER = "core/include/skerry/a.hpp"
GOOD = """/// Waits.
///
/// Errors: closed.
/// Cancel: safe. Nothing is lost.
[[nodiscard]] Task<int> wait();

struct Nap {
    NapAwaiter operator co_await() const;
};
/// Cancel: partial: half of it.
inline time::Nap nap(int a);
inline time::Nap nap();

namespace net::detail {
Task<int> wait();
}  // namespace net::detail
"""
BAD = [
    (HEADER, "/// Note: x\n", "no lead word"), (HEADER, "int a;  \n", "trailing"), (HEADER, "\tint a;\n", "tab"),
    (HEADER, "// " + "x" * 118 + "\n", "columns"), (HEADER, "\n" * 601, "601 lines"),
    (HEADER, "// TO" "DO\n", "finish"), (HEADER, "Task<void> f();\n", "f() can be awaited"),
    (HEADER, "/// Cancel: yes\nTask<void> f();\n", "f() can"), (HEADER, GOOD + "\ntime::Nap doze();\n", "doze() can"),
    (HEADER, GOOD + "\nstatic Task<Result<int>> g(\n", "g() can"),
    ("tests/unit/net/a_test.cpp", 'TEST_CASE("x",\n    "[sync]") {}\n', "tag [net]"),
    ("tests/unit/net/a_test.cpp", 'TEST_CASE("x") {}\n', "tag [net]"),
    ("tests/README.md", "| 7 a thing | net/a: c |\n", "no case of unit/net/a_test begins with 'c'"),
    ("tests/README.md", "| 8 a thing | net/a: a; b |\n", "no case of unit/net/a_test begins with 'b'"),
    ("tests/README.md", "| 9 a thing | net/a: a |\n", "does not mention behaviour 9"),
]
BESIDE_README = ("tests/unit/net/a_test.cpp", '// Behaviour 7 and behaviour 8.\nTEST_CASE("a", "[net]") {}\n')


def self_test():
    failures = []
    case = 'TEST_CASE("a \\"b\\" "\n  "c", "[net][tcp]") {}\n'
    good = [(HEADER, GOOD, None), ("tests/unit/net/a_test.cpp", case, None),
            ("tests/README.md", "| 7 a thing | net/a: a |\n", None)]
    for path, text, words in good + BAD:
        with tempfile.TemporaryDirectory() as folder:
            planted = [(path, text)] + ([BESIDE_README] if path.endswith(".md") else [])
            for name, content in planted:
                (Path(folder) / name).parent.mkdir(parents=True, exist_ok=True)
                (Path(folder) / name).write_text(content, encoding="utf-8")
            findings = check(Path(folder))
        if bool(findings) != bool(words) or len(findings) > 1 or any(words not in finding for finding in findings):
            failures.append(f"{text!r}: expected {words or 'nothing'}, got {findings}")
    print("\n".join(failures) if failures else f"{len(BAD)} planted violations, each found; nothing else")
    return 1 if failures else 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    findings = check(Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent).resolve())
    print("\n".join(findings) if findings else "docs: clean")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
