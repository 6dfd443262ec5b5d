"""A stage that fails ends the script; what has passed on a tree may be left out; one stage runs beside others."""

import shutil
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

STAGES = Path(__file__).resolve().parents[2] / "scripts" / "lib" / "stages.sh"


@unittest.skipUnless(shutil.which("git"), "what a tree is, git says")
class Stages(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.tree = Path(folder.name)
        self.write(".gitignore", "logs/\nran\n")
        subprocess.run(["git", "init", "-q"], cwd=self.tree, check=True)

    def write(self, name, text):
        (self.tree / name).write_text(text, encoding="utf-8")

    def ran(self, *lines, resume="no"):
        script = "\n".join(["set -euo pipefail", "stage_logs=$PWD/logs", f". '{STAGES}'", f"remember_stages {resume}",
                            *lines, "printf '%s' \"$stage_table\""])
        return subprocess.run(["bash", "-c", script], cwd=self.tree, capture_output=True, text=True, timeout=60)

    def times(self):
        ran = self.tree / "ran"
        return len(ran.read_text(encoding="utf-8").split()) if ran.exists() else 0

    def test_a_stage_that_fails_ends_the_script_with_one_line(self):
        done = self.ran("stage first bash -c 'echo said; exit 3'", "stage second bash -c 'echo x >> ran'")
        self.assertEqual((done.returncode, done.stderr.count("\n"), self.times()), (1, 1, 0))
        self.assertIn('stage "first" failed', done.stderr)
        self.assertIn("said", done.stdout)

    def test_what_has_passed_is_left_out_when_that_is_asked_for_and_the_tree_is_the_same(self):
        lines = ["stage first bash -c 'echo x >> ran'", "start_beside second bash -c 'echo x >> ran'", "end_beside"]
        for resume, new_file, times in (("no", "", 2), ("yes", "", 2), ("no", "", 4), ("yes", "another", 6)):
            if new_file:
                self.write(new_file, "")
            self.assertEqual(self.ran(*lines, resume=resume).returncode, 0)
            self.assertEqual(self.times(), times)

    def test_a_stage_beside_others_fails_where_it_is_waited_for(self):
        done = self.ran("start_beside first bash -c 'echo said; exit 3'", "stage second bash -c 'echo x >> ran'",
                        "end_beside", "stage third bash -c 'echo x >> ran'")
        self.assertEqual((done.returncode, self.times()), (1, 1))
        self.assertIn('stage "first" failed', done.stderr)
        self.assertIn("said", done.stdout)

    def test_a_stage_beside_others_ends_with_the_script(self):
        done = self.ran("start_beside first bash -c 'sleep 50 & echo $! > pid; wait'",
                        "stage second bash -c 'until [ -s pid ]; do sleep 0.1; done; exit 1'")
        self.assertEqual(done.returncode, 1)
        process = Path("/proc") / (self.tree / "pid").read_text(encoding="utf-8").strip()
        for _ in range(200):
            if not process.exists():
                break
            time.sleep(0.1)
        self.assertFalse(process.exists())


if __name__ == "__main__":
    unittest.main()
