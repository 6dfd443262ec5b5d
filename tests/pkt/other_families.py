"""The scripts of IPv4 again, with nothing changed but the family: in IPv6, whose header takes the 20 bytes that the
link then carries more, and in mapped addresses.

other_families.py SKERRY_PKT [FAMILY]: all must pass but those of other_families.tsv, which speak of IPv4 itself and
must not.
"""

import os
import subprocess
import sys
import tempfile

FOLDER = os.path.dirname(os.path.abspath(__file__))
FAMILIES = {"ipv6": ("--ip_version=ipv6", "--mtu=1520"), "mapped": ("--ip_version=ipv4-mapped-ipv6",)}
LEFT_OUT = ("not_met", "freebsd")  # FreeBSD's profile is no option of a script


def has_family(path):
    """Whether a script says itself of which family its machine is."""
    with open(path, "rb") as script:
        text = script.read()
    return b"--ip_version" in text or b"--local_ip" in text


def scripts():
    for folder in sorted(os.listdir(FOLDER)):
        path = os.path.join(FOLDER, folder)
        if not os.path.isdir(path) or folder in LEFT_OUT:
            continue
        for name in sorted(os.listdir(path)):
            if name.endswith(".pkt") and not has_family(os.path.join(path, name)):
                yield folder, name


def write(target, folder, name, options):
    text = open(os.path.join(FOLDER, folder, name), encoding="utf-8").read()
    given = [option for option in options if option.split("=")[0] not in text]
    with open(target, "w", encoding="utf-8") as out:
        out.write("".join(option + "\n" for option in given) + text)


def of_one_family():
    """Which scripts speak of IPv4 itself, by family."""
    found = {family: set() for family in FAMILIES}
    with open(os.path.join(FOLDER, "other_families.tsv"), encoding="utf-8") as table:
        for line in table.read().splitlines()[1:]:
            family, script, _ = line.split("\t")
            found[family].add(script)
    return found


def judge(program, family, left):
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        targets = {}
        for part, name in scripts():
            target = os.path.join(folder, f"{part}__{name}")
            write(target, part, name, FAMILIES[family])
            targets[target] = f"{part}/{name}"
        settings = f"--settings={os.path.join(FOLDER, 'settings.txt')}"
        done = subprocess.run([program, settings, *targets], capture_output=True, text=True, timeout=600)
    passed = {line.removeprefix("PASS ") for line in done.stdout.splitlines() if line.startswith("PASS ")}
    for target, script in targets.items():
        if (target in passed) == (script in left):
            wrong += 1
            how = "passes, and is in other_families.tsv" if target in passed else "does not pass"
            print(f"{family}: {script} {how}")
    for script in left - set(targets.values()):
        wrong += 1
        print(f"{family}: {script} is in other_families.tsv and not among the scripts")
    print(f"{family}: {len(passed)} of {len(targets)} scripts passed")
    return wrong


def main():
    left = of_one_family()
    return 1 if sum(judge(sys.argv[1], family, left[family]) for family in sys.argv[2:] or FAMILIES) else 0


if __name__ == "__main__":
    sys.exit(main())
