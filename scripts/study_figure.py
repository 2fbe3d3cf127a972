"""The figure of a study of learning, drawn as SVG: for each scenario the returns of every agent while
it learns, all variants in one panel, and the ratios of p99 latency with their intervals. Used by
scripts/plot-study."""

import math

from experiment_figure import known, short
from svg_figure import (BLUE, GREEN, ORANGE, PINK, TEAL, TEXT, VIOLET, area, bar, document, line,
                        path, text)

WIDTH, MARGIN = 860, 20
PANELS_A_ROW, PANEL = 3, 205          # of returns; PANEL is the height of one
PANEL_LEFT, PANEL_TOP, PANEL_BOTTOM = 44, 26, 34
BAR_ROW, BARS_TOP, BARS_BOTTOM = 20, 30, 34  # of a ratio: height of a bar's row
BARS_LEFT, BARS_RIGHT = 150, 60              # room for names and for numbers
HEAD, GAP = 56, 18
COLOURS = (BLUE, ORANGE, VIOLET, GREEN, PINK, TEAL)  # of the variants, in the order in which they come
DASHES = ("", "6 3", "2 3")                          # for those after as many as there are colours
MOST_POINTS = 100                                    # of a curve
FONT = 6.4                                           # width of a letter of the usual size


def clip(name, width):
    most = max(1, int(width / FONT))
    return name if len(name) <= most else name[:most - 1] + "…"


def mean(values):
    return sum(values) / len(values)


def thinned(points):
    """[(x, y, low, high)] with at most MOST_POINTS: neighbours become one, at the last one's x."""
    group = max(1, math.ceil(len(points) / MOST_POINTS))
    parts = [points[i:i + group] for i in range(0, len(points), group)]
    return [(part[-1][0], *(mean([p[k] for p in part]) for k in (1, 2, 3))) for part in parts]


def curve(row, agent):
    """[(step, mean, least, most)] over the row's seeds, of what they know."""
    at = {}
    for run in row["runs"]:
        returns = run.get("returns") or []
        if agent >= len(returns):
            continue
        for step, value in zip(run["steps"], returns[agent]):
            if known(step) and known(value):
                at.setdefault(step, []).append(value)
    return [(step, mean(values), min(values), max(values)) for step, values in sorted(at.items())]


def agents(rows):
    """Names of the agents: of the functions, where there are as many."""
    count = max((len(run.get("returns") or []) for row in rows for run in row["runs"]), default=0)
    names = list(dict.fromkeys(f["name"] for row in rows for run in row["runs"]
                               for f in run["functions"]))
    return names if len(names) == count else [f"agent {n + 1}" for n in range(count)]


class Scale:
    """Linear, from values to places between `start` and `end`, with round ticks around all of them."""

    def __init__(self, values, start, end, ticks):
        low, high = min(values), max(values)
        rough = ((high - low) or abs(high) or 1.0) / ticks
        unit = 10.0 ** math.floor(math.log10(rough))
        self.step = next(head * unit for head in (1, 2, 2.5, 5, 10) if head * unit >= rough * 0.999)
        self.first, self.last = math.floor(low / self.step + 1e-9), math.ceil(high / self.step - 1e-9)
        if self.first == self.last:
            self.last += 1
        self.start, self.end = start, end

    def place(self, value):
        low, high = self.first * self.step, self.last * self.step
        return self.start + (value - low) / (high - low) * (self.end - self.start)

    def ticks(self):
        return [i * self.step for i in range(self.first, self.last + 1)]


class Look:
    """Colour and dashes stand for variants, the same in all panels."""

    def __init__(self, results):
        self.variants = list(dict.fromkeys(row["variant"] for row in results["rows"]))

    def of(self, variant):
        index = self.variants.index(variant)
        return (COLOURS[index % len(COLOURS)],
                DASHES[index // len(COLOURS) % len(DASHES)])


def panel(name, curves, left, top, width):
    """Returns of one agent; curves: [(colour, dashes, points)], none of them empty."""
    right, bottom = left + width, top + PANEL - PANEL_BOTTOM
    left, inner_top = left + PANEL_LEFT, top + PANEL_TOP
    x = Scale([0.0] + [points[-1][0] for _, _, points in curves], left, right, 3)
    y = Scale([v for _, _, points in curves for p in points for v in p[1:]], bottom, inner_top, 4)
    parts = [text(left, top + 16, clip(name, width - PANEL_LEFT), "start", 12, TEXT,
                  ' font-weight="bold"')]
    for value in y.ticks():
        parts.append(line(left, y.place(value), right, y.place(value),
                          extra=' stroke-opacity="0.25"'))
        parts.append(text(left - 6, y.place(value) + 4, short(value), "end", 11))
    for value in x.ticks():
        parts.append(text(x.place(value), bottom + 15, short(value), "middle", 11))
    for colour, _, points in curves:
        edge = [(x.place(p[0]), y.place(p[3])) for p in points]
        edge += [(x.place(p[0]), y.place(p[2])) for p in reversed(points)]
        parts.append(area(edge, colour, 0.15))
    for colour, dashes, points in curves:
        parts.append(path([(x.place(p[0]), y.place(p[1])) for p in points], colour, 1.6, dashes))
    return parts


def ratio_bars(name, ratios, left, top, width):
    """Bars of one ratio, over all functions first, with whiskers, and a line where nothing differs."""
    reference = ratios[0].get("reference")
    reference = reference if known(reference) else 1
    bottom, right = top + BARS_TOP + BAR_ROW * len(ratios), left + width - BARS_RIGHT
    ends = [v for r in ratios for v in (r["value"], r.get("low"), r.get("high")) if known(v)]
    x = Scale([0.0, reference] + ends, left + BARS_LEFT, right, 4)
    parts = [text(left, top + 16, clip(name, width), "start", 12, TEXT, ' font-weight="bold"')]
    for value in x.ticks():
        parts.append(line(x.place(value), top + BARS_TOP, x.place(value), bottom,
                          extra=' stroke-opacity="0.25"'))
        parts.append(text(x.place(value), bottom + 15, short(value), "middle", 11))
    for i, ratio in enumerate(ratios):
        middle = top + BARS_TOP + BAR_ROW * (i + 0.5)
        begin, end = sorted((x.place(0.0), x.place(ratio["value"])))
        parts.append(bar(begin, middle - 6, end - begin, 12, BLUE if ratio["function"] else ORANGE))
        if known(ratio.get("low")) and known(ratio.get("high")):
            low, high = x.place(ratio["low"]), x.place(ratio["high"])
            parts.append(line(low, middle, high, middle, TEXT, 1.3))
            parts += [line(at, middle - 3, at, middle + 3, TEXT, 1.3) for at in (low, high)]
            end = max(end, high)
        parts.append(text(left + BARS_LEFT - 8, middle + 4,
                          clip(ratio["function"] or "all (geom. mean)", BARS_LEFT - 8), "end", 11))
        parts.append(text(end + 7, middle + 4, f"{ratio['value']:.3g}", "start", 11))
    parts.append(line(x.place(reference), top + BARS_TOP - 4, x.place(reference), bottom, GREEN, 2,
                      ' stroke-dasharray="5 3"'))
    return parts


class Scenario:
    """The part of the figure about one scenario."""

    def __init__(self, results, look, name, top):
        self.name, self.look, self.top = name, look, top
        self.rows = [row for row in results["rows"] if row["scenario"] == name]
        its = [r for r in results.get("ratios") or []
               if r["scenario"] == name and known(r.get("value"))]
        self.ratios = {}
        for ratio in sorted(its, key=lambda r: r["function"] != ""):
            self.ratios.setdefault(ratio["ratio"], []).append(ratio)

    def draw(self):
        """(parts, the bottom of them)"""
        parts, bottom = self._key(), self.top + HEAD
        returns, bottom = self._returns(bottom)
        ratios, bottom = self._ratios(bottom)
        return parts + returns + ratios, bottom

    def _key(self):
        parts, x = [], MARGIN
        if self.name:
            parts.append(text(x, self.top + 20, self.name, "start", 15, TEXT,
                              ' font-weight="bold"'))
        for row in self.rows:
            if not any(run.get("steps") for run in row["runs"]):
                continue  # a rule: it has no curve
            colour, dashes = self.look.of(row["variant"])
            parts.append(path([(x, self.top + 40), (x + 20, self.top + 40)], colour, 2.4, dashes))
            parts.append(text(x + 26, self.top + 44, row["variant"], "start", 12))
            x += 46 + FONT * len(row["variant"])
        return parts

    def _returns(self, top):
        width = (WIDTH - 2 * MARGIN - GAP * (PANELS_A_ROW - 1)) / PANELS_A_ROW
        parts, place = [], 0
        for agent, name in enumerate(agents(self.rows)):
            curves = [(*self.look.of(row["variant"]), thinned(curve(row, agent)))
                      for row in self.rows]
            curves = [c for c in curves if c[2]]
            if not curves:
                continue
            left = MARGIN + place % PANELS_A_ROW * (width + GAP)
            parts += panel(name, curves, left, top + place // PANELS_A_ROW * PANEL, width)
            place += 1
        if not place:
            return parts, top
        bottom = top + math.ceil(place / PANELS_A_ROW) * PANEL
        note = "Return of an episode against environment steps: mean over seeds, least to most"
        parts.append(text(MARGIN, bottom + 2, note, "start", 11))
        return parts, bottom + GAP

    def _ratios(self, top):
        width = (WIDTH - 2 * MARGIN - GAP) / 2
        parts, names = [], list(self.ratios)
        for i in range(0, len(names), 2):
            pair = names[i:i + 2]
            for k, name in enumerate(pair):
                parts += ratio_bars(name, self.ratios[name], MARGIN + k * (width + GAP), top, width)
            top += BARS_TOP + BARS_BOTTOM + BAR_ROW * max(len(self.ratios[name]) for name in pair)
        return parts, top


def draw(results):
    """The whole SVG of the results (see runs/learning_study_page.h)."""
    look, parts, bottom = Look(results), [], 0
    for name in dict.fromkeys(row["scenario"] for row in results["rows"]):
        more, bottom = Scenario(results, look, name, bottom).draw()
        parts += more
    return document(WIDTH, math.ceil(bottom) + MARGIN,
                    f"{results['name']}: returns while learning, and ratios of p99 latency", parts)
