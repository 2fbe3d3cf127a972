"""The figure of docs/contention.md, drawn as SVG. Used by scripts/plot-contention."""

import math

from svg_figure import BLUE, ORANGE, TEXT, VIOLET, document, line, marker, path, text

WIDTH, HEIGHT = 860, 540
LEFT, RIGHT, TOP, BOTTOM = 82, 100, 72, 64
LOWEST_MS, HIGHEST_MS = 10.0, 100_000.0
COUNT_SHOWN = 16

SERIES = {  # colour, width, dashes, marker, label
    "latency": (VIOLET, 3.5, "", "diamond", "latency"),
    "wait": (BLUE, 2, "7 4", "circle", "wait"),
    "execution": (ORANGE, 2, "", "square", "execution"),
}


def x_of(count):
    return LEFT + (count - 0.5) / COUNT_SHOWN * (WIDTH - LEFT - RIGHT)


def y_of(ms):
    share = (math.log10(ms) - math.log10(LOWEST_MS)) / math.log10(HIGHEST_MS / LOWEST_MS)
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def axes():
    parts = []
    for exponent in range(round(math.log10(LOWEST_MS)), round(math.log10(HIGHEST_MS)) + 1):
        y = y_of(10.0 ** exponent)
        parts.append(line(LEFT, y, WIDTH - RIGHT, y, extra=' stroke-opacity="0.35"'))
        label = f"{10 ** exponent} ms" if exponent < 3 else f"{10 ** (exponent - 3)} s"
        parts.append(text(LEFT - 10, y + 4.5, label, "end"))
        for step in range(2, 10):
            if 10.0 ** exponent * step < HIGHEST_MS:
                y = y_of(10.0 ** exponent * step)
                parts.append(line(LEFT - 4, y, LEFT, y, extra=' stroke-opacity="0.6"'))
    for count in range(1, COUNT_SHOWN + 1):
        parts.append(text(x_of(count), HEIGHT - BOTTOM + 20, count))
    parts.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 16,
                      "containers of the function on the node"))
    return parts


def series(name, estimates):
    """Line, intervals and markers of {count: Estimate}; the line leaves the plot where a value is
    below the axis."""
    colour, width, dashes, kind, _ = SERIES[name]
    points, parts, marks = [], [], []
    for count, estimate in estimates.items():
        x, visible = x_of(count), estimate.mean > LOWEST_MS
        points.append((x, y_of(max(estimate.mean, LOWEST_MS))))
        if not visible:
            break
        low = y_of(max(estimate.mean - estimate.half, LOWEST_MS))
        high = y_of(min(estimate.mean + estimate.half, HIGHEST_MS))
        if low - high > 6:
            parts.append(line(x, low, x, high, colour, 1.5))
            if estimate.mean - estimate.half > LOWEST_MS:
                parts.append(line(x - 4, low, x + 4, low, colour, 1.5))
            parts.append(line(x - 4, high, x + 4, high, colour, 1.5))
        marks.append(marker(kind, x, points[-1][1], 4, colour, colour))
    return [path(points, colour, width, dashes), *parts, *marks]


def measured(name, values):
    colour, _, _, kind, _ = SERIES[name]
    return [marker(kind, x_of(count), y_of(value), 8, "none", colour, 2.2)
            for count, value in zip((2, 12), values)]


def labels(counts):
    last = max(counts)
    x = x_of(last) + 16
    total, execution = y_of(counts[last]["latency"].mean), y_of(counts[last]["execution"].mean)
    lower = max(execution, total + 18) + 8  # where the lines meet, the labels keep their distance
    parts = [text(x, total, "latency", "start", 14, SERIES["latency"][0], ' font-weight="bold"'),
             text(x, lower, "execution", "start", 14, SERIES["execution"][0])]
    falling = [count for count in counts if counts[count]["wait"].mean > LOWEST_MS]
    beyond = x_of(max(falling) + 1) + 10
    parts.append(text(beyond, y_of(24), "wait", "start", 14, SERIES["wait"][0]))
    parts.append(text(beyond, y_of(24) + 19, "fewer than 1 % wait", "start", 12))
    best = min(counts, key=lambda count: counts[count]["latency"].mean)
    x, y = x_of(best), y_of(counts[best]["latency"].mean)
    parts.append(line(x, y - 12, x, y - 52))
    parts.append(text(x, y - 72, f"lowest: {best} containers,"))
    parts.append(text(x, y - 57, f"{counts[best]['latency'].mean:,.0f} ms"))
    parts.append(text(x_of(1) + 12, y_of(60_000) + 5,
                      "1 container is overloaded: only the 60 s time-out bounds its wait",
                      "start", 12))
    return parts


def key():
    parts = [text(LEFT, 24, "99th percentile of Base64 at 4 requests a second, one node of 4 cores",
                  "start", 15, TEXT, ' font-weight="bold"'),
             marker("circle", LEFT + 5, 44, 4, TEXT, TEXT),
             text(LEFT + 16, 48.5, "simulated: mean of the seeds, 95 % interval", "start"),
             marker("circle", LEFT + 345, 44, 7, "none", TEXT, 2.2),
             text(LEFT + 360, 48.5, "measured on OpenWhisk", "start")]
    return parts


def draw(counts, published):
    """The whole SVG; `counts` is {count: {"wait" | "execution" | "latency": Estimate in ms}} and
    `published` {"wait" | "execution": (ms at 2, ms at 12)}."""
    parts = [*axes(), *key()]
    for name in ("wait", "execution", "latency"):
        parts += series(name, {count: e[name] for count, e in counts.items()})
    for name in ("wait", "execution"):
        parts += measured(name, published[name])
    parts += labels(counts)
    return document(WIDTH, HEIGHT, "Latency against the number of containers: waiting falls, "
                    "execution rises, latency is U-shaped", parts)
