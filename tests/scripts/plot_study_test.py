"""scripts/plot-study: its figure has curves and bars where the results' numbers are, its tables say
them, names stay text, and the same results give the same files."""

import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree

SCRIPTS = pathlib.Path(__file__).resolve().parents[2] / "scripts"
sys.dont_write_bytecode = True
sys.path.insert(0, str(SCRIPTS))
import study_figure

HOSTILE = '</svg><script>alert(1)</script> | `x` <!-- \x1b[2J\n--> &amp;'
MARKS = ("<!-- two: written by scripts/plot-study -->", "<!-- end of two -->")
SVG = "{http://www.w3.org/2000/svg}"


def run(seed, p99, share, final, returns, names=("f", "g")):
    return {"seed": seed, "latency_p99_ms": p99, "slo_violation_share": share,
            "final_return": final, "actor_parameters": None,
            "functions": [{"name": name, "latency_p99_ms": 1} for name in names],
            "steps": [100, 200] if returns else [], "returns": returns}


def row(variant, runs, scenario="s"):
    return {"scenario": scenario, "variant": variant, "runs": runs}


def ratio(name, function, value, low=None, high=None, reference=1, scenario="s"):
    return {"scenario": scenario, "ratio": name, "function": function, "value": value, "low": low,
            "high": high, "reference": reference}


def results(rows, ratios=()):
    return {"format": "reeve-learning-study", "version": 1, "name": "two", "title": "",
            "level": 0.95, "rows": rows, "ratios": list(ratios)}


A = row("a", [run(1, 1100, 0.01, -2, [[-80, -20], [None, -40]]),
              run(2, 1300, 0.02, -4, [[-60, -40], [-90, -60]])])
RULE = row("rule", [run(1, 8.5, None, None, [])])
RATIOS = [ratio("D", "f", 2.0, 1.5, 2.25), ratio("D", "g", None), ratio("D", "", 3.0, 2.5, 3.5),
          ratio("E", "", -0.25, -0.5, 0.0, reference=0)]


class PlotStudyTest(unittest.TestCase):
    def setUp(self):
        self._folder = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self._folder.name)
        self.document = self.root / "learning.md"
        self.document.write_text(f"before\n\n{MARKS[0]}\nold\n{MARKS[1]}\n\nafter\n")

    def tearDown(self):
        self._folder.cleanup()

    def run_script(self, content):
        (self.root / "results.json").write_text(
            content if isinstance(content, str) else json.dumps(content))
        return subprocess.run(
            [sys.executable, str(SCRIPTS / "plot-study"), str(self.root / "results.json"),
             "--out", str(self.root / "figure.svg"), "--table", str(self.document)],
            capture_output=True, text=True)

    def assert_runs(self, content):
        done = self.run_script(content)
        self.assertEqual(done.returncode, 0, done.stderr)
        return ElementTree.parse(self.root / "figure.svg").getroot(), self.document.read_text()

    def test_tables_have_means_with_the_least_and_the_most_and_ratios_with_intervals(self):
        _, document = self.assert_runs(results([A, RULE], RATIOS))
        tables = "\n".join([
            # Nobody knows an actor's parameters, and the rule no more than its p99.
            "| variant | return | p99 latency, ms | SLO violations, % |",
            "| --- | ---: | ---: | ---: |",
            "| a | -3.00 [-4.00, -2.00] | 1,200 [1,100, 1,300] | 1.50 [1.00, 2.00] |",
            "| rule | – | 8.50 | – |",
            "",
            "| function | D | E |",
            "| --- | ---: | ---: |",
            "| f | 2.00 [1.50, 2.25] | – |",
            "| g | – | – |",
            "| all (geometric mean) | 3.00 [2.50, 3.50] | -0.250 [-0.500, 0.000] |"])
        self.assertEqual(document, f"before\n\n{MARKS[0]}\n{tables}\n{MARKS[1]}\n\nafter\n")

    def test_curves_are_means_over_the_seeds_that_know(self):
        self.assertEqual(study_figure.curve(A, 0), [(100, -70, -80, -60), (200, -30, -40, -20)])
        self.assertEqual(study_figure.curve(A, 1), [(100, -90, -90, -90), (200, -50, -60, -40)])
        self.assertEqual(study_figure.curve(RULE, 0), [])
        self.assertEqual(study_figure.agents([A, RULE]), ["f", "g"])
        alone = row("b", [run(1, 1, 0, 0, [[-1, -1]])])  # one agent of two functions
        self.assertEqual(study_figure.agents([alone]), ["agent 1"])

    def test_long_curves_are_thinned_to_means(self):
        most = study_figure.MOST_POINTS
        points = [(i, i, i - 1, i + 1) for i in range(1, 2 * most + 2)]  # in threes
        thin = study_figure.thinned(points)
        self.assertLessEqual(len(thin), most)
        self.assertEqual(thin[0], (3, 2, 1, 3))
        self.assertEqual(study_figure.thinned(points[:most]), points[:most])

    def test_scales_have_round_ticks_around_all_values(self):
        scale = study_figure.Scale([-83.0, -21.0], 100.0, 0.0, 4)
        self.assertEqual(scale.ticks(), [-100, -80, -60, -40, -20])
        self.assertAlmostEqual(scale.place(-100), 100.0)
        self.assertAlmostEqual(scale.place(-40), 25.0)
        self.assertEqual(len(study_figure.Scale([5.0, 5.0], 0.0, 1.0, 4).ticks()), 2)
        self.assertEqual(len(study_figure.Scale([0.0], 0.0, 1.0, 4).ticks()), 2)

    def test_curves_stand_where_their_numbers_are(self):
        figure, _ = self.assert_runs(results([A, RULE]))
        lines = [p for p in figure.iter(SVG + "path") if p.get("stroke-width") == "1.6"]
        self.assertEqual(len(lines), 2)  # agents f and g; the rule has no curve
        points = [tuple(map(float, pair.split()))
                  for pair in lines[0].get("d")[1:].split("L")]
        # Axes of f: 0 to 200 steps; -80 to -20 with ticks each 20.
        f = study_figure
        right = f.MARGIN + (f.WIDTH - 2 * f.MARGIN - 2 * f.GAP) / 3
        left, top = f.MARGIN + f.PANEL_LEFT, f.HEAD + f.PANEL_TOP
        bottom = f.HEAD + f.PANEL - f.PANEL_BOTTOM
        for (x, y), (step, value) in zip(points, ((100, -70), (200, -30)), strict=True):
            self.assertAlmostEqual(x, left + step / 200 * (right - left), delta=0.06)
            self.assertAlmostEqual(y, bottom - (value + 80) / 60 * (bottom - top), delta=0.06)

    def test_bars_reach_their_ratios_and_the_line_stands_where_nothing_differs(self):
        figure, _ = self.assert_runs(results([RULE], RATIOS))
        f = study_figure
        width = (f.WIDTH - 2 * f.MARGIN - f.GAP) / 2
        zero, right = f.MARGIN + f.BARS_LEFT, f.MARGIN + width - f.BARS_RIGHT
        unit = (right - zero) / 4  # of D: an axis from 0 to 4
        bars = [(float(b.get("x")), float(b.get("width"))) for b in figure.iter(SVG + "rect")]
        self.assertEqual(len(bars), 3)  # D over all, D of f, E over all; D of g is not known
        for (x, length), value in zip(bars[:2], (3, 2)):
            self.assertAlmostEqual(x, zero, delta=0.06)
            self.assertAlmostEqual(length, value * unit, delta=0.06)
        # E is below 0: from its value up to 0, the end of an axis that begins at -0.6.
        self.assertAlmostEqual(bars[2][0] + bars[2][1], right + width + f.GAP, delta=0.11)
        marks = [float(l.get("x1")) for l in figure.iter(SVG + "line")
                 if l.get("stroke-dasharray")]
        self.assertEqual(len(marks), 2)
        self.assertAlmostEqual(marks[0], zero + unit, delta=0.06)
        self.assertAlmostEqual(marks[1], right + width + f.GAP, delta=0.06)

    def test_one_part_for_each_scenario(self):
        one, _ = self.assert_runs(results([A], RATIOS))
        both, document = self.assert_runs(
            results([A, dict(A, scenario="other")], RATIOS + [dict(r, scenario="other")
                                                              for r in RATIOS]))
        margin = study_figure.MARGIN
        self.assertEqual(float(both.get("height")) - margin,
                         2 * (float(one.get("height")) - margin))
        self.assertIn("**s**\n\n| variant", document)
        self.assertIn("**other**\n\n| variant", document)

    def test_no_ratios_and_no_curves_are_fine(self):
        content = results([RULE])
        del content["ratios"]
        _, document = self.assert_runs(content)
        self.assertIn("| rule | 8.50 |", document)
        self.assertNotIn("| function |", document)

    def test_names_stay_text(self):
        hostile = row(HOSTILE, [run(1, 2, 0.5, 1, [[-1, -2], [-3, -4]], (HOSTILE, "g"))], HOSTILE)
        figure, document = self.assert_runs(
            results([A, hostile], [ratio(HOSTILE, HOSTILE, 2.0, scenario=HOSTILE)]))
        self.assertEqual(sum(1 for _ in figure.iter(SVG + "script")), 0)
        inside = document.split(MARKS[0])[1].split(MARKS[1])[0]
        self.assertNotRegex(inside, r"(?<!\\)[<>`]")
        self.assertEqual({len(re.findall(r"(?<!\\)\|", line)) for line in inside.splitlines()
                          if line.startswith("| ")}, {3, 5})

    def test_the_same_results_give_the_same_files(self):
        self.assert_runs(results([A, RULE], RATIOS))
        first = (self.root / "figure.svg").read_bytes(), self.document.read_bytes()
        self.assert_runs(results([A, RULE], RATIOS))
        self.assertEqual(first, ((self.root / "figure.svg").read_bytes(),
                                 self.document.read_bytes()))

    def test_says_what_is_wrong(self):
        for content, part in (("{", "plot-study: "), ({"format": "x"}, "not the results"),
                              ({**results([]), "version": 2}, "version 2"),
                              (results([{}]), "not in the form")):
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
