"""scripts/plot-experiment: its figure has the results' numbers in the right places, its table says
them, names stay text, and the same results give the same files."""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree

SCRIPTS = pathlib.Path(__file__).resolve().parents[2] / "scripts"
sys.dont_write_bytecode = True
sys.path.insert(0, str(SCRIPTS))
import experiment_figure

HOSTILE = '</svg><script>alert(1)</script> | `x` <!-- \x1b[2J\n--> &amp;'
MARKS = ("<!-- four: written by scripts/plot-experiment -->", "<!-- end of four -->")


def row(policy, gb, slowdown, tuned=False, label=None, workload="w", **stats):
    return {"workload": workload, "policy": policy, "tuned": tuned, "cluster": "knative",
            "label": label or policy + (" tuned" if tuned else ""), "parameters": {}, "runs": [],
            "stats": {"gb_seconds": gb, "slowdown_p99": slowdown, **stats}}


def number(mean, low=None, high=None):
    return {"mean": mean, "low": low, "high": high}


def results(rows):
    return {"format": "reeve-experiment", "version": 1, "name": "four", "baseline": "a",
            "level": 0.95, "seeds": [1, 2],
            "metrics": [{"key": "slowdown_p99", "title": "p99 slowdown", "unit": "x", "better": "lower"},
                        {"key": "slo_violation_share", "title": "SLO violations", "unit": "share",
                         "better": "lower"},
                        {"key": "gb_seconds", "title": "GB-seconds", "unit": "GB s",
                         "better": "lower"}],
            "rows": rows,
            "bounds": [{"workload": "w", "cluster": "knative", "label": "bound",
                        "warm_gb_seconds": 50, "needed_gb_seconds": 40, "points": [[2, 45]]}]}


A = row("a", number(100, 90, 120), number(9.0, 8.5, 9.25),
        slo_violation_share=number(0.0123, 0.0113, 0.0131))
B = row("b", number(200), number(4.0))
B_TUNED = row("b", number(300), number(1.0), tuned=True)
C = row("c", number(300), number(5.0))  # b is as good in neither, and better in both
NONE = row("none", number(None), number(5.0))


class PlotExperimentTest(unittest.TestCase):
    def setUp(self):
        self._folder = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self._folder.name)
        self.document = self.root / "results.md"
        self.document.write_text(f"before\n\n{MARKS[0]}\nold\n{MARKS[1]}\n\nafter\n")

    def tearDown(self):
        self._folder.cleanup()

    def run_script(self, content):
        (self.root / "results.json").write_text(
            content if isinstance(content, str) else json.dumps(content))
        return subprocess.run(
            [sys.executable, str(SCRIPTS / "plot-experiment"), str(self.root / "results.json"),
             "--out", str(self.root / "figure.svg"), "--table", str(self.document)],
            capture_output=True, text=True)

    def assert_runs(self, content):
        done = self.run_script(content)
        self.assertEqual(done.returncode, 0, done.stderr)
        return ElementTree.parse(self.root / "figure.svg").getroot(), self.document.read_text()

    def test_table_has_means_and_the_longer_side_of_intervals(self):
        _, document = self.assert_runs(results([A, B, NONE]))
        table = "\n".join([
            "| policy | p99 slowdown, × | SLO violations, % | GB-seconds |",
            "| --- | ---: | ---: | ---: |",
            # 0.0123 - 0.0113 is 0.10 %, more than 0.08 % above; 120 - 100 is more than 10 below.
            "| a | 9.00 ± 0.50 | 1.23 ± 0.10 | 100 ± 20 |",
            "| b | 4.00 | – | 200 |",
            "| none | 5.00 | – | – |"])
        self.assertEqual(document, f"before\n\n{MARKS[0]}\n{table}\n{MARKS[1]}\n\nafter\n")

    def test_front_is_what_no_other_beats(self):
        best = experiment_figure.front([C, B_TUNED, A, B])
        self.assertEqual([r["label"] for r in best], ["a", "b", "b tuned"])
        # Equal points do not beat each other.
        worse = row("worse", number(100), number(9.5))
        best = experiment_figure.front([A, dict(A, label="twin"), worse])
        self.assertEqual([r["label"] for r in best], ["a", "twin"])

    def test_points_stand_where_their_numbers_are(self):
        figure, _ = self.assert_runs(results([A, B, B_TUNED, C]))
        circles = {(float(c.get("cx")), float(c.get("cy"))): c
                   for c in figure.iter("{http://www.w3.org/2000/svg}circle")}
        # Linear axes from 0: steps of 100 up to 400 GB-seconds, of 2 up to 10.
        left, right = experiment_figure.LEFT, experiment_figure.WIDTH - experiment_figure.RIGHT
        top = experiment_figure.TOP
        bottom = experiment_figure.PANEL - experiment_figure.BOTTOM
        for gb, slowdown, hollow in ((100, 9, True), (200, 4, True), (300, 1, False)):
            at = (round(left + gb / 400 * (right - left), 1),
                  round(bottom - slowdown / 10 * (bottom - top), 1))
            self.assertIn(at, circles)
            self.assertEqual(circles[at].get("fill") == "#ffffff", hollow)
        # The bound: a line from top to bottom at 50 GB-seconds.
        lines = [(float(l.get("x1")), float(l.get("x2")))
                 for l in figure.iter("{http://www.w3.org/2000/svg}line")
                 if l.get("stroke-dasharray") and l.get("y1") != l.get("y2")]
        at = round(left + 50 / 400 * (right - left), 1)
        self.assertEqual(lines, [(at, at)])

    def test_bounds_that_are_as_good_as_one_share_a_line(self):
        content = results([A, B])
        content["bounds"] = [dict(content["bounds"][0], label=label, warm_gb_seconds=value)
                             for label, value in (("one", 50), ("two", 50.2), ("far", 60))]
        lines = experiment_figure.Panel(content, "w", 0)._bound_lines()
        self.assertEqual([(label, value) for label, _, value in lines],
                         [("one, two, no cold start", 50), ("far, no cold start", 60)])

    def test_far_apart_values_get_a_log_axis(self):
        axis = experiment_figure.Axis([1.2, 120.0], 0.0, 1.0)  # with a fifth more on each side
        self.assertTrue(axis.log)
        self.assertAlmostEqual(axis.place(12.0), 0.5)
        self.assertEqual([round(t, 9) for t in axis.ticks()], [1, 3, 10, 30, 100])
        self.assertFalse(experiment_figure.Axis([0.0, 120.0], 0.0, 1.0).log)

    def test_one_plot_for_each_workload(self):
        other = [dict(r, workload="other") for r in (A, B)]
        figure, document = self.assert_runs(results([A, B, *other]))
        self.assertEqual(figure.get("height"), str(2 * experiment_figure.PANEL))
        self.assertIn("**w**\n\n| policy", document)
        self.assertIn("**other**\n\n| policy", document)

    def test_names_stay_text(self):
        figure, document = self.assert_runs(
            results([A, row("x", number(200), number(4.0), label=HOSTILE, workload=HOSTILE)]))
        self.assertEqual(sum(1 for _ in figure.iter("{http://www.w3.org/2000/svg}script")), 0)
        inside = document.split(MARKS[0])[1].split(MARKS[1])[0]
        self.assertNotRegex(inside, r"(?<!\\)[<>`]")
        for line in inside.splitlines():
            if line.startswith("| "):
                self.assertEqual(line.replace("\\|", "").count("|"), 5)

    def test_the_same_results_give_the_same_files(self):
        content = results([A, B, B_TUNED, C])
        self.assert_runs(content)
        first = (self.root / "figure.svg").read_bytes(), self.document.read_bytes()
        self.assert_runs(content)
        self.assertEqual(first, ((self.root / "figure.svg").read_bytes(),
                                 self.document.read_bytes()))

    def test_says_what_is_wrong(self):
        for content, part in (("{", "plot-experiment: "), ({"format": "x"}, "not the results"),
                              ({**results([]), "version": 2}, "version 2"),
                              ({**results([A]), "metrics": [{}]}, "not in the form")):
            done = self.run_script(content)
            self.assertEqual(done.returncode, 3)
            self.assertIn(part, done.stderr)
            self.assertNotIn("Traceback", done.stderr)
        self.document.write_text("no marks")
        done = self.run_script(results([A]))
        self.assertEqual(done.returncode, 3)
        self.assertIn(MARKS[0], done.stderr)


if __name__ == "__main__":
    unittest.main()
