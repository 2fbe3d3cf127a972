"""scripts/detection-tables: its tables say what the results say, names stay text, and what is not a
study of detection is refused."""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPTS = pathlib.Path(__file__).resolve().parents[2] / "scripts"
MARKS = ("<!-- d: written by scripts/detection-tables -->", "<!-- end of d -->")


def mean(value, low=None, high=None):
    return {"value": value, "low": value if low is None else low,
            "high": value if high is None else high}


def row(detector, delays, parameters=None, workload="w"):
    shifts = [{"size": size, "delay_s": delay} for size, delay in delays]
    return {"workload": workload, "detector": detector, "labels": ["usual", "x2", "mix"],
            "parameters": parameters or {}, "tuning_f1": 0.5 if parameters else None,
            "means": {"f1": mean(0.875, 0.75, 0.9), "delay_s": mean(123.4), "recognised": mean(0.5),
                      "precision": None},
            "runs": [{"days": 0.25, "shifts": shifts}, {"days": 0.25, "shifts": []}]}


ROWS = [row("A|B", [("mix", 10), ("x2", 20), ("x2", 41)], {"cusum.threshold": "5"}),
        row("C", [("mix", None), ("x2", None), ("x2", 7)])]


class DetectionTablesTest(unittest.TestCase):
    def setUp(self):
        self._folder = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self._folder.name)
        self.document = self.root / "results.md"
        self.document.write_text(f"before\n\n{MARKS[0]}\nold\n{MARKS[1]}\n\nafter\n")

    def tearDown(self):
        self._folder.cleanup()

    def run_on(self, results):
        path = self.root / "results.json"
        path.write_text(json.dumps(results))
        return subprocess.run([SCRIPTS / "detection-tables", path, "--table", self.document],
                              capture_output=True, text=True)

    def test_tables_say_what_was_found(self):
        done = self.run_on({"format": "reeve-detection-study", "version": 1, "name": "d",
                            "rows": ROWS})
        self.assertEqual(done.returncode, 0, done.stderr)
        text = self.document.read_text()
        self.assertIn("**w** (2 runs, 12 hours in all)", text)
        self.assertIn("| A\\|B | 0.88 [0.75, 0.90] | 123 | 50.0 | `cusum.threshold=5` |", text)
        self.assertIn("| C | 0.88 [0.75, 0.90] | 123 | 50.0 | – |", text)
        self.assertIn("| x2 | 2 | 2 (30 s) | 1 (7 s) |\n| mix | 1 | 1 (10 s) | 0 |", text)
        self.assertNotIn("precision", text)
        self.assertNotIn("\nold\n", text)
        self.assertTrue(text.startswith("before\n") and text.endswith("after\n"))

    def test_without_shifts_only_false_alarms_count(self):
        still = row("A", [])
        still["means"]["false_alarms_per_day"] = mean(3)
        done = self.run_on({"format": "reeve-detection-study", "version": 1, "name": "d",
                            "rows": [still]})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("| detector | false alarms a day | tuned |", self.document.read_text())

    def test_others_are_refused(self):
        done = self.run_on({"format": "reeve-learning-study", "version": 1})
        self.assertEqual(done.returncode, 3)
        self.assertIn("not the results of a study of detection", done.stderr)
        done = self.run_on({"format": "reeve-detection-study", "version": 1, "name": "d",
                            "rows": [{}]})
        self.assertEqual(done.returncode, 3)
        self.assertIn("not in the form", done.stderr)
        self.assertIn("\nold\n", self.document.read_text())


if __name__ == "__main__":
    unittest.main()
