"""The rows of scripts/demo: which there are, what is in them, and how often an invalid one is run again."""

import contextlib
import io
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts" / "lib"))
import demo_runs  # noqa: E402

PROMISED = ("backend", "proto", "bytes", "conns", "loop", "idle", "client_idle", "rate", "count", "p50_us", "p99_us",
            "p999_us", "max_us", "late_share", "jitter_us", "invalid")


def report(**changes):
    times = {"p50_us": 20.0, "p99_us": 40.0, "p999_us": 80.0, "max_us": 100.0}
    return {"backend": "epoll", "proto": "tcp", "bytes": 64, "conns": 1, "loop": "open", "idle": "spin",
            "client_idle": "sleep", "rate": 2000, "achieved": 1999.5, "count": 12_000, **times, "late_share": 0.0,
            "jitter_us": 9.0, "invalid": False, "invalid_reasons": [], "service": times, "machine": {"cpus": 2},
            **changes}


class Rows(unittest.TestCase):
    def ran(self, verdicts):
        """Runs a row for each list of verdicts, which its attempts have; returns the results and who ran, in order."""
        order = []

        def run(name, attempt):
            order.append(name)
            return demo_runs.result_of(report(invalid=verdicts[name][attempt - 1]), attempt)

        with contextlib.redirect_stdout(io.StringIO()):
            both = demo_runs.run_all(list(verdicts), run, pauses=(0, 0))
        return [result for result, _ in both], order

    def test_a_row_has_the_promised_fields(self):
        row, _ = demo_runs.result_of(report(), 1)
        self.assertEqual([field for field in PROMISED if row.get(field) is None], [])
        self.assertEqual((row["schema_version"], row["machine"]), (demo_runs.SCHEMA_VERSION, {"cpus": 2}))

    def test_the_rate_of_an_open_loop_is_what_was_asked_for_and_of_a_closed_one_what_came_out(self):
        self.assertEqual(demo_runs.result_of(report(), 1)[0]["rate"], 2000)
        self.assertEqual(demo_runs.result_of(report(loop="closed", rate=None), 1)[0]["rate"], 1999.5)

    def test_a_row_with_too_few_answers_is_invalid(self):
        row, _ = demo_runs.result_of(report(p99_us=None, count=10), 1)
        self.assertTrue(row["invalid"])
        self.assertIn("10 answers", row["invalid_reasons"][0])

    def test_an_invalid_row_is_run_again_when_the_others_are_done_and_no_other(self):
        results, order = self.ran({"a": [True, False], "b": [False], "c": [True, True, False]})
        self.assertEqual(order, ["a", "b", "c", "a", "c", "c"])
        self.assertEqual([row["invalid"] for row in results], [False, False, False])
        self.assertEqual([row["attempts"] for row in results], [2, 1, 3])

    def test_after_two_repeats_a_row_stays_invalid(self):
        results, order = self.ran({"a": [True, True, True, False]})
        self.assertEqual(order, ["a"] * 3)
        self.assertTrue(results[0]["invalid"])

    def test_each_protocol_has_both_loops_with_both_ways_to_idle(self):
        kinds = {(row["proto"], row["loop"], row["idle"]) for row in demo_runs.rows(True, False)}
        self.assertEqual(kinds, {(proto, loop, idle) for proto in ("tcp", "udp") for loop in ("open", "closed")
                                 for idle in ("sleep", "spin")})

    def test_rings_have_the_closed_loop(self):
        rows = list(demo_runs.rows(True, True))
        self.assertEqual({(row["proto"], row["loop"], row["idle"]) for row in rows if row["backend"] == "io_uring"},
                         {(proto, "closed", idle) for proto in ("tcp", "udp") for idle in ("sleep", "spin")})
        self.assertEqual({row["backend"] for row in demo_runs.rows(True, False)}, {"epoll"})

    def test_on_one_core_nothing_spins(self):
        rows = list(demo_runs.rows(False, False))
        self.assertEqual({row["idle"] for row in rows}, {"sleep"})
        self.assertEqual(len(rows), 4)


if __name__ == "__main__":
    unittest.main()
