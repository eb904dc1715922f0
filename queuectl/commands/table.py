"""A table that fits the terminal: it shortens what may be cut, then does without columns, and never cuts an id."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size

from queuectl.commands.terminal import painted

if TYPE_CHECKING:
    from queuectl.commands.output import Column

GAP = 2


def table_lines(records: Sequence[object], columns: Sequence[Column], *, color: bool) -> Iterator[str]:
    """Lay records out in lines no wider than the terminal, a head first; nothing for no records."""
    if not records:
        return
    width = shutil.get_terminal_size().columns
    texts = {column: [column.text(record) for record in records] for column in columns}
    texts = {column: cells for column, cells in texts.items() if any(cells)}
    widths = fit({column: max(map(cell_len, [column.title, *cells])) for column, cells in texts.items()}, width)
    yield _line([(column.title, "bold") for column in widths], widths, color)
    for row, record in enumerate(records):
        cells = [(texts[column][row], column.style(record) if column.style else "") for column in widths]
        yield _line(cells, widths, color)


def fit(natural: dict[Column, int], width: int) -> dict[Column, int]:
    """Choose columns and their widths so that a line fits; those that may be shortened share what the others leave."""
    columns = dict(natural)
    while True:
        fixed = sum(size for column, size in columns.items() if column.least is None) + GAP * (len(columns) - 1)
        flexible = {column: size for column, size in columns.items() if column.least is not None}
        least = sum(min(size, column.least or 0) for column, size in flexible.items())
        droppable = [column for column in columns if column.rank]
        if fixed + least <= width or not droppable:
            return columns | _share(flexible, max(width - fixed, 1))
        del columns[max(droppable, key=lambda column: column.rank)]


def _share(wanted: dict[Column, int], room: int) -> dict[Column, int]:
    shares: dict[Column, int] = {}
    for column, size in sorted(wanted.items(), key=lambda item: item[1]):
        shares[column] = max(min(size, room // (len(wanted) - len(shares))), 1)
        room -= shares[column]
    return shares


def _line(cells: list[tuple[str, str]], widths: dict[Column, int], color: bool) -> str:
    parts = []
    for (text, style), (column, width) in zip(cells, widths.items(), strict=True):
        shown = _shortened(text, width) if column.least is not None else text
        padding = " " * max(width - cell_len(shown), 0)
        cell = painted(shown, style, color)
        parts.append(padding + cell if column.right else cell + padding)
    return (" " * GAP).join(parts).rstrip()


def _shortened(text: str, width: int) -> str:
    if cell_len(text) <= width:
        return text
    mark = "…" if "utf" in (sys.stdout.encoding or "").lower() else "..."
    return set_cell_size(text, max(width - len(mark), 0)).rstrip() + mark[:width]
