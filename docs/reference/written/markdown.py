"""Markdown: tables, and docstrings as paragraphs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from textwrap import dedent


def table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table."""
    cells = [heading, ["---"] * len(heading), *([_cell(cell) for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(row)} |\n" for row in cells)


def _cell(text: str) -> str:
    return text.replace("|", r"\|").replace("\n\n", " ")


def flowing(text: str) -> str:
    r"""Return paragraphs as lines that may be broken anywhere.

    Code is fenced, and so is a block that `\b` marks, as click knows it.
    """
    parts = []
    for code, paragraphs in groupby(text.split("\n\n"), _is_code):
        if code:
            parts.append("```python example\n" + dedent("\n\n".join(paragraphs)) + "\n```")
        else:
            parts += map(_paragraph, paragraphs)
    return "\n\n".join(parts)


def _paragraph(text: str) -> str:
    if text.startswith("\b\n"):
        return f"```text\n{text[2:]}\n```"
    return " ".join(line.strip() for line in text.splitlines())


def _is_code(paragraph: str) -> bool:
    """Whether all of it is indented, or all below a first line that ends with a colon."""
    first, *rest = paragraph.split("\n")
    return first.startswith("    ") or (first.endswith(":") and bool(rest) and all(x.startswith("    ") for x in rest))
