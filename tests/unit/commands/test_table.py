"""A table fits its terminal, whatever the records hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from queuectl.commands.output import Column
from queuectl.commands.table import fit, table_lines

ID = Column("ID", lambda row: row["id"])
QUEUE = Column("QUEUE", lambda row: row.get("queue", "default"), rank=2)
TRIES = Column("TRIES", lambda row: row.get("tries", 1), rank=3, right=True)
WHY = Column("WHY", lambda row: row.get("why"), rank=1, least=12)
COMMAND = Column("COMMAND", lambda row: row["command"], least=12, style=lambda row: "red")
ALL = (ID, QUEUE, TRIES, WHY, COMMAND)


@pytest.fixture(autouse=True)
def _width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")


def test_no_records_make_no_table() -> None:
    """Not even a head."""
    assert list(table_lines([], ALL, color=False)) == []


def test_a_table_has_a_head_and_aligned_columns() -> None:
    """Numbers stand on the right, and no line ends with blanks."""
    rows = [{"id": "a", "command": "true", "tries": 10, "why": "x"}, {"id": "bcd", "command": "false", "tries": 2}]
    assert list(table_lines(rows, ALL, color=False)) == [
        "ID   QUEUE    TRIES  WHY  COMMAND",
        "a    default     10  x    true",
        "bcd  default      2       false",
    ]


def test_a_column_without_content_is_left_out() -> None:
    """Nothing to say, nothing to show."""
    assert "WHY" not in next(table_lines([{"id": "a", "command": "true"}], ALL, color=False))


def test_a_long_command_is_shortened_and_says_so() -> None:
    """The line ends where the terminal ends."""
    lines = list(table_lines([{"id": "abc", "command": "x" * 200}], (ID, COMMAND), color=False))
    assert lines[1] == "abc  " + "x" * 54 + "…"
    assert len(lines[1]) == 60


def test_a_narrow_terminal_does_without_the_least_important_columns() -> None:
    """The highest rank goes first; ids and what has rank 0 stay."""
    natural = {ID: 13, QUEUE: 10, TRIES: 5, WHY: 30, COMMAND: 80}
    assert [column.title for column in fit(natural, 60)] == ["ID", "QUEUE", "TRIES", "WHY", "COMMAND"]
    assert [column.title for column in fit(natural, 53)] == ["ID", "QUEUE", "WHY", "COMMAND"]
    assert [column.title for column in fit(natural, 42)] == ["ID", "WHY", "COMMAND"]
    assert [column.title for column in fit(natural, 30)] == ["ID", "COMMAND"]


def test_an_id_is_never_cut() -> None:
    """Not even on a terminal narrower than the id."""
    assert list(table_lines([{"id": "i" * 100, "command": "true"}], ALL, color=False))[1].split()[0] == "i" * 100


def test_colour_does_not_change_the_width() -> None:
    """Escape codes take no room."""
    rows = [{"id": "abc", "command": "x" * 200}]
    plain, painted = (list(table_lines(rows, (ID, COMMAND), color=color)) for color in (False, True))
    assert painted[1].replace("\x1b[31m", "").replace("\x1b[0m", "") == plain[1]
    assert painted[1] != plain[1]


@given(
    st.lists(
        st.fixed_dictionaries(
            {"id": st.from_regex("[a-z0-9]{1,13}", fullmatch=True), "command": st.text(), "why": st.text()}
        ),
        min_size=1,
        max_size=5,
    )
)
def test_every_line_fits(rows: list[dict[str, str]]) -> None:
    """Wide, combining and control characters included."""
    for line in table_lines(rows, ALL, color=False):
        assert cell_len(line) <= 60
        assert line.isprintable() or all(not character < " " for character in line)
