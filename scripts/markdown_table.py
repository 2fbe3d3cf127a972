"""Tables in Markdown, what stands in them, and how they get into a document."""

import re


def table(header, rows, left=0):
    """Aligned to the right but for the first `left` columns."""
    lines = ["| " + " | ".join(cells) + " |" for cells in [header, *rows]]
    marks = ["---"] * left + ["---:"] * (len(header) - left)
    lines.insert(1, "| " + " | ".join(marks) + " |")
    return "\n".join(lines)


def decimals(value):
    """Three digits, or the whole part."""
    for digits, least in ((0, 99.95), (1, 9.995), (2, 0.9995)):
        if abs(value) >= least:
            return digits
    return 3 if value else 0


def plain(name):
    """A name from the data, as nothing but text in a table of Markdown."""
    for character in "\\`*_[]<>|#":
        name = name.replace(character, "\\" + character)
    return " ".join(name.split())


def put(document, name, script, content):
    """Replaces what stands between the marks of `name`, which `script` writes."""
    marks = f"<!-- {name}: written by {script} -->", f"<!-- end of {name} -->"
    before = document.read_text(encoding="utf-8")
    pattern = re.compile(re.escape(marks[0]) + ".*?" + re.escape(marks[1]), re.DOTALL)
    if not pattern.search(before):
        raise RuntimeError(f"{document}: the marks of {name} are not there; write these two lines "
                           f"where it belongs:\n{marks[0]}\n{marks[1]}")
    after = pattern.sub(lambda _: f"{marks[0]}\n{content}\n{marks[1]}", before)
    document.write_text(after, encoding="utf-8")
