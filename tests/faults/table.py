#!/usr/bin/env python3
"""table.py [--write]: checks that README.md has the table that the heads of the patches make, or writes it.

A head says what is promised in its first lines, `Rule: RFC 7323 section 5.3` where a document promises it, and `Tests:`
who goes red without it: somebody who is there; run.py proves that one does go red.
"""
import pathlib
import re
import sys

FAULTS = pathlib.Path(__file__).resolve().parent
README = FAULTS / "README.md"
TESTS = FAULTS.parent
JUDGES = {  # where those of a kind stand
    "model": "model/{}_model.cpp",
    "conformance": "conformance/{}_main.cpp",
    "integration": "integration/{}_test.cpp",
    "script": "integration/{}.py",
    "pkt": "pkt/{}",
}
BEGIN, END = "<!-- table.py writes from here -->\n", "<!-- to here -->\n"


def row_of(path):
    """The number, the promise, the rule (or an empty string) and the tests of a patch."""
    head = path.read_text(encoding="utf-8").split("\ndiff ", 1)[0]
    tests = re.search(r"^Tests: (.+)$", head, re.MULTILINE)
    rule = re.search(r"^Rule: (.+)$", head, re.MULTILINE)
    kind, name = tests[1].split()[:2] if tests else ("", "")
    if kind in JUDGES and not (TESTS / JUDGES[kind].format(name)).exists():
        sys.exit(f"table.py: {path.name}: there is no tests/{JUDGES[kind].format(name)}")
    promise = " ".join(re.split(r"^(?:Rule|Tests): ", head, maxsplit=1, flags=re.MULTILINE)[0].split())
    if not tests or not promise:
        sys.exit(f"table.py: {path.name}: the head has no promise, or no line `Tests:`")
    promise = promise.split(". ")[0].rstrip(".").replace("|", "\\|")  # the first sentence
    return int(path.name.split("-")[0]), promise, rule[1] if rule else "", tests[1]


def by_rule(row):
    number, _, rule, _ = row
    return [int(part) for part in re.findall(r"\d+", rule)], number


def table():
    rows = sorted(row_of(path) for path in FAULTS.glob("[0-9]*-*.patch"))
    ruled = sorted((row for row in rows if row[2]), key=by_rule)
    lines = [f"## Rules of documents: {len(ruled)}\n\n| rule | what is broken when the patch is in | patch | red |\n",
             "|---|---|---|---|\n"]
    lines += [f"| {rule} | {promise} | F{number} | `{tests}` |\n" for number, promise, rule, tests in ruled]
    own = [row for row in rows if not row[2]]
    lines += [f"\n## Promises of our own: {len(own)}\n\n| patch | what is broken | red |\n|---|---|---|\n"]
    lines += [f"| F{number} | {promise} | `{tests}` |\n" for number, promise, _, tests in own]
    return "".join(lines)


def main():
    text = README.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    wanted = before + BEGIN + "\n" + table() + "\n" + END + after
    if sys.argv[1:] == ["--write"]:
        README.write_text(wanted, encoding="utf-8")
    elif text != wanted:
        print("tests/faults/README.md: its table is not that of the patches; run tests/faults/table.py --write")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
