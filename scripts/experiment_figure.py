"""The figure of an experiment, drawn as SVG: for each workload p99 slowdown against GB-seconds,
with intervals, the Pareto front and the clairvoyant bound. Used by scripts/plot-experiment."""

import math

from svg_figure import (BLUE, GREEN, ORANGE, PINK, TEAL, TEXT, VIOLET, document, line, marker, path,
                        text)

X, Y = "gb_seconds", "slowdown_p99"
X_TITLE, Y_TITLE = "GB-seconds", "p99 slowdown"
WIDTH, PANEL = 860, 500
LEFT, RIGHT, TOP, BOTTOM = 70, 24, 108, 58
COLOURS = (BLUE, ORANGE, VIOLET, PINK, TEAL)  # of the clusters, in the order in which they come
SHAPES = ("circle", "square", "diamond")


def known(value):
    return isinstance(value, (int, float)) and math.isfinite(value)


def stat(row, key):
    """{mean, low, high, …} of a row; values may be missing."""
    return (row.get("stats") or {}).get(key) or {}


def mean(row, key):
    value = stat(row, key).get("mean")
    return value if known(value) else None


def interval(row, key):
    low, high = stat(row, key).get("low"), stat(row, key).get("high")
    return (low, high) if known(low) and known(high) else None


def front(rows):
    """Rows that no other beats in X and Y, less being better in both; from the least X. Policies
    that know the future are left out."""
    points = [(mean(row, X), mean(row, Y), row) for row in rows if not row.get("clairvoyant")]
    best = [p for p in points
            if not any(q[0] <= p[0] and q[1] <= p[1] and (q[0] < p[0] or q[1] < p[1])
                       for q in points)]
    return [row for _, _, row in sorted(best, key=lambda p: (p[0], p[1]))]


class Axis:
    """From values to places between `start` and `end`: linear from zero, or logarithmic where
    values are positive and more than 20 times apart."""

    def __init__(self, values, start, end):
        self.start, self.end = start, end
        low, high = min(values), max(values)
        self.log = low > 0 and high > 20 * low
        if self.log:
            self.low, self.high = low / 1.2, high * 1.2
        else:
            step = self._step(high)
            self.low, self.high = 0.0, step * max(1, math.ceil(high * 1.02 / step))

    @staticmethod
    def _step(high):
        rough = (high or 1.0) / 5
        unit = 10.0 ** math.floor(math.log10(rough))
        return next(head * unit for head in (1, 2, 2.5, 5, 10) if head * unit >= rough)

    def place(self, value):
        if self.log:
            share = math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + max(0.0, min(1.0, share)) * (self.end - self.start)

    def ticks(self):
        if not self.log:
            step = self._step(self.high / 1.02)
            return [i * step for i in range(round(self.high / step) + 1)]
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        heads = (1, 3) if math.log10(self.high / self.low) > 1.2 else (1, 2, 5)
        values = [head * 10.0 ** decade for decade in decades for head in heads]
        return [v for v in values if self.low <= v <= self.high]


def short(value):
    """1200000 is 1.2M."""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= limit:
            return f"{value / (1e3 if unit == 'k' else limit):.3g}{unit}"
    return f"{value:.4g}"


def symbol(shape, x, y, tuned, colour):
    """The default's is the larger: around its tuned twin where tuning left it as it is."""
    return marker(shape, x, y, 3.8 if tuned else 5.2, colour if tuned else "#ffffff", colour, 1.6)


class Panel:
    """The plot of one workload, `top` below the top of the figure."""

    def __init__(self, results, workload, top):
        self.workload, self.top = workload, top
        rows = [row for row in results["rows"] if row["workload"] == workload]
        self.rows = [r for r in rows if mean(r, X) is not None and mean(r, Y) is not None]
        self.clusters = list(dict.fromkeys(row["cluster"] for row in results["rows"]))
        self.bounds = [b for b in results.get("bounds") or [] if b["workload"] == workload
                       and known(b.get("warm_gb_seconds"))]
        self.bottom = top + PANEL - BOTTOM
        xs = [v for r in self.rows for v in (mean(r, X), *(interval(r, X) or ()))]
        ys = [v for r in self.rows for v in (mean(r, Y), *(interval(r, Y) or ()))]
        self.x = Axis(xs + [b["warm_gb_seconds"] for b in self.bounds] or [1.0], LEFT,
                      WIDTH - RIGHT)
        self.y = Axis(ys or [1.0], self.bottom, top + TOP)

    def at(self, row):
        return self.x.place(mean(row, X)), self.y.place(mean(row, Y))

    def look(self, cluster):
        index = self.clusters.index(cluster) if cluster in self.clusters else len(self.clusters)
        return COLOURS[index % len(COLOURS)], SHAPES[index % len(SHAPES)]

    def draw(self):
        parts = [*self._axes(), *self._bounds(), *self._links(), *self._front()]
        for row in sorted(self.rows, key=lambda row: row["tuned"]):
            parts += self._point(row)
        return parts + self._names() + self._key()

    def _axes(self):
        parts = []
        for value in self.x.ticks():
            x = self.x.place(value)
            parts.append(line(x, self.top + TOP, x, self.bottom, extra=' stroke-opacity="0.25"'))
            parts.append(text(x, self.bottom + 19, short(value)))
        for value in self.y.ticks():
            y = self.y.place(value)
            parts.append(line(LEFT, y, WIDTH - RIGHT, y, extra=' stroke-opacity="0.25"'))
            parts.append(text(LEFT - 8, y + 4.5, short(value) + "×", "end"))
        log = [" (log)" if axis.log else "" for axis in (self.x, self.y)]
        parts.append(text((LEFT + WIDTH - RIGHT) / 2, self.bottom + 42, X_TITLE + log[0]))
        parts.append(text(LEFT, self.top + TOP - 10, Y_TITLE + log[1], "start"))
        return parts

    def _bounds(self):
        return [line(x, self.top + TOP, x, self.bottom, colour, 1.6, ' stroke-dasharray="7 4"')
                for _, colour, value in self._bound_lines() for x in [self.x.place(value)]]

    def _bound_lines(self):
        """(label, colour, value): bounds that are as good as one share a line."""
        groups = []
        for bound in self.bounds:
            value = bound["warm_gb_seconds"]
            same = [g for g in groups if abs(g[0]["warm_gb_seconds"] - value) <= 0.005 * value]
            if same:
                same[0].append(bound)
            else:
                groups.append([bound])
        lines = []
        for group in groups:
            label = ("bound" if 1 < len(group) == len(self.bounds)
                     else ", ".join(b["label"] for b in group))
            colour = TEXT if len(group) > 1 else self.look(group[0]["cluster"])[0]
            lines.append((label + ", no cold start", colour, group[0]["warm_gb_seconds"]))
        return lines

    def _links(self):
        """From a rule's default to its tuned variant."""
        same = ("policy", "cluster")
        return [line(*self.at(a), *self.at(b), TEXT, 1.0, ' stroke-opacity="0.7"')
                for b in self.rows if b["tuned"] for a in self.rows
                if not a["tuned"] and all(a[key] == b[key] for key in same)]

    def _front(self):
        corners = self._corners()
        return [path(corners, GREEN, 2)] if len(corners) > 1 else []

    def _corners(self):
        corners = []
        for x, y in map(self.at, front(self.rows)):
            if corners:
                corners.append((x, corners[-1][1]))
            corners.append((x, y))
        return corners

    def _whisker(self, row):
        """The ends of the interval in x, as places."""
        x, _ = self.at(row)
        return [self.x.place(v) for v in interval(row, X) or ()] or [x, x]

    def _point(self, row):
        (x, y), (colour, shape) = self.at(row), self.look(row["cluster"])
        parts = []
        if interval(row, X):
            low, high = self._whisker(row)
            parts.append(line(low, y, high, y, colour, 1.3))
            parts += [line(end, y - 3, end, y + 3, colour, 1.3) for end in (low, high)]
        if interval(row, Y):
            low, high = (self.y.place(v) for v in interval(row, Y))
            parts.append(line(x, low, x, high, colour, 1.3))
            parts += [line(x - 3, end, x + 3, end, colour, 1.3) for end in (low, high)]
        return parts + [symbol(shape, x, y, row["tuned"], colour)]

    def _names(self):
        """Beside the points where there is room, those of the front first; others are in the table."""
        taken = []
        for row in self.rows:
            (_, y), (low, high) = self.at(row), self._whisker(row)
            taken.append((low - 5, y - 6, high + 5, y + 6))
        boxes, parts, corners = list(taken), [], self._corners()
        for (x1, y1), (x2, y2) in zip(corners, corners[1:]):
            taken.append((min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)))
        on_front = [id(row) for row in front(self.rows)]
        order = sorted(zip(self.rows, boxes), key=lambda rb: id(rb[0]) not in on_front)
        for row, (left, _, right, _) in order:
            x, y = self.at(row)
            width = 6.4 * len(row["label"])
            for begin, middle in ((right + 3, y), (left - 5 - width, y), (x - width / 2, y - 15),
                                  (x - width / 2, y + 15), (x + 8, y - 15), (x + 8, y + 15),
                                  (x - 8 - width, y - 15), (x - 8 - width, y + 15)):
                box = (begin, middle - 6, begin + width, middle + 6)
                if self._free(box, taken):
                    taken.append(box)
                    parts.append(text(begin, middle + 4, row["label"], "start", 12))
                    break
        return parts

    def _free(self, box, taken):
        inside = (box[0] >= LEFT and box[2] <= WIDTH - RIGHT and box[1] >= self.top + TOP
                  and box[3] <= self.bottom)
        return inside and all(box[2] < t[0] or t[2] < box[0] or box[3] < t[1] or t[3] < box[1]
                              for t in taken)

    def _key(self):
        parts = [text(LEFT, self.top + 24, self.workload, "start", 15, TEXT,
                      ' font-weight="bold"')]
        x, y = LEFT + 6, self.top + 46
        for cluster in dict.fromkeys(row["cluster"] for row in self.rows):
            colour, shape = self.look(cluster)
            parts += [symbol(shape, x, y, False, colour), symbol(shape, x + 16, y, True, colour)]
            parts.append(text(x + 28, y + 4.5, cluster, "start", 12))
            x += 50 + 6.4 * len(cluster)
        parts.append(text(x, y + 4.5, "(hollow: default, filled: tuned)", "start", 12))
        x, y = LEFT, self.top + 66
        for label, colour, dash in [("Pareto front", GREEN, "")] + [
                (label, colour, ' stroke-dasharray="7 4"')
                for label, colour, _ in self._bound_lines()]:
            parts.append(line(x, y, x + 18, y, colour, 2, dash))
            parts.append(text(x + 24, y + 4.5, label, "start", 12))
            x += 46 + 6.4 * len(label)
        return parts


def draw(results):
    """The whole SVG of the results (see runs/experiment_page.h)."""
    workloads = list(dict.fromkeys(row["workload"] for row in results["rows"]))
    parts = []
    for i, workload in enumerate(workloads):
        parts += Panel(results, workload, i * PANEL).draw()
    return document(WIDTH, PANEL * len(workloads),
                    f"{results['name']}: {Y_TITLE} against {X_TITLE}, one plot for each workload",
                    parts)
