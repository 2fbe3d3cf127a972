"""Parts of the figures that scripts draw as SVG."""

import html

# Blue and orange are apart for every kind of colour vision; shapes tell things apart without
# colour. All, and the grey of the text, have a contrast of 3 and more to white and to black.
TEXT = "#75808c"
BLUE, ORANGE, VIOLET, GREEN = "#2080d8", "#d9700a", "#8250df", "#1a8f5e"
PINK, TEAL = "#c8458f", "#0f8c99"


def plain(content):
    """As text of an XML document, which cannot hold control characters at all."""
    return html.escape("".join(c if c.isprintable() else " " for c in str(content)))


def text(x, y, content, anchor="middle", size=13, colour=TEXT, extra=""):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" '
            f'fill="{colour}"{extra}>{plain(content)}</text>')


def line(x1, y1, x2, y2, colour=TEXT, width=1.0, extra=""):
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
            f'stroke-width="{width}"{extra}/>')


def path(points, colour, width, dashes=""):
    """A line through [(x, y)]."""
    dash = f' stroke-dasharray="{dashes}"' if dashes else ""
    return (f'<path d="M{"L".join(f"{x:.1f} {y:.1f}" for x, y in points)}" fill="none" '
            f'stroke="{colour}" stroke-width="{width}"{dash} stroke-linejoin="round"/>')


def area(points, colour, opacity):
    """What a closed line through [(x, y)] goes round, filled."""
    return (f'<path d="M{"L".join(f"{x:.1f} {y:.1f}" for x, y in points)}Z" fill="{colour}" '
            f'fill-opacity="{opacity}"/>')


def bar(x, y, width, height, colour):
    """Pale enough for whiskers in the colour of the text."""
    return (f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
            f'fill="{colour}" fill-opacity="0.55"/>')


def marker(kind, x, y, size, fill, stroke, width=1.0):
    style = f'fill="{fill}" stroke="{stroke}" stroke-width="{width}"'
    if kind == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size}" {style}/>'
    if kind == "square":
        return (f'<rect x="{x - size:.1f}" y="{y - size:.1f}" width="{2 * size}" '
                f'height="{2 * size}" {style}/>')
    s = size * 1.3
    return (f'<path d="M{x:.1f} {y - s:.1f}L{x + s:.1f} {y:.1f}L{x:.1f} {y + s:.1f}'
            f'L{x - s:.1f} {y:.1f}Z" {style}/>')


def document(width, height, title, parts):
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" role="img" font-family="Helvetica, Arial, '
            f'sans-serif">\n<title>{plain(title)}</title>\n' + "\n".join(parts) +
            "\n</svg>\n")
