#!/usr/bin/env python3
"""check_table.py: whether tests/attacks/README.md has a row for each of the 50 attacks, and each test that it names
exists. `--self-test` plants what must be found.

A name in a row is `attack 17` (the cases here whose name begins so), `file: beginning of a case` (a case of
tests/unit/<folder>/<file>_test.cpp), `conformance/file: ...` (of tests/conformance/cases), or a file below tests/.
"""
import pathlib
import re
import sys

TESTS = pathlib.Path(__file__).resolve().parents[1]
ATTACKS = 50
CASE = re.compile(r'TEST_CASE(?:_METHOD)?\(\s*((?:"(?:[^"\\]|\\.)*"\s*)+)')
ROW = re.compile(r"^\| (\d+) \|.*\|$", re.MULTILINE)


def cases(path):
    """The names of a file's cases."""
    found = CASE.findall(path.read_text(encoding="utf-8"))
    return ["".join(re.findall(r'"((?:[^"\\]|\\.)*)"', name)) for name in found]


def names_of_attacks():
    return [name for path in sorted((TESTS / "attacks").glob("*_test.cpp")) for name in cases(path)]


def is_there(name, attacks):
    """Whether something bears the name that stands in the table."""
    if re.fullmatch(r"attack \d+", name):
        return any(case.startswith(name + ":") for case in attacks)
    if ": " not in name:
        return any(TESTS.glob(name))
    file, begin = name.split(": ", 1)
    if file.startswith("conformance/"):
        paths = [TESTS / "conformance" / "cases" / f"{file.removeprefix('conformance/')}.cpp"]
    else:
        paths = list((TESTS / "unit").rglob(f"{file.rsplit('/', 1)[-1]}_test.cpp"))
    return any(case.startswith(begin) for path in paths if path.exists() for case in cases(path))


def complaints(table, attacks):
    """What is wrong with the table, a line each."""
    rows = {int(found[1]): found[0] for found in ROW.finditer(table)}
    numbers = [int(found[1]) for found in ROW.finditer(table)]
    wrong = [f"attack {number} has no row" for number in range(1, ATTACKS + 1) if number not in rows]
    wrong += [f"attack {number} has two rows" for number in sorted(set(numbers)) if numbers.count(number) > 1]
    for number, row in rows.items():
        named = re.findall(r"`([^`]+)`", row.split("|")[3])
        if not named:
            wrong.append(f"attack {number} names no test")
        wrong += [f"attack {number}: there is no `{name}`" for name in named if not is_there(name, attacks)]
    told = {name for row in rows.values() for name in re.findall(r"`(attack \d+)`", row)}
    for case in attacks:
        begin = case.split(":")[0]
        if begin not in told:
            wrong.append(f"the case \"{case}\" is in no row")
    return wrong


def self_test():
    attacks = ["attack 1: one"]
    sound = "\n".join(f"| {number} | what | `attack 1` | promise |" for number in range(1, ATTACKS + 1))
    planted = {
        "": sound,
        "has no row": sound.replace("| 7 |", "| x |"),
        "has two rows": sound + "\n| 7 | what | `attack 1` | promise |",
        "names no test": sound.replace("| 9 | what | `attack 1` |", "| 9 | what | none |"),
        "there is no": sound.replace("| 9 | what | `attack 1` |", "| 9 | what | `attack 2` |"),
    }
    for expected, table in planted.items():
        found = complaints(table, attacks)
        if bool(found) != bool(expected) or not all(expected in line for line in found):
            sys.exit(f"check_table.py: {expected or 'a sound table'}: {found}")
    if not any("is in no row" in line for line in complaints(sound, [*attacks, "attack 2: two"])):
        sys.exit("check_table.py: a case in no row was not found")


def main():
    self_test()
    wrong = complaints((TESTS / "attacks" / "README.md").read_text(encoding="utf-8"), names_of_attacks())
    for line in wrong:
        print(f"tests/attacks/README.md: {line}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
