"""What was measured, for people, for programs and as a picture."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Sequence
from typing import Any
from xml.sax.saxutils import escape

from benchmarks.speed.contest import Result

NAMES = 30
"""Columns of the table that the names take."""

BAR, LINE, LABEL, SPACE = 420, 20, 220, 90
"""Pixels of the picture: the longest bar, a line, the names, and what stands behind a bar."""


def machine() -> str:
    """Return on what this runs: ratios carry over to other machines, and what they are made of does not."""
    return f"{os.cpu_count()} processors, {platform.machine()}, {platform.system()}, Python {platform.python_version()}"


def table(result: Result) -> Iterator[str]:
    """Tell what was measured, a line for each contender."""
    contest = result.contest
    yield f"{contest.title} ({contest.unit}, {'more' if contest.more_is_better else 'less'} is better)"
    for name, values in result.values.items():
        share = result.median(name) / result.median(contest.budget.reference)
        spread = f"[{number(min(values))}-{number(max(values))}]"
        yield f"  {name:{NAMES}} {number(result.median(name)):>9} {spread:>21} {share:8.2f}"
    for name, reason in result.missing.items():
        yield f"  {name:{NAMES}} {'-':>9} {reason}"
    kept = "kept" if contest.budget.is_kept(result.ratio) else "NOT KEPT"
    yield f"  budget: {contest.budget}; it is {result.ratio:.2f}: {kept}"


def number(value: float) -> str:
    """Return a number with as many digits as are worth reading."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


BEGIN, END = "<!-- figures of python -m benchmarks -->", "<!-- end of the figures -->"
"""Between what the figures stand in a page."""


def put_into(page: str, results: Sequence[Result]) -> str:
    """Put what was measured into a page, in the place of what stood there. Raises ValueError without such a place."""
    before, begun, rest = page.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not begun or not ended:
        raise ValueError(f"there is no {BEGIN} … {END} in it")
    return f"{before}{BEGIN}\n\n{markdown(results)}\n{END}{after}"


def markdown(results: Sequence[Result]) -> str:
    """Return the medians as a table, each beside those of the others and its ratio to them."""
    rows = "".join(f"| {result.contest.title} | {_first(result)} | {_others(result)} |\n" for result in results)
    head = "| what | queuectl | beside it (queuectl's part of that) |\n| --- | --- | --- |\n"
    return f"Measured on {machine()}.\n\n{head}{rows}"


def _first(result: Result) -> str:
    first = result.contest.contenders[0].name
    return f"**{number(result.median(first))} {result.contest.unit}**"


def _others(result: Result) -> str:
    first, *others = result.values
    mine = result.median(first)
    told = [f"{name} {number(result.median(name))} ({number(mine / result.median(name))})" for name in others]
    return ", ".join(told)


def document(results: Sequence[Result]) -> dict[str, Any]:
    """Return all that was measured, every single value."""
    return {"machine": machine(), "contests": [_contest(result) for result in results]}


def _contest(result: Result) -> dict[str, Any]:
    contest = result.contest
    return {
        "title": contest.title,
        "unit": contest.unit,
        "more_is_better": contest.more_is_better,
        "values": dict(result.values),
        "missing": dict(result.missing),
        "reference": contest.budget.reference,
        "budget": str(contest.budget),
        "ratio": result.ratio,
        "kept": contest.budget.is_kept(result.ratio),
    }


def picture(results: Sequence[Result]) -> str:
    """Draw a bar for each contender, as SVG, the first of each contest in a stronger colour."""
    drawn: list[str] = []
    y = LINE
    for result in results:
        drawn.append(
            f'<text x="8" y="{y}" font-weight="bold">{escape(f"{result.contest.title}, {result.contest.unit}")}</text>'
        )
        longest = max(result.median(name) for name in result.values)
        for place, name in enumerate(result.values):
            y += LINE
            drawn += _bar(name, result.median(name), longest, y, strong=place == 0)
        y += 2 * LINE
    size = f'width="{LABEL + BAR + SPACE}" height="{y}"'
    frame = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="13">'
    return "\n".join([frame, '<rect width="100%" height="100%" fill="white"/>', *drawn, "</svg>", ""])


def _bar(name: str, value: float, longest: float, y: int, *, strong: bool) -> Iterator[str]:
    width = max(1.0, BAR * value / longest)
    colour = "#2563a8" if strong else "#b8c4d0"
    yield f'<text x="{LABEL - 8}" y="{y}" text-anchor="end">{escape(name)}</text>'
    yield f'<rect x="{LABEL}" y="{y - 12}" width="{width:.1f}" height="15" fill="{colour}"/>'
    yield f'<text x="{LABEL + width + 6:.1f}" y="{y}">{number(value)}</text>'
