"""scripts/plot-adaptation: its tables say what the results say, names stay text, several results of
one study go together, and what is not one is refused."""

import json
import pathlib
import subprocess
import tempfile
import unittest
import xml.dom.minidom

SCRIPTS = pathlib.Path(__file__).resolve().parents[2] / "scripts"
MARKS = ("<!-- a: written by scripts/plot-adaptation -->", "<!-- end of a -->")


def mean(value, low=None, high=None):
    return {"value": value, "low": value if low is None else low,
            "high": value if high is None else high}


def row(problem, variant, p99, ratio, parameters=None):
    return {"problem": problem, "variant": variant, "cost_unit": "GiB h",
            "parameters": parameters or {}, "p99_over_reference": ratio,
            "means": {"latency_p99_ms": mean(p99, p99 - 10, p99 + 10), "over_slo_p99": mean(0.5),
                      "slo_violation_share": mean(0.0125), "cost_per_hour": mean(3.0),
                      "detection_delay_s": None},
            "values": {"latency_p99_ms": [p99 - 10, p99 + 10]}}


def study(rows, **more):
    return {"format": "reeve-adaptation-study", "version": 1, "name": "a", "title": "",
            "reference": "known", "rows": rows, **more}


ROWS = [row("x", "known", 400, mean(1)), row("x", "A|<b>", 412, mean(1.03, 1.01, 1.05), {"t": "3"})]


class PlotAdaptationTest(unittest.TestCase):
    def setUp(self):
        self._folder = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self._folder.name)
        self.document, self.figure = self.root / "results.md", self.root / "f.svg"
        self.document.write_text(f"before\n\n{MARKS[0]}\nold\n{MARKS[1]}\n\nafter\n")

    def tearDown(self):
        self._folder.cleanup()

    def run_on(self, *all_results):
        paths = []
        for i, results in enumerate(all_results):
            paths.append(self.root / f"results{i}.json")
            paths[-1].write_text(json.dumps(results))
        return subprocess.run([SCRIPTS / "plot-adaptation", *paths, "--out", self.figure,
                               "--table", self.document], capture_output=True, text=True)

    def test_tables_say_what_was_found(self):
        done = self.run_on(study(ROWS))
        self.assertEqual(done.returncode, 0, done.stderr)
        text = self.document.read_text()
        self.assertIn("**x** (2 seeds)", text)
        self.assertIn("| A\\|\\<b\\> | 1.03 [1.01, 1.05] | 412 [402, 422] | 0.500 | 1.25 | 3.00 | `t=3` |",
                      text)
        self.assertIn("| known | 1.00 | 400 [390, 410] | 0.500 | 1.25 | 3.00 |  |", text)
        self.assertIn("GiB h an hour", text)
        self.assertNotIn("detected after", text)
        self.assertNotIn("\nold\n", text)
        drawn = xml.dom.minidom.parse(str(self.figure)).documentElement
        texts = [node.firstChild.data for node in drawn.getElementsByTagName("text")]
        self.assertIn("A|<b>", texts)
        self.assertEqual(len(drawn.getElementsByTagName("rect")), 6)  # three figures, two variants

    def test_problems_of_several_files_go_together(self):
        done = self.run_on(study(ROWS), study([row("y", "known", 100, mean(1))]))
        self.assertEqual(done.returncode, 0, done.stderr)
        text = self.document.read_text()
        self.assertLess(text.index("**x**"), text.index("**y**"))

    def test_something_else_is_refused_and_changes_nothing(self):
        before = self.document.read_text()
        for results in ({"format": "other"}, study(ROWS, version=9), study([{"problem": "x"}]), []):
            done = self.run_on(results)
            self.assertEqual(done.returncode, 3)
            self.assertTrue(done.stderr.startswith("plot-adaptation: "), done.stderr)
            self.assertEqual(self.document.read_text(), before)
        done = self.run_on(study(ROWS), study(ROWS, name="b"))
        self.assertEqual(done.returncode, 3)
        self.assertIn("not of 'a'", done.stderr)


if __name__ == "__main__":
    unittest.main()
