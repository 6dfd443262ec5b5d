"""scripts/demo and scripts/test say what they are when they are asked, and refuse what they do not know."""

import subprocess
import unittest
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


def ran(name, *arguments):
    return subprocess.run([SCRIPTS / name, *arguments], capture_output=True, text=True, timeout=60)


class Help(unittest.TestCase):
    def test_help_is_the_comment_at_the_head(self):
        for name, words in (("demo", "Builds the echo server"), ("test", "Checks, builds and tests the tree")):
            for option in ("--help", "-h"):
                done = ran(name, option)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertTrue(done.stdout.startswith(words), done.stdout)
                self.assertNotIn("set -euo", done.stdout)
                self.assertIn(f"scripts/{name} ", done.stdout)

    def test_an_unknown_option_is_one_line_with_those_there_are(self):
        for name in ("demo", "test"):
            done = ran(name, "--nosuch")
            self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (2, "", 1))
            self.assertIn("--help", done.stderr)


if __name__ == "__main__":
    unittest.main()
