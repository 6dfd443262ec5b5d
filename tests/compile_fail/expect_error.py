#!/usr/bin/env python3
"""expect_error.py FILE COMPILER FLAGS...: passes when FILE does not compile and says why in the expected words."""
import os
import subprocess
import sys

source, compiler, *flags = sys.argv[1:]
with open(source, encoding="utf-8") as file:
    first = file.readline()
if not first.startswith("// EXPECT: "):
    sys.exit(f"{source}:1: the first line must be `// EXPECT: part of the message`")
expected = [text.strip() for text in first.removeprefix("// EXPECT: ").split(" || ")]

run = subprocess.run([compiler, *flags, "-c", source, "-o", "/dev/null"], capture_output=True, text=True, check=False,
                     env=os.environ | {"LC_ALL": "C"})
if run.returncode == 0:
    sys.exit(f"{source}: compiles, but should fail with: {first.strip()}")
if not any(text in run.stderr for text in expected):
    sys.exit(f"{source}: fails, but without the words of its first line ({first.strip()}):\n{run.stderr}")
