"""The figure of docs/validation.md, drawn as SVG. Used by scripts/validate-knative."""

import math

from svg_figure import TEXT, document, line, marker, text

WIDTH, HEIGHT = 700, 640
LEFT, RIGHT, TOP, BOTTOM = 82, 30, 92, 64
ZERO, LOWEST, HIGHEST = 0.4, 1.0, 1000.0  # 0 has a place of its own, below the scale

SHORT, LONG = ("#2080d8", "circle"), ("#d9700a", "square")


def share(value):
    shown = max(value, ZERO) if value >= LOWEST else ZERO
    return math.log(shown / (ZERO * 0.75)) / math.log(HIGHEST / (ZERO * 0.75))


def x_of(value):
    return LEFT + share(value) * (WIDTH - LEFT - RIGHT)


def y_of(value):
    return HEIGHT - BOTTOM - share(value) * (HEIGHT - TOP - BOTTOM)


def axes():
    parts = []
    for value in (0, 1, 10, 100, 1000):
        x, y = x_of(value), y_of(value)
        parts.append(line(LEFT, y, WIDTH - RIGHT, y, extra=' stroke-opacity="0.35"'))
        parts.append(line(x, TOP, x, HEIGHT - BOTTOM, extra=' stroke-opacity="0.35"'))
        parts.append(text(LEFT - 10, y + 4.5, value, "end"))
        parts.append(text(x, HEIGHT - BOTTOM + 20, value))
    parts.append(line(x_of(1), y_of(1), x_of(1000), y_of(1000), width=1.5,
                      extra=' stroke-dasharray="6 4"'))
    middle = (TOP + HEIGHT - BOTTOM) / 2
    parts.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 16, "cold starts simulated"))
    parts.append(text(26, middle, "cold starts measured",
                      extra=f' transform="rotate(-90 26 {middle:.0f})"'))
    return parts


def key():
    parts = [text(LEFT, 24, "Cold starts of each application in 21 h 50 min, default KPA", "start",
                  15, TEXT, ' font-weight="bold"')]
    for x, (colour, kind), label in ((LEFT + 5, SHORT, "executes below 0.7 s"),
                                     (LEFT + 205, LONG, "0.7 s and longer")):
        parts.append(marker(kind, x, 48, 5, colour, colour))
        parts.append(text(x + 12, 52.5, label, "start"))
    parts.append(line(LEFT + 372, 48, LEFT + 402, 48, width=1.5, extra=' stroke-dasharray="6 4"'))
    parts.append(text(LEFT + 410, 52.5, "equal", "start"))
    return parts


def draw(points):
    """The whole SVG; `points` holds (measured, simulated, whether it executes below 0.7 s)."""
    parts = [*axes(), *key()]
    for measured, simulated, short in sorted(points):
        colour, kind = SHORT if short else LONG
        parts.append(f'<g fill-opacity="0.45">'
                     f'{marker(kind, x_of(simulated), y_of(measured), 5, colour, colour)}</g>')
    return document(WIDTH, HEIGHT, "Cold starts measured against cold starts simulated, for each "
                    "application", parts)
